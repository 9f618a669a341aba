package vectorasm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmcloughlin/avo/build"
)

func TestPackage(t *testing.T) {
	dir := t.TempDir()
	p := Package{"p", func(ctx *build.Context, table *Table) {
		k := NewKernel(ctx, table, AVX2, "twice", "x []float32")
		x := k.Pointer("x")
		k.Write(k.Mul(k.Read(x), table.Number(2)), x)
		k.Finish()
	}}
	if err := p.Check(dir); err == nil {
		t.Error("no files: no error")
	}
	if err := p.Write(dir); err != nil {
		t.Fatal(err)
	}
	if err := p.Check(dir); err != nil {
		t.Error(err)
	}
	for _, name := range []string{asmFile, stubsFile} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := p.Check(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a changed %s: %v", name, err)
		}
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
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
