package main

import "testing"

// The files in package elementary are what the generator makes.
func TestGenerated(t *testing.T) {
	if err := kernels.Check(".."); err != nil {
		t.Error(err)
	}
}
