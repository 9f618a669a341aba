package main

import (
	"fmt"
	"regexp"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"

	"github.com/layernoise/layernoise/internal/noise/coef"
)

// The files that generate makes, in the folder of package noise.
const (
	asmFile   = "vector_amd64.s"
	stubsFile = "vector_amd64.go"
)

// groupsParams are the parameters of a function that makes the words of groups.
var groupsParams = fmt.Sprintf("words []uint32, k *[%d][2]uint32, c1, c2, c3, first uint32", coef.PhiloxRounds)

// generate returns the assembly and its Go declarations.
func generate() (asm, stubs []byte, err error) {
	ctx := build.NewContext()
	table := newTable()
	for _, set := range []instructions{avx2, avx512} {
		groups(function(ctx, table, set, "groups", groupsParams))
		for _, elem := range []element{float32s, float64s} {
			for _, dist := range []struct {
				name string
				emit func(*applier)
			}{{"Gaussian", gaussian}, {"Rademacher", rademacher}, {"Uniform", uniform}} {
				dist.emit(newApplier(ctx, table, set, elem, dist.name))
			}
		}
	}
	table.define(ctx)

	file, err := ctx.Result()
	if err != nil {
		return nil, nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, nil, err
	}
	config := printer.Config{Argv: []string{"go", "generate"}, Pkg: "noise"}
	if asm, err = printer.NewGoAsm(config).Print(file); err != nil {
		return nil, nil, err
	}
	if stubs, err = printer.NewStubs(config).Print(file); err != nil {
		return nil, nil, err
	}
	return asm, stubs, checkRegisters(asm)
}

var avx512Only = regexp.MustCompile(`(?s)TEXT ·(\w+AVX2)\([^\n]*\n(?:[^T]|T[^E])*?\b([XY](?:1[6-9]|2\d|3[01])|Z\d+)\b`)

// checkRegisters guards against avo's allocator, which gives AVX2 code registers that only AVX-512
// has when it runs out of the sixteen.
func checkRegisters(asm []byte) error {
	if m := avx512Only.FindSubmatch(asm); m != nil {
		return fmt.Errorf("%s uses %s: too many registers alive", m[1], m[2])
	}
	return nil
}
