package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	slidingRows = 6  // of outputs at once
	slidingDots = 4  // views at once
	group       = 16 // elements that lengths are a multiple of: a register of AVX-512
)

// sliding emits the loops of sliding convolutions.
func (g *generator) sliding() {
	p := &sliding{g}
	p.weigh()
	p.dots()
}

// sliding emits for either set of instructions.
type sliding struct{ *generator }

func (p *sliding) vectors(n int) []vector {
	v := make([]vector, n)
	for i := range v {
		v[i] = p.Vec()
	}
	return v
}

func (p *sliding) clear(v []vector) {
	for _, v := range v {
		p.VXORPS(v, v, v)
	}
}

// weigh emits weighViews. As many columns are done at once as there are registers for, the last ones a register at a time.
func (p *sliding) weigh() {
	p.function("weighViews", "y []float32, stride int, x []float32, offsets []int, w []float32, n int")
	rows := p.six(p.Pointer("y").Base, p.bytes("stride"))
	x, w := p.Pointer("x").Base, p.Pointer("w").Base
	offsets, end := p.Pointer("offsets").Base, p.Length("offsets")
	p.LEAQ(operand.Mem{Base: offsets, Index: end, Scale: 8}, end)
	left := p.bytes("n")
	many := 2
	if p.Wide() {
		many = 4
	}
	for _, registers := range []int{many, 1} {
		loop, next := p.label("columns", registers), p.label("fewer", registers)
		p.Label(loop)
		p.CMPQ(left, operand.I32(registers*p.Width))
		p.JLT(operand.LabelRef(next))
		p.weighColumns(registers, rows, x, offsets, end, w)
		p.advance(rows, registers*p.Width)
		p.ADDQ(operand.I32(registers*p.Width), x)
		p.SUBQ(operand.I32(registers*p.Width), left)
		p.JMP(operand.LabelRef(loop))
		p.Label(next)
	}
	p.Finish()
}

// weighColumns emits the sums of some registers of columns.
func (p *sliding) weighColumns(registers int, rows six, x, offsets, end, w reg.Register) {
	sums := p.vectors(slidingRows * registers)
	p.clear(sums)
	at, weights, offset := p.copyOf(offsets), p.copyOf(w), p.GP64()
	loop := p.label("view", registers)
	p.Label(loop)
	p.MOVQ(operand.Mem{Base: at}, offset)
	seen := p.vectors(registers)
	for i, v := range seen {
		p.VMOVUPS(operand.Mem{Base: x, Index: offset, Scale: 4, Disp: i * p.Width}, v)
	}
	for r := range slidingRows {
		weight := p.Vec()
		p.VBROADCASTSS(operand.Mem{Base: weights, Disp: 4 * r}, weight)
		for i, v := range seen {
			p.VFMADD231PS(v, weight, sums[r*registers+i])
		}
	}
	p.ADDQ(operand.I8(4*slidingRows), weights)
	p.ADDQ(operand.I8(8), at)
	p.CMPQ(at, end)
	p.JLT(operand.LabelRef(loop))
	for r := range slidingRows {
		for i := range registers {
			p.VMOVUPS(sums[r*registers+i], rows.at(r).Offset(i*p.Width))
		}
	}
}

// dots emits dotViews. AVX2 has registers for two views only, and half a group.
func (p *sliding) dots() {
	p.function("dotViews", "sums []float32, y []float32, stride int, x []float32, offsets *[4]int, n int")
	sums, y, stride := p.Pointer("sums").Base, p.Pointer("y").Base, p.bytes("stride")
	x, offsets, end := p.Pointer("x").Base, p.value("offsets"), p.bytes("n")
	at := 2
	if p.Wide() {
		at = slidingDots
	}
	for first := 0; first < slidingDots; first += at {
		for half := 0; half < 4*group; half += p.Width {
			p.dotSome(sums, p.six(p.copyOf(y), stride), x, offsets, end, first, at, half)
		}
	}
	p.Finish()
}

// dotSome emits the sums of some views, from number first on, in the lanes that begin half a group from its start, or at it.
func (p *sliding) dotSome(sums reg.Register, rows six, x, offsets, end reg.Register, first, n, half int) {
	var from []reg.Register
	for i := range n {
		r := p.GP64()
		p.MOVQ(operand.Mem{Base: offsets, Disp: 8 * (first + i)}, r)
		p.LEAQ(operand.Mem{Base: x, Index: r, Scale: 4}, r)
		from = append(from, r)
	}
	sum := func(r, i int) operand.Mem {
		return operand.Mem{Base: sums, Disp: 4*group*(r*slidingDots+first+i) + half}
	}
	total := p.vectors(slidingRows * n)
	for i, v := range total {
		p.VMOVUPS(sum(i/n, i%n), v)
	}
	left, loop := p.copyOf(end), p.label("group", first*4*group+half)
	p.Label(loop)
	seen := p.vectors(n)
	for i, v := range seen {
		p.VMOVUPS(operand.Mem{Base: from[i], Disp: half}, v)
		p.ADDQ(operand.I8(4*group), from[i])
	}
	for r := range slidingRows {
		weight := p.Vec()
		p.VMOVUPS(rows.at(r).Offset(half), weight)
		for i, v := range seen {
			p.VFMADD231PS(v, weight, total[r*n+i])
		}
	}
	p.advance(rows, 4*group)
	p.SUBQ(operand.I8(4*group), left)
	p.JG(operand.LabelRef(loop))
	for i, v := range total {
		p.VMOVUPS(v, sum(i/n, i%n))
	}
}

// label names one of several.
func (p *sliding) label(name string, number int) string { return fmt.Sprint(name, number) }
