package vectorasm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// Package is a package with vector kernels.
type Package struct {
	Name string
	Emit func(ctx *build.Context, t *Table) // emits the kernels
}

// The files of a package: the assembly and its Go declarations.
const (
	asmFile   = "vector_amd64.s"
	stubsFile = "vector_amd64.go"
)

// Write writes the files to a folder.
func (p Package) Write(dir string) error {
	return p.each(func(name string, text []byte) error {
		return os.WriteFile(filepath.Join(dir, name), text, 0o666)
	})
}

// Check returns an error if the files in a folder differ from the output of Write.
func (p Package) Check(dir string) error {
	return p.each(func(name string, text []byte) error {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && !bytes.Equal(got, text) {
			err = fmt.Errorf("%s of package %s is out of date: go generate", name, p.Name)
		}
		return err
	})
}

// each calls f for the files.
func (p Package) each(f func(name string, text []byte) error) error {
	asm, stubs, err := p.generate()
	if err != nil {
		return err
	}
	if err := f(asmFile, asm); err != nil {
		return err
	}
	return f(stubsFile, stubs)
}

func (p Package) generate() (asm, stubs []byte, err error) {
	ctx, table := build.NewContext(), newTable()
	p.Emit(ctx, table)
	table.define(ctx)
	file, err := ctx.Result()
	if err != nil {
		return nil, nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, nil, err
	}
	config := printer.Config{Argv: []string{"go", "generate"}, Pkg: p.Name}
	if asm, err = printer.NewGoAsm(config).Print(file); err != nil {
		return nil, nil, err
	}
	if stubs, err = printer.NewStubs(config).Print(file); err != nil {
		return nil, nil, err
	}
	return asm, stubs, checkRegisters(asm)
}

var avx512Only = regexp.MustCompile(`(?s)TEXT ·(\w+AVX2)\([^\n]*\n(?:[^T]|T[^E])*?\b([XY](?:1[6-9]|2\d|3[01])|Z\d+)\b`)

// checkRegisters guards against a bug of avo's allocator: when it runs out of the sixteen registers of AVX2, it uses
// registers that only AVX-512 has.
func checkRegisters(asm []byte) error {
	if m := avx512Only.FindSubmatch(asm); m != nil {
		return fmt.Errorf("%s uses %s: too many registers alive", m[1], m[2])
	}
	return nil
}
