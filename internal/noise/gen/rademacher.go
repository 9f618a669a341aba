package main

import (
	"slices"

	"github.com/mmcloughlin/avo/operand"
)

// rademacher emits addRademacher. A shuffle takes the scale or its negative out of a table, by bits of each lane of a word:
// with float32 by the two lowest, which serve two rows of 16 elements, and with float64 by the one above the lowest.
func rademacher(a *applier) {
	tables := []vector{a.signs(0, 0, 0, signBit)}
	pick, shift, top := a.VPERMILPD, a.VPSRLQ, 31
	if a.element == float32s {
		tables = []vector{a.signs(0, 0, signBit, signBit), a.signs(0, signBit, 0, signBit)}
		pick, shift, top = a.VPERMILPS, a.VPSRLD, 30
	}
	a.loop(4, 512, func() {
		each := a.Width / a.size // elements of a register
		var words []vector
		for lane := 0; lane < 16; lane += each {
			words = append(words, a.longWords(a.words.Offset(4*lane)))
		}
		for row := 0; row < 32; row += len(tables) {
			for j, bits := range words {
				if row < top {
					bits = a.Shift(shift, bits, uint8(top-row))
				}
				for i, table := range tables {
					a.addNoise(a.Op(pick, table, bits), 16*(row+i)+each*j)
				}
			}
		}
	})
}

// signs is the scale with its sign flipped in some of each four words.
func (a *applier) signs(flips ...uint32) vector {
	return a.xor(a.scale, a.Table.Words(slices.Repeat(flips, 4)...))
}

// longWords loads words into lanes as wide as the elements; in those of float64 they begin at bit 1.
func (a *applier) longWords(m operand.Mem) vector {
	if a.element == float32s {
		return a.Read(m)
	}
	v := a.Vec()
	a.VPMOVZXDQ(m, v)
	return a.addLongs(v, v)
}
