package vectorasm

import (
	"encoding/binary"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// Table holds the constants of all kernels of a package. Each fills one or more rows as wide as an AVX2 register, because
// AVX2 has no broadcast operand; the linker aligns the table to a row.
type Table struct {
	data  []byte
	where map[string]int
}

const (
	tableName = "constants"
	rowWords  = 8
)

func newTable() *Table { return &Table{where: map[string]int{}} }

// Words returns the address of a row with the words repeated, or of as many rows as they fill.
func (t *Table) Words(words ...uint32) operand.Mem {
	k := string(encode(words))
	at, ok := t.where[k]
	if !ok {
		at = len(t.data)
		t.where[k] = at
		for row := encode(words); len(t.data) < at+4*max(rowWords, len(words)); {
			t.data = append(t.data, row...)
		}
	}
	return operand.NewDataAddr(operand.NewStaticSymbol(tableName), at)
}

// Number returns the address of a row with the number repeated.
func (t *Table) Number(x float32) operand.Mem { return t.Words(math.Float32bits(x)) }

// define emits the table.
func (t *Table) define(ctx *build.Context) {
	ctx.StaticGlobal(tableName)
	ctx.DataAttributes(attr.RODATA | attr.NOPTR)
	for rest := t.data; len(rest) > 0; rest = rest[8:] {
		ctx.AppendDatum(operand.U64(binary.LittleEndian.Uint64(rest)))
	}
}

func encode(words []uint32) (b []byte) {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}
