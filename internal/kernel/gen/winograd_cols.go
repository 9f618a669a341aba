package main

import (
	"github.com/mmcloughlin/avo/operand"
)

// tileCols emits the passes over columns, each for the eight tiles of a group.
func (g *generator) tileCols() {
	g.function("inputCols", "dst []float32, plane int, src []float32, stride int, tiles []int")
	g.groups("dst", "src", func(planes six, tile func(i int) operand.Mem) {
		d := [6]vector{}
		copy(d[:], g.loadTiles(tile))
		copy(d[4:], g.loadPairs(tile))
		for i, t := range g.winogradB(d) {
			g.VMOVUPS(t, planes.at(i))
		}
	})

	g.function("gradCols", "dst []float32, plane int, src []float32, stride int, tiles []int")
	g.groups("dst", "src", func(planes six, tile func(i int) operand.Mem) {
		for i, t := range g.winogradA([4]vector(g.loadTiles(tile))) {
			g.VMOVUPS(t, planes.at(i))
		}
	})

	g.function("outputCols", "dst []float32, stride int, tiles []int, src []float32, plane int")
	g.groups("src", "dst", func(planes six, tile func(i int) operand.Mem) {
		var m [6]vector
		for i := range m {
			m[i] = g.Read(planes.at(i))
		}
		y := g.winogradAT(m)
		for i, t := range g.transpose(y[0], y[1], y[2], y[3]) {
			g.storeHalves(t, tile(i), tile(i+4))
		}
	})
}

// groups emits body for each of the six lines of a strip and each group of eight tiles, and ends the function. planes are
// where the group lies in the planes of a line; tile(i) is where tile i of the group lies in the line.
func (g *generator) groups(planesName, linesName string, body func(planes six, tile func(i int) operand.Mem)) {
	planes := g.six(g.Pointer(planesName).Base, g.bytes("plane"))
	line, stride := g.Pointer(linesName).Base, g.bytes("stride")
	offsets := g.Pointer("tiles").Base
	end := g.Length("tiles")
	g.LEAQ(operand.Mem{Base: offsets, Index: end, Scale: 8}, end)
	lines, back := g.GP64(), g.GP64()
	g.MOVQ(operand.U32(6), lines)

	g.Label("line")
	at := g.copyOf(offsets)
	g.CMPQ(at, end)
	g.JGE(operand.LabelRef("done"))
	g.Label("group")
	body(planes, func(i int) operand.Mem {
		offset := g.GP64()
		g.MOVQ(operand.Mem{Base: at, Disp: 8 * i}, offset)
		return operand.Mem{Base: line, Index: offset, Scale: 4}
	})
	g.advance(planes, 4*lanes)
	g.ADDQ(operand.I8(8*lanes), at)
	g.CMPQ(at, end)
	g.JLT(operand.LabelRef("group"))

	// Back to the first group, and on by six planes.
	g.MOVQ(offsets, back)
	g.SUBQ(end, back)
	g.SARQ(operand.U8(1), back)
	g.nextSix(planes)
	g.ADDQ(back, planes.low)
	g.ADDQ(back, planes.high)
	g.ADDQ(stride, line)
	g.DECQ(lines)
	g.JNZ(operand.LabelRef("line"))
	g.Label("done")
	g.Finish()
}

// loadTiles loads the first four columns of the tiles, a column a register.
func (g *generator) loadTiles(tile func(i int) operand.Mem) []vector {
	var rows [4]vector
	for i := range rows {
		rows[i] = g.loadHalves(tile(i), tile(i+4))
	}
	t := g.transpose(rows[0], rows[1], rows[2], rows[3])
	return t[:]
}

// loadPairs loads the fifth and sixth column of the tiles.
func (g *generator) loadPairs(tile func(i int) operand.Mem) []vector {
	a, b := g.joinPairs(tile, 0, 2), g.joinPairs(tile, 1, 3)
	low, high := g.Op(g.VUNPCKLPS, a, b), g.Op(g.VUNPCKHPS, a, b)
	return []vector{g.Op(g.VUNPCKLPD, low, high), g.Op(g.VUNPCKHPD, low, high)}
}

// joinPairs loads those of tiles i and j to the lower half of a register, and of tiles i+4 and j+4 to the upper one.
func (g *generator) joinPairs(tile func(i int) operand.Mem, i, j int) vector {
	const columns = 16 // bytes before the fifth
	low, high := g.YMM(), g.XMM()
	g.VBROADCASTSD(tile(i).Offset(columns), low)
	g.VMOVHPS(tile(j).Offset(columns), low.AsX(), low.AsX())
	g.VMOVSD(tile(i+4).Offset(columns), high)
	g.VMOVHPS(tile(j+4).Offset(columns), high, high)
	g.VINSERTF128(operand.U8(1), high, low, low)
	return low
}
