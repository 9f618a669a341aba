package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const pixelBlock = 4 // that are transposed at once, for as many channels as there are lanes

// channelsLast emits the copies between planes and rows of channels.
func (g *generator) channelsLast() {
	g.function("toChannelsLast", "dst []float32, pixels []int, src []float32, plane, channels int")
	g.overPixels("src", "dst", func(channel, pixel func(i int) operand.Mem) {
		var v [4]vector
		for i := range v {
			v[i] = g.loadHalves(channel(i), channel(i+4))
		}
		for i, t := range g.transpose(v[0], v[1], v[2], v[3]) {
			g.VMOVUPS(t, pixel(i))
		}
	})

	g.function("fromChannelsLast", "dst []float32, plane, channels int, src []float32, pixels []int")
	g.overPixels("dst", "src", func(channel, pixel func(i int) operand.Mem) {
		var v [4]vector
		for i := range v {
			v[i] = g.Read(pixel(i))
		}
		for i, t := range g.transpose(v[0], v[1], v[2], v[3]) {
			g.storeHalves(t, channel(i), channel(i+4))
		}
	})
}

// fetch emits the loop that fetches parts of a slice into the cache.
func (g *generator) fetch() {
	g.function("fetch", "x []float32, n, stride, count int")
	x, n, stride, count := g.Pointer("x").Base, g.value("n"), g.bytes("stride"), g.value("count")
	g.Label("part")
	at, left := g.copyOf(x), g.copyOf(n)
	g.Label("line")
	g.PREFETCHT0(operand.Mem{Base: at})
	g.ADDQ(operand.I8(64), at)
	g.SUBQ(operand.I8(16), left)
	g.JG(operand.LabelRef("line"))
	g.ADDQ(stride, x)
	g.DECQ(count)
	g.JNZ(operand.LabelRef("part"))
	g.RET()
}

// overPixels emits body for groups of channels and pixels, and ends the function.
func (g *generator) overPixels(planes, rows string, body func(channel, pixel func(i int) operand.Mem)) {
	plane := g.bytes("plane")
	three := g.GP64()
	g.LEAQ(operand.Mem{Base: plane, Index: plane, Scale: 2}, three)
	start, row := g.Pointer(planes).Base, g.Pointer(rows).Base
	pixels, end := g.Pointer("pixels").Base, g.Length("pixels")
	g.LEAQ(operand.Mem{Base: pixels, Index: end, Scale: 8}, end)
	channels := g.value("channels")

	g.Label("channels")
	low, at := g.copyOf(start), g.copyOf(pixels)
	high := g.GP64()
	g.LEAQ(operand.Mem{Base: low, Index: plane, Scale: 4}, high)
	g.Label("pixels")
	body(func(i int) operand.Mem {
		base := []reg.Register{low, high}[i/4]
		return []operand.Mem{
			{Base: base},
			{Base: base, Index: plane, Scale: 1},
			{Base: base, Index: plane, Scale: 2},
			{Base: base, Index: three, Scale: 1},
		}[i%4]
	}, func(i int) operand.Mem {
		pixel := g.GP64()
		g.MOVQ(operand.Mem{Base: at, Disp: 8 * i}, pixel)
		return operand.Mem{Base: row, Index: pixel, Scale: 4}
	})
	g.ADDQ(operand.I8(4*pixelBlock), low)
	g.ADDQ(operand.I8(4*pixelBlock), high)
	g.ADDQ(operand.I8(8*pixelBlock), at)
	g.CMPQ(at, end)
	g.JLT(operand.LabelRef("pixels"))
	g.LEAQ(operand.Mem{Base: start, Index: plane, Scale: 8}, start)
	g.ADDQ(operand.I8(g.Width), row)
	g.SUBQ(operand.I8(g.Lanes()), channels)
	g.JNZ(operand.LabelRef("channels"))
	g.Finish()
}
