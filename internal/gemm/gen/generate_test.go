package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The files in package gemm are what the generator makes.
func TestGenerated(t *testing.T) {
	if err := kernels.Check(".."); err != nil {
		t.Error(err)
	}
	for name, want := range texts() {
		if got, err := os.ReadFile(filepath.Join("..", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: go generate (%v)", name, err)
		}
	}
}
