package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"

	"github.com/layernoise/layernoise/internal/vectorasm"
)

// element is the type of a tensor's elements.
type element struct {
	goType string
	size   int // in bytes
}

var (
	float32s = element{"float32", 4}
	float64s = element{"float64", 8}
)

// applier emits a function that turns words into noise and adds it to a tensor.
type applier struct {
	*kernel
	element
	dst, src, words operand.Mem
	scale           vector
}

// ahead is the prefetch distance in bytes: somewhat more than a chunk of float32, whose cache lines then arrive while the
// words of the chunk before it are made. It is not a multiple of 4096, at which loads seem to depend on earlier stores.
const ahead = 4096 + 512

// newApplier starts the function and loads its parameters.
func newApplier(ctx *build.Context, t *vectorasm.Table, set vectorasm.Set, elem element, dist string) *applier {
	plain := "add" + dist
	name := plain + map[int]string{4: "32", 8: "64"}[elem.size]
	k := function(ctx, t, set, name, "dst, src []"+elem.goType+", words []uint32, scale "+elem.goType)
	k.Doc(name + set.Name + " is " + plain + ".")
	a := &applier{kernel: k, element: elem, dst: k.Pointer("dst"), src: k.Pointer("src"), words: k.Pointer("words")}
	if elem == float32s {
		a.scale = k.Repeat(k.Address("scale"))
	} else {
		a.scale = k.broadcast64(k.Address("scale"))
	}
	return a
}

// loop emits a loop over 2^shift words at a time, from which body makes the given number of elements, and ends the function.
func (a *applier) loop(shift uint8, elements int, body func()) {
	n := a.count("words", shift)
	a.Label("loop")
	body()
	a.advance(a.words, 4<<shift)
	a.advance(a.dst, elements*a.size)
	a.advance(a.src, elements*a.size)
	a.DECQ(n)
	a.JNZ(operand.LabelRef("loop"))
	a.Finish()
}

// addUnit adds scale*eps to the elements from element i on; eps are float32.
func (a *applier) addUnit(eps vector, i int) {
	if a.element == float32s {
		a.addNoise(a.Mul(eps, a.scale), i)
		return
	}
	low, high := a.Widen(eps)
	a.addNoise(a.mul64(low, a.scale), i)
	a.addNoise(a.mul64(high, a.scale), i+a.Lanes()/2)
}

// addNoise adds a register to the elements from element i on.
func (a *applier) addNoise(z vector, i int) {
	off := i * a.size
	if off%64 == 0 {
		a.PREFETCHT0(a.src.Offset(off + ahead))
		a.PREFETCHT0(a.dst.Offset(off + ahead))
	}
	if a.element == float32s {
		z = a.Add(z, a.src.Offset(off))
	} else {
		z = a.add64(z, a.src.Offset(off))
	}
	a.Write(z, a.dst.Offset(off))
}
