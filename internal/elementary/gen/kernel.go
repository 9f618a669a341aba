package main

import (
	"math"
	"strings"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/layernoise/layernoise/internal/vectorasm"
)

type vector = vectorasm.Vector

// kernel emits one function. Its methods hide the differences between the two sets of instructions.
type kernel struct {
	*vectorasm.Kernel
	one vector // 1 in all lanes, in functions that each emits
}

// newKernel starts a function, whose name is name followed by that of the set.
func newKernel(ctx *build.Context, t *vectorasm.Table, set vectorasm.Set, name, params string) *kernel {
	k := &kernel{Kernel: vectorasm.NewKernel(ctx, t, set, name, params)}
	k.Doc(name + set.Name + " is " + name + ", for whole registers.")
	return k
}

// each emits a loop that computes the elements of the parameters dst from those of the parameters src, v, the first of which are
// at m, and ends the function.
func (k *kernel) each(dst, src string, f func(k *kernel, v []vector, m operand.Mem) []vector) {
	n := k.Length(strings.Fields(dst)[0])
	to, from := k.pointers(dst), k.pointers(src)
	k.one = k.number(1)
	k.loop(n, func(at func(operand.Mem) operand.Mem) vector {
		var v []vector
		for _, m := range from {
			v = append(v, k.Read(at(m)))
		}
		results := f(k, v, at(from[0]))
		for i, m := range to {
			k.Write(results[i], at(m))
		}
		return results[0]
	}, func(vector) {})
	k.Finish()
}

// pointers are where the named slices begin.
func (k *kernel) pointers(names string) (m []operand.Mem) {
	for _, name := range strings.Fields(names) {
		m = append(m, k.Pointer(name))
	}
	return m
}

// abreast is the number of registers that a loop with AVX-512 computes at once. The operations of one form a long chain of
// dependencies, which would leave most of the processor idle: those of the next iteration are too far ahead for it.
const abreast = 4

// loop emits body for each register of n elements, at least one, and then after on the results of the bodies, in the order of
// the elements. at returns the address of the current register in a slice that begins at m.
func (k *kernel) loop(n reg.Register, body func(at func(m operand.Mem) operand.Mem) vector, after func(vector)) {
	index := k.GP64()
	at := func(i int) func(m operand.Mem) operand.Mem {
		return func(m operand.Mem) operand.Mem { return m.Idx(index, 4).Offset(i * k.Width) }
	}
	k.XORQ(index, index)
	if k.Wide() {
		end := k.GP64()
		k.LEAQ(operand.Mem{Base: n, Disp: -(abreast - 1) * k.Lanes()}, end)
		k.CMPQ(index, end)
		k.JGE(operand.LabelRef("rest"))
		k.Label("abreast")
		results := make([]vector, abreast)
		k.Interleave(abreast, func(i int) { results[i] = body(at(i)) })
		for _, r := range results {
			after(r)
		}
		k.ADDQ(operand.I8(abreast*k.Lanes()), index)
		k.CMPQ(index, end)
		k.JLT(operand.LabelRef("abreast"))
		k.Label("rest")
		k.CMPQ(index, n)
		k.JGE(operand.LabelRef("done"))
	}
	k.Label("loop")
	after(body(at(0)))
	k.ADDQ(operand.I8(k.Lanes()), index)
	k.CMPQ(index, n)
	k.JLT(operand.LabelRef("loop"))
	k.Label("done")
}

// word loads a word into all lanes.
func (k *kernel) word(w uint32) vector {
	if k.Wide() {
		return k.Repeat(k.Table.Words(w))
	}
	return k.Read(k.Table.Words(w))
}

// number loads a number into all lanes.
func (k *kernel) number(x float32) vector { return k.word(math.Float32bits(x)) }

// with emits an instruction on a register and a constant in memory, which the AVX-512 instruction itself broadcasts.
func (k *kernel) with(narrow, wide func(...operand.Op), x vector, w uint32) vector {
	if k.Wide() {
		return k.Op(wide, x, k.Table.Words(w))
	}
	return k.Op(narrow, x, k.Table.Words(w))
}

func (k *kernel) mulBy(x vector, c float32) vector {
	return k.with(k.VMULPS, k.VMULPS_BCST, x, math.Float32bits(c))
}

func (k *kernel) plus(x vector, c float32) vector {
	return k.with(k.VADDPS, k.VADDPS_BCST, x, math.Float32bits(c))
}

func (k *kernel) minus(x vector, c float32) vector {
	return k.with(k.VSUBPS, k.VSUBPS_BCST, x, math.Float32bits(c))
}

func (k *kernel) and(x vector, w uint32) vector {
	return k.with(narrow(k.VPAND), k.VPANDD_BCST, x, w)
}

func (k *kernel) or(x vector, w uint32) vector { return k.with(narrow(k.VPOR), k.VPORD_BCST, x, w) }

// narrow gives an instruction of AVX2 the signature of AVX-512's.
func narrow(emit func(a, b, c operand.Op)) func(...operand.Op) {
	return func(o ...operand.Op) { emit(o[0], o[1], o[2]) }
}

// atMost is min(x, c), atLeast max(x, c); both are NaN where x is.
func (k *kernel) atMost(x vector, c float32) vector  { return k.Op(k.VMINPS, k.number(c), x) }
func (k *kernel) atLeast(x vector, c float32) vector { return k.Op(k.VMAXPS, k.number(c), x) }

// notBelow returns a function that keeps its argument where x is not below c and is zero elsewhere.
func (k *kernel) notBelow(x vector, c float32) func(vector) vector {
	const notLess = operand.U8(5) // true if one is NaN
	if !k.Wide() {
		mask := k.Vec()
		k.VCMPPS(notLess, k.number(c), x, mask)
		return func(y vector) vector { return k.Op(narrow(k.VPAND), y, mask) }
	}
	mask := k.K()
	k.VCMPPS(notLess, k.number(c), x, mask)
	return func(y vector) vector {
		v := k.Vec()
		k.VMOVAPS_Z(y, mask, v)
		return v
	}
}

func (k *kernel) div(x, y vector) vector { return k.Op(k.VDIVPS, x, y) }

// bySign returns a function that picks its first argument where the sign bit of x is set, and the second elsewhere.
func (k *kernel) bySign(x vector) func(negative, positive vector) vector {
	if !k.Wide() {
		return func(negative, positive vector) vector {
			v := k.Vec()
			k.VBLENDVPS(x, negative, positive, v)
			return v
		}
	}
	mask := k.K()
	k.VPMOVD2M(x, mask)
	return func(negative, positive vector) vector { return k.Blend(negative, positive, mask) }
}
