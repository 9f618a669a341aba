// Package limited interrupts programs under test at chosen places.
package limited

import "context"

// Context returns a context that is cancelled after its Err has been called n times. It is for one goroutine.
func Context(n int) context.Context { return &limited{context.Background(), n} }

type limited struct {
	context.Context
	left int
}

func (l *limited) Err() error {
	if l.left--; l.left < 0 {
		return context.Canceled
	}
	return nil
}
