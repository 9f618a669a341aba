package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const somePlaces = 4 // that are transposed at once, for as many channels as there are lanes

// places emits the copies between planes and rows of channels.
func (g *generator) places() {
	g.function("toRows", "dst []float32, places []int, src []float32, plane, channels int")
	g.overPlaces("src", "dst", func(channel, place func(i int) operand.Mem) {
		var v [4]vector
		for i := range v {
			v[i] = g.loadHalves(channel(i), channel(i+4))
		}
		for i, t := range g.transpose(v[0], v[1], v[2], v[3]) {
			g.VMOVUPS(t, place(i))
		}
	})

	g.function("fromRows", "dst []float32, plane, channels int, src []float32, places []int")
	g.overPlaces("dst", "src", func(channel, place func(i int) operand.Mem) {
		var v [4]vector
		for i := range v {
			v[i] = g.Read(place(i))
		}
		for i, t := range g.transpose(v[0], v[1], v[2], v[3]) {
			g.storeHalves(t, channel(i), channel(i+4))
		}
	})
}

// overPlaces emits body for groups of channels and places, and ends the function.
func (g *generator) overPlaces(planes, rows string, body func(channel, place func(i int) operand.Mem)) {
	plane := g.bytes("plane")
	three := g.GP64()
	g.LEAQ(operand.Mem{Base: plane, Index: plane, Scale: 2}, three)
	start, row := g.Pointer(planes).Base, g.Pointer(rows).Base
	places, end := g.Pointer("places").Base, g.Length("places")
	g.LEAQ(operand.Mem{Base: places, Index: end, Scale: 8}, end)
	channels := g.value("channels")

	g.Label("channels")
	low, at := g.copyOf(start), g.copyOf(places)
	high := g.GP64()
	g.LEAQ(operand.Mem{Base: low, Index: plane, Scale: 4}, high)
	g.Label("places")
	body(func(i int) operand.Mem {
		base := []reg.Register{low, high}[i/4]
		return []operand.Mem{
			{Base: base},
			{Base: base, Index: plane, Scale: 1},
			{Base: base, Index: plane, Scale: 2},
			{Base: base, Index: three, Scale: 1},
		}[i%4]
	}, func(i int) operand.Mem {
		place := g.GP64()
		g.MOVQ(operand.Mem{Base: at, Disp: 8 * i}, place)
		return operand.Mem{Base: row, Index: place, Scale: 4}
	})
	g.ADDQ(operand.I8(4*somePlaces), low)
	g.ADDQ(operand.I8(4*somePlaces), high)
	g.ADDQ(operand.I8(8*somePlaces), at)
	g.CMPQ(at, end)
	g.JLT(operand.LabelRef("places"))
	g.LEAQ(operand.Mem{Base: start, Index: plane, Scale: 8}, start)
	g.ADDQ(operand.I8(4*lanes), row)
	g.SUBQ(operand.I8(lanes), channels)
	g.JNZ(operand.LabelRef("channels"))
	g.Finish()
}
