package main

import (
	"github.com/layernoise/layernoise/internal/vectorasm"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// generator emits kernels, one after the other.
type generator struct {
	context *build.Context
	table   *vectorasm.Table
	set     vectorasm.Set // that functions are emitted for
	*vectorasm.Kernel
	factors map[float32]vector // see holdFactors
}

type vector = vectorasm.Vector

// function starts the function called name and the set, which does what name does.
func (g *generator) function(name, params string) { g.functionFor(g.set, name, params) }

// sums is function for one that makes eight sums: its registers have eight lanes in all sets.
func (g *generator) sums(name, params string) { g.functionFor(g.set.Half(), name, params) }

func (g *generator) functionFor(set vectorasm.Set, name, params string) {
	g.Kernel = vectorasm.NewKernel(g.context, g.table, set, name, params)
	g.factors = nil
	g.Doc(name + set.Name + " is " + name + ".")
}

// address is where the address of a slice parameter's elements lies.
func (g *generator) address(name string) operand.Mem {
	b, err := g.Param(name).Base().Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// value loads a parameter.
func (g *generator) value(name string) reg.Register { return g.Load(g.Param(name), g.GP64()) }

// bytes loads a parameter that counts elements, as bytes.
func (g *generator) bytes(name string) reg.Register {
	n := g.value(name)
	g.SHLQ(operand.U8(2), n)
	return n
}

// number loads a parameter into all lanes.
func (g *generator) number(name string) vector { return g.Repeat(g.Address(name)) }

// copyOf copies a general register.
func (g *generator) copyOf(r reg.Register) reg.Register {
	c := g.GP64()
	g.MOVQ(r, c)
	return c
}

// six is where six things lie that are the same distance apart.
type six struct{ low, high, stride reg.Register }

// six finds the things from base on.
func (g *generator) six(base, stride reg.Register) six {
	high := g.GP64()
	g.LEAQ(operand.Mem{Base: base, Index: stride, Scale: 2}, high)
	g.ADDQ(stride, high)
	return six{base, high, stride}
}

// at is thing number i.
func (s six) at(i int) operand.Mem {
	m := operand.Mem{Base: s.low}
	if i >= 3 {
		m.Base = s.high
	}
	if i %= 3; i > 0 {
		m.Index, m.Scale = s.stride, uint8(i)
	}
	return m
}

// advance moves all six on.
func (g *generator) advance(s six, bytes int) {
	g.ADDQ(operand.I32(bytes), s.low)
	g.ADDQ(operand.I32(bytes), s.high)
}

// nextSix moves on by six strides.
func (g *generator) nextSix(s six) {
	for _, p := range []reg.Register{s.low, s.high} {
		g.LEAQ(operand.Mem{Base: p, Index: s.stride, Scale: 4}, p)
		g.LEAQ(operand.Mem{Base: p, Index: s.stride, Scale: 2}, p)
	}
}

// holdFactors keeps what addTimes and subTimes multiply by in registers, of which AVX-512 has enough.
func (g *generator) holdFactors(factors ...float32) {
	if !g.Wide() {
		return
	}
	g.factors = map[float32]vector{}
	for _, f := range factors {
		g.factors[f] = g.Repeat(g.Table.Number(f))
	}
}

// addTimes is x + f*y. The factor f is a power of two, so that only one rounding happens in any case.
func (g *generator) addTimes(x vector, f float32, y vector) vector {
	return g.times(g.VFMADD231PS, x, f, y)
}

// subTimes is x - f*y.
func (g *generator) subTimes(x vector, f float32, y vector) vector {
	return g.times(g.VFNMADD231PS, x, f, y)
}

func (g *generator) times(emit func(...operand.Op), x vector, f float32, y vector) vector {
	v := g.Vec()
	g.VMOVAPS(x, v)
	if factor, held := g.factors[f]; held {
		emit(factor, y, v)
	} else {
		emit(g.Table.Number(f), y, v)
	}
	return v
}

// transpose exchanges the rows and columns of the 4 x 4 numbers in the lower halves of four registers, and of those in their
// upper halves.
func (g *generator) transpose(a, b, c, d vector) [4]vector {
	low, high := g.Op(g.VUNPCKLPS, a, b), g.Op(g.VUNPCKHPS, a, b)
	low2, high2 := g.Op(g.VUNPCKLPS, c, d), g.Op(g.VUNPCKHPS, c, d)
	return [4]vector{
		g.Op(g.VUNPCKLPD, low, low2), g.Op(g.VUNPCKHPD, low, low2),
		g.Op(g.VUNPCKLPD, high, high2), g.Op(g.VUNPCKHPD, high, high2),
	}
}

// loadParts loads four numbers to each part of a register, apart bytes apart.
func (g *generator) loadParts(m operand.Mem, apart int) vector {
	if !g.Wide() {
		return g.loadHalves(m, m.Offset(apart))
	}
	v := g.ZMM()
	g.VBROADCASTF32X4(m, v)
	for i := 1; i < 4; i++ {
		g.VINSERTF32X4(operand.U8(i), m.Offset(i*apart), v, v)
	}
	return v
}

// storeParts is the reverse of loadParts.
func (g *generator) storeParts(v vector, m operand.Mem, apart int) {
	for i := range g.Width / 16 {
		g.VMOVUPS(g.part(v, i), m.Offset(i*apart))
	}
}

// part is four numbers of a register.
func (g *generator) part(v vector, i int) reg.Register {
	if i == 0 {
		return v.AsX()
	}
	x := g.XMM()
	if g.Wide() {
		g.VEXTRACTF32X4(operand.U8(i), v, x)
	} else {
		g.VEXTRACTF128(operand.U8(i), v, x)
	}
	return x
}

// loadHalves loads four numbers at low and four at high. The first load writes the whole register, as others below do: avo
// takes what a narrower one leaves as it was for a use of an older value, and keeps the register from all else.
func (g *generator) loadHalves(low, high operand.Mem) vector {
	v := g.YMM()
	g.VBROADCASTF128(low, v)
	g.VINSERTF128(operand.U8(1), high, v, v)
	return v
}

// storeHalves is the reverse of loadHalves.
func (g *generator) storeHalves(v vector, low, high operand.Mem) {
	g.VMOVUPS(v.AsX(), low)
	g.VEXTRACTF128(operand.U8(1), v, high)
}
