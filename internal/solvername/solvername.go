// Package solvername describes solvers in errors.
package solvername

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Of describes a solver: by its type if it does not describe itself.
func Of(solver G.Solver) string {
	if s, ok := solver.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", solver)
}
