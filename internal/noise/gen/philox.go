package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/layernoise/layernoise/internal/noise/coef"
)

// A chain is as many Philox blocks as a register has 64-bit lanes. Its four vectors hold one counter word per lane, in the low
// half. Multiplications read only that half, so the high half may hold anything, and a product can stand for its low word.
type chain struct{ c0, c1, c2, c3 vector }

// philox holds what all blocks of a draw share. Only c0 of a block's counter varies, so half of the first two rounds is the
// same for all blocks.
type philox struct {
	*kernel
	keys    operand.Mem
	m0, m1  vector
	product vector     // M0*block, the first product of the next chain
	step    operand.Op // the difference between the products of two chains
	// The constant terms of c2 after the first round, of c2 and c0 after the second, and of c2 after the third.
	first2, second2, second0, third2 operand.Op
	low                              operand.Op   // a mask for the low halves, with AVX2
	lowWords                         reg.Register // a mask of those words, with AVX-512
}

// groups emits the function that fills words with consecutive groups.
//
// It works on several chains at a time to hide the latency of multiplications: with AVX-512 on four groups, the rest one by
// one; with AVX2, which has half the registers, on the two chains of one group.
func groups(k *kernel) {
	k.Doc("groups" + k.Name + " is groupsPlain.")
	words, n := k.Pointer("words"), k.count("words", 5)
	p := newPhilox(k)
	if k.Wide() {
		k.CMPQ(n, operand.I8(4))
		k.JLT(operand.LabelRef("one"))
		k.Label("four")
		p.groups(words, 4)
		k.SUBQ(operand.I8(4), n)
		k.CMPQ(n, operand.I8(4))
		k.JGE(operand.LabelRef("four"))
	}
	k.Label("one")
	k.TESTQ(n, n)
	k.JZ(operand.LabelRef("done"))
	p.groups(words, 1)
	k.DECQ(n)
	k.JMP(operand.LabelRef("one"))
	k.Label("done")
	k.Finish()
}

func newPhilox(k *kernel) *philox {
	const m0 = coef.PhiloxM0
	blocks := uint64(k.Width / 8)
	p := &philox{kernel: k, keys: operand.Mem{Base: k.Load(k.Param("k"), k.GP64())}}
	p.m0 = k.Repeat(k.Table.Words(m0))
	p.m1 = k.Repeat(k.Table.Words(coef.PhiloxM1))

	block := k.Shift(k.VPSLLD, k.Repeat(k.Address("first")), 3)
	p.product = k.mulWords(k.addWords(block, k.Table.Words(0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0)), p.m0)
	step := blocks * m0
	p.step = p.hold64(uint32(step), uint32(step>>32))
	if p.Wide() {
		p.lowWords = p.mask(0x5555)
	} else {
		p.low = p.hold64(1<<32-1, 0)
	}

	c1, c2, c3 := k.Repeat(k.Address("c1")), k.Repeat(k.Address("c2")), k.Repeat(k.Address("c3"))
	p.first2 = p.hold(k.xor(c3, p.key(0, 1)))
	q := k.mulWords(c2, p.m1)
	first0 := k.xor3(k.highHalves(q), c1, p.key(0, 0))
	p.second0 = p.hold(k.xor(q, p.key(1, 0)))
	q = k.mulWords(first0, p.m0)
	p.second2 = p.hold(k.xor(k.highHalves(q), p.key(1, 1)))
	p.third2 = p.hold(k.xor(q, p.key(2, 1)))
	return p
}

// key loads a word of a round's key into all lanes.
func (p *philox) key(round, word int) vector {
	return p.Repeat(p.keys.Offset(8*round + 4*word))
}

// hold keeps a vector for later: in its register, or in memory with AVX2, which has few.
func (p *philox) hold(v vector) operand.Op {
	if p.Wide() {
		return v
	}
	m := p.AllocLocal(p.Width)
	p.Write(v, m)
	return m
}

// hold64 keeps a 64-bit constant for later.
func (p *philox) hold64(low, high uint32) operand.Op {
	m := p.Table.Words(low, high)
	if p.Wide() {
		return p.broadcast64(m)
	}
	return m
}

const last = coef.PhiloxRounds - 1

// groups emits the next n groups.
func (p *philox) groups(words operand.Mem, n int) {
	chains := make([]chain, n*64/p.Width)
	for i := range chains {
		chains[i] = p.firstRounds()
	}
	for r := 3; r < last; r++ {
		k0, k1 := p.key(r, 0), p.key(r, 1)
		for i := range chains {
			chains[i] = p.round(chains[i], k0, k1)
		}
	}
	k0, k1 := p.key(last, 0), p.key(last, 1)
	for i := range chains {
		at := words.Offset(i * p.Width / 64 * 128).Offset(i * p.Width % 64)
		p.lastRound(chains[i], k0, k1, at)
	}
	p.advance(words, 128*n)
}

// firstRounds emits the first three rounds of the next chain.
func (p *philox) firstRounds() chain {
	c2 := p.xor(p.highHalves(p.product), p.first2)
	c1 := p.mulWords(c2, p.m1)
	c0 := p.xor(p.highHalves(c1), p.second0)
	c2 = p.xor(p.product, p.second2)
	p.VPADDQ(p.step, p.product, p.product)

	p0, p1 := p.mulWords(c0, p.m0), p.mulWords(c2, p.m1)
	return chain{
		p.xor3(c1, p.highHalves(p1), p.key(2, 0)), p1,
		p.xor(p.highHalves(p0), p.third2), p0,
	}
}

func (p *philox) round(c chain, k0, k1 vector) chain {
	p0, p1 := p.mulWords(c.c0, p.m0), p.mulWords(c.c2, p.m1)
	return chain{
		p.xor3(c.c1, p.highHalves(p1), k0), p1,
		p.xor3(c.c3, p.highHalves(p0), k1), p0,
	}
}

// lastRound emits the last round and stores the words: c0 and c1 of each block side by side, c2 and c3 16 words later.
func (p *philox) lastRound(c chain, k0, k1 vector, at operand.Mem) {
	p0, p1 := p.mulWords(c.c0, p.m0), p.mulWords(c.c2, p.m1)
	p.Write(p.xorLow(p.swapHalves(p1), c.c1, k0), at)
	p.Write(p.xorLow(p.swapHalves(p0), c.c3, k1), at.Offset(64))
}

// xorLow is x ^ y ^ z in the low halves and x in the high ones; it may overwrite x.
func (p *philox) xorLow(x, y, z vector) vector {
	if p.Wide() {
		p.VPTERNLOGD(operand.U8(xorXor), z, y, p.lowWords, x)
		return x
	}
	return p.xor(x, p.and(p.xor(y, z), p.low))
}
