package main

import (
	"fmt"
	"regexp"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// The files that generate makes, in the folder of package kernel.
const (
	asmFile   = "vector_amd64.s"
	stubsFile = "vector_amd64.go"
)

// generate returns the assembly and its Go declarations.
func generate() (asm, stubs []byte, err error) {
	g := &generator{Context: build.NewContext(), table: newTable()}
	g.tileRows()
	g.tileCols()
	g.windows()
	g.flat()
	g.halves()
	g.pieces()
	g.table.define(g.Context)

	file, err := g.Result()
	if err != nil {
		return nil, nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, nil, err
	}
	config := printer.Config{Argv: []string{"go", "generate"}, Pkg: "kernel"}
	if asm, err = printer.NewGoAsm(config).Print(file); err != nil {
		return nil, nil, err
	}
	if stubs, err = printer.NewStubs(config).Print(file); err != nil {
		return nil, nil, err
	}
	return asm, stubs, checkRegisters(asm)
}

var avx512Only = regexp.MustCompile(`\b[XY](1[6-9]|2\d|3[01])\b`)

// checkRegisters guards against avo's allocator, which gives AVX2 code registers
// that only AVX-512 has when it runs out of the sixteen.
func checkRegisters(asm []byte) error {
	if m := avx512Only.Find(asm); m != nil {
		return fmt.Errorf("%s in AVX2 code: too many registers alive", m)
	}
	return nil
}
