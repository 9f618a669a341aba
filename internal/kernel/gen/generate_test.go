package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The files in package kernel are what generate makes.
func TestGenerated(t *testing.T) {
	asm, stubs, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{asmFile: asm, stubsFile: stubs} {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: go generate ./internal/kernel", name)
		}
	}
}

func TestCheckRegisters(t *testing.T) {
	for text, ok := range map[string]bool{"VADDPS Y1, Y15, Y2": true, "VADDPS Y1, Y16, Y2": false, "VMOVUPS X31, X0": false} {
		if err := checkRegisters([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
