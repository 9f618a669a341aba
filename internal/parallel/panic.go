package parallel

import (
	"fmt"
	"runtime/debug"
)

// A Panic is the value with which For panics if a body does, perhaps on another goroutine.
type Panic struct {
	Value any    // value of the original panic
	Stack []byte // stack of its goroutine, as returned by debug.Stack
}

// Recovered makes a Panic from the result of recover, with the stack, in the deferred function that called recover. A Panic
// of For is returned unchanged.
func Recovered(value any) *Panic {
	if p, ok := value.(*Panic); ok {
		return p
	}
	return &Panic{value, debug.Stack()}
}

// Error returns the value and the stack, so that a program that ends with the panic shows where it started.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// Unwrap returns the value if it is an error, such as a runtime.Error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}
