package graph

import "github.com/pkg/errors"

// UseNativeBLAS puts the machine's native BLAS under Gorgonia and this package,
// and returns the name of the library it found. Without one it returns an error
// and leaves everything as it was.
func UseNativeBLAS() (name string, err error) {
	return "", errors.New("graph: UseNativeBLAS: not there yet")
}
