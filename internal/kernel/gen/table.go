package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// table is the constants of all kernels, each repeated in a row as wide as a
// register, behind the masks.
type table struct {
	words []uint32
	where map[uint32]int
}

const (
	tableName = "constants"
	lanes     = 8 // of a register
)

// newTable returns a table that starts with a row of ones and one of zeros: a
// mask for the first r lanes begins lanes - r words from the start.
func newTable() *table {
	t := &table{where: map[uint32]int{}}
	t.all(math.MaxUint32)
	t.all(0)
	return t
}

// all returns the address of a row with the word repeated.
func (t *table) all(w uint32) operand.Mem {
	at, ok := t.where[w]
	if !ok {
		at = len(t.words)
		t.where[w] = at
		for range lanes {
			t.words = append(t.words, w)
		}
	}
	return operand.NewDataAddr(operand.NewStaticSymbol(tableName), 4*at)
}

// row returns the address of a row with a word for each lane.
func (t *table) row(word func(lane int) uint32) operand.Mem {
	at := len(t.words)
	for lane := range lanes {
		t.words = append(t.words, word(lane))
	}
	return operand.NewDataAddr(operand.NewStaticSymbol(tableName), 4*at)
}

// num returns the address of a row with the number repeated.
func (t *table) num(x float32) operand.Mem { return t.all(math.Float32bits(x)) }

// define emits the table.
func (t *table) define(ctx *build.Context) {
	ctx.StaticGlobal(tableName)
	ctx.DataAttributes(attr.RODATA | attr.NOPTR)
	for _, w := range t.words {
		ctx.AppendDatum(operand.U32(w))
	}
}
