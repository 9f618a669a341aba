package main

import "github.com/mmcloughlin/avo/operand"

// rademacher emits addRademacher. A word is shifted left by one for each row of 16 elements, so
// that the bit in question is always the top one: the sign.
func rademacher(a *applier) {
	sign := a.broadcast64(a.Table.Words(0, signBit))
	shift := a.addLongs
	if a.element == float32s {
		sign = a.Repeat(a.Table.Words(signBit))
		shift = a.addWords
	}
	a.loop(4, 512, func() {
		var words []vector
		each := a.Width / a.size // elements of a register
		for lane := 0; lane < 16; lane += each {
			words = append(words, a.topWords(a.words.Offset(4*lane)))
		}
		for row := range 32 {
			for j, w := range words {
				a.addNoise(a.withSign(w, sign), 16*row+each*j)
				words[j] = shift(w, w)
			}
		}
	})
}

// topWords loads words into the top halves of the elements.
func (a *applier) topWords(m operand.Mem) vector {
	if a.element == float32s {
		return a.Read(m)
	}
	v := a.Vec()
	a.VPMOVZXDQ(m, v)
	return a.shift(a.VPSLLQ, v, 32)
}

// withSign is the scale, its sign flipped where the top bit of w is set.
func (a *applier) withSign(w, sign vector) vector {
	if !a.Wide() {
		return a.xor(a.and(w, sign), a.scale)
	}
	z := a.Vec()
	a.VMOVAPS(a.scale, z)
	return a.xorAnd(z, w, sign)
}
