package parallel

import (
	"fmt"
	"runtime/debug"
)

// A Panic is what For panics with when a body does, perhaps in another goroutine.
type Panic struct {
	Value any    // that body panicked with
	Stack []byte // of the goroutine that did, as debug.Stack gives it
}

// Recovered makes a Panic of what recover returned, with the stack, in the deferred function that called it. One that For
// panicked with stays what it is.
func Recovered(value any) *Panic {
	if p, ok := value.(*Panic); ok {
		return p
	}
	return &Panic{value, debug.Stack()}
}

// Error is the value and the stack, so that a program that ends with the panic shows where it began.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// Unwrap returns the value if it is an error, such as a runtime.Error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}
