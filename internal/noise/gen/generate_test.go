package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files in package noise are what generate makes.
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
			t.Errorf("%s is out of date: go generate ./internal/noise", name)
		}
	}
}

func TestCheckRegisters(t *testing.T) {
	const ok = "TEXT ·addAVX2(SB), NOSPLIT, $0\n\tVADDPS Y1, Y15, Y2\n\tRET\n\nTEXT ·addAVX512(SB), NOSPLIT, $0\n\tVADDPS Z1, Z17, Z2\n"
	if err := checkRegisters([]byte(ok)); err != nil {
		t.Error(err)
	}
	for _, reg := range []string{"Y16", "X20", "Y31", "Z0"} {
		if err := checkRegisters([]byte(strings.Replace(ok, "Y15", reg, 1))); err == nil {
			t.Errorf("%s in AVX2 code: no error", reg)
		}
	}
}
