package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
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
	clean           *operand.Mem // where the elements are saved, if they are
	scale           vector
}

// ahead is how far in front of the stores the saved elements' cache lines are fetched, in bytes.
// The lines of the tensor itself come with its loads.
const ahead = 1024

// newApplier starts the function and loads its parameters.
func newApplier(ctx *build.Context, t *table, set instructions, elem element, dist string, save bool) *applier {
	name, slices := "add", "dst, src"
	if save {
		name, slices = "save", "w, clean"
	}
	plain := name + dist
	name = plain + map[int]string{4: "32", 8: "64"}[elem.size]
	k := function(ctx, t, set, name, slices+" []"+elem.goType+", words []uint32, scale "+elem.goType)
	a := &applier{kernel: k, element: elem}
	if save {
		k.Doc(name + set.name + " copies w to clean and then is add" + dist + ".")
		a.dst = k.pointer("w")
		a.src = a.dst
		clean := k.pointer("clean")
		a.clean = &clean
	} else {
		k.Doc(name + set.name + " is " + plain + ".")
		a.dst, a.src = k.pointer("dst"), k.pointer("src")
	}
	a.words = k.pointer("words")
	if elem == float32s {
		a.scale = k.broadcast(k.param("scale"))
	} else {
		a.scale = k.broadcast64(k.param("scale"))
	}
	return a
}

// loop emits body for as many words at a time as 2^shift, which make elements
// elements, and ends the function.
func (a *applier) loop(shift uint8, elements int, body func()) {
	n := a.count("words", shift)
	a.Label("loop")
	body()
	a.advance(a.words, 4<<shift)
	for _, p := range a.tensors() {
		a.advance(p, elements*a.size)
	}
	a.DECQ(n)
	a.JNZ(operand.LabelRef("loop"))
	a.finish()
}

// tensors are the pointers to move on, each once.
func (a *applier) tensors() []operand.Mem {
	if a.clean != nil {
		return []operand.Mem{a.dst, *a.clean}
	}
	return []operand.Mem{a.dst, a.src}
}

// lanes is how many 32-bit words a register holds.
func (a *applier) lanes() int { return a.width / 4 }

// addUnit adds scale*eps to the elements from number i on; eps are float32.
func (a *applier) addUnit(eps vector, i int) {
	if a.element == float32s {
		a.addNoise(a.mul(eps, a.scale), i)
		return
	}
	low, high := a.widen(eps)
	a.addNoise(a.mul64(low, a.scale), i)
	a.addNoise(a.mul64(high, a.scale), i+a.lanes()/2)
}

// addNoise adds one register to the elements from number i on.
func (a *applier) addNoise(z vector, i int) {
	off := i * a.size
	var x operand.Op = a.src.Offset(off)
	if a.clean != nil {
		w := a.load(a.src.Offset(off))
		a.store(w, a.clean.Offset(off))
		if off%64 == 0 {
			a.PREFETCHT0(a.clean.Offset(off + ahead))
		}
		x = w
	}
	if a.element == float32s {
		z = a.add(z, x)
	} else {
		z = a.add64(z, x)
	}
	a.store(z, a.dst.Offset(off))
}
