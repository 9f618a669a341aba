package kernel

import (
	"unsafe"

	"github.com/layernoise/layernoise/internal/cpu"
)

// kernelsOf are the kernels that use the instructions of a level.
func kernelsOf(l cpu.Level) kernels {
	if l < cpu.AVX2 {
		return plainKernels()
	}
	k := kernels{
		inputRows: inputRowsAVX2, gradRows: gradRowsAVX2,
		inputCols: inputColsAVX2, gradCols: gradColsAVX2,
		outputCols: outputColsAVX2, outputRows: outputRowsAVX2,
		windowPlanes: windowPlanesTail(lanes, windowPlanesAVX2, rotatedPlanesAVX2, windowPlanes),
		planesWindow: planesWindowTail(lanes, planesWindowAVX2, planesWindow),
		gate32:       gate32AVX2,
		fetch:        fetchAVX2,
		weighViews:   weighViewsAVX2, dotViews: dotViewsAVX2,
	}
	if l >= cpu.AVX512 {
		k.weighViews, k.dotViews = weighViewsAVX512, dotViewsAVX512
		k.windowPlanes = windowPlanesTail(2*lanes, windowPlanesAVX512, rotatedPlanesAVX512, k.windowPlanes)
		k.planesWindow = planesWindowTail(2*lanes, planesWindowAVX512, k.planesWindow)
		k.inputCols, k.gradCols, k.outputCols = inputColsAVX512, gradColsAVX512, outputColsAVX512
		k.inputRows, k.gradRows, k.outputRows = inputRowsAVX512Wide, gradRowsAVX512Wide, outputRowsAVX512Wide
		k.gate32 = gate32AVX512
	}
	return k
}

// loopsOf are the loops that use the instructions of a level.
func loopsOf(l cpu.Level) loops[float32] {
	if l < cpu.AVX2 {
		return plainLoops[float32]()
	}
	k := loops[float32]{
		addClip: addClipAVX2, clipRows: clipRowsAVX2, sumClip: sumClipAVX2,
		maxHalves: maxHalvesAVX2, unpoolHalves: unpoolHalvesAVX2,
		dropout: dropoutAVX2,
		sum:     sumAVX2, gatedSums: gatedSumsAVX2, moments: momentsAVX2,
		normForward: normForwardAVX2, normJoin: normJoinAVX2, normSums: normSumsAVX2, normGrad: normGradAVX2,
		rowNorm: rowNormAVX2, rowNormSums: rowNormSumsAVX2, rowNormGrad: rowNormGradAVX2,
		top: topAVX2, times: timesAVX2, timesRows: timesRowsAVX2, dotRows: dotRowsAVX2, slopeRows: slopeRowsAVX2,
		sgd: sgdAVX2, momentum: sgdMomentumAVX2, nesterov: sgdNesterovAVX2,
		adam: func(w, g, m, v []float32, s *AdamStep[float32]) {
			adamAVX2(w, g, m, v, (*[9]float32)(unsafe.Pointer(s)))
		},
		toChannelsLast: toChannelsLastAVX2Tail, fromChannelsLast: fromChannelsLastAVX2Tail,
	}
	if l >= cpu.AVX512 {
		k.addClip, k.clipRows, k.sumClip, k.dropout = addClipAVX512, clipRowsAVX512, sumClipAVX512, dropoutAVX512
		k.maxHalves, k.unpoolHalves = maxHalvesSixteen, unpoolHalvesSixteen
		k.gatedSums, k.moments = gatedSumsAVX512, momentsAVX512
		k.normForward, k.normJoin, k.normSums, k.normGrad = normForwardAVX512, normJoinAVX512, normSumsAVX512, normGradAVX512
		k.rowNorm, k.rowNormSums, k.rowNormGrad = rowNormAVX512, rowNormSumsAVX512, rowNormGradAVX512
		k.top, k.times, k.timesRows, k.slopeRows = topAVX512, timesAVX512, timesRowsAVX512, slopeRowsAVX512
		k.sgd, k.momentum, k.nesterov = sgdAVX512, sgdMomentumAVX512, sgdNesterovAVX512
		k.adam = func(w, g, m, v []float32, s *AdamStep[float32]) {
			adamAVX512(w, g, m, v, (*[9]float32)(unsafe.Pointer(s)))
		}
	}
	return k
}

// The rows of the smallest images fill no register of AVX-512, whose masks are slower then than registers of AVX2.

func inputRowsAVX512Wide(dst []float32, stride, pitch int, src []float32, lines []int, zeros []float32, n int) {
	if n <= lanes {
		inputRowsAVX2(dst, stride, pitch, src, lines, zeros, n)
		return
	}
	inputRowsAVX512(dst, stride, pitch, src, lines, zeros, n)
}

func gradRowsAVX512Wide(dst []float32, stride, pitch int, src []float32, lines []int, zeros []float32, n int) {
	if n <= lanes {
		gradRowsAVX2(dst, stride, pitch, src, lines, zeros, n)
		return
	}
	gradRowsAVX512(dst, stride, pitch, src, lines, zeros, n)
}

func outputRowsAVX512Wide(dst []float32, lines []int, src []float32, stride, pitch, n int, bias, low float32) {
	if n <= lanes {
		outputRowsAVX2(dst, lines, src, stride, pitch, n, bias, low)
		return
	}
	outputRowsAVX512(dst, lines, src, stride, pitch, n, bias, low)
}

// Rows of eight windows, and of four, have loops of their own if their lines follow on each other.

func maxHalvesSixteen(y []float32, picks []uint32, x []float32, width, pitch int, p pooled, v float32, keep uint32) {
	switch {
	case width == 8 && pitch == 8:
		maxHalves4AVX512(y, picks, x, width, pitch, p, v, keep)
	case width == 16 && pitch == 16:
		maxHalves8AVX512(y, picks, x, width, pitch, p, v, keep)
	case width > 16:
		maxHalvesAVX512(y, picks, x, width, pitch, p, v, keep)
	default:
		maxHalvesAVX2(y, picks, x, width, pitch, p, v, keep)
	}
}

func unpoolHalvesSixteen(dx []float32, picks []uint32, dy []float32, width, pitch int, p pooled) {
	switch {
	case width == 8 && pitch == 8:
		unpoolHalves4AVX512(dx, picks, dy, width, pitch, p)
	case width == 16 && pitch == 16:
		unpoolHalves8AVX512(dx, picks, dy, width, pitch, p)
	case width > 16:
		unpoolHalvesAVX512(dx, picks, dy, width, pitch, p)
	default:
		unpoolHalvesAVX2(dx, picks, dy, width, pitch, p)
	}
}

// lanes is how many elements an AVX2 register holds. Kernels for whole registers leave the rest to the plain ones.
const lanes = 8

// windowPlanesTail returns windowPlanes by functions for a multiple of width windows; rest does what they leave.
func windowPlanesTail(width int, straight, rotated func(u []float32, plane int, w []float32, n int, scales *[36]float32),
	rest func(u []float32, plane int, w []float32, n int, rotate bool)) func(u []float32, plane int, w []float32, n int, rotate bool) {
	return func(u []float32, plane int, w []float32, n int, rotate bool) {
		whole := n / width * width
		switch {
		case whole == 0:
		case rotate:
			rotated(u, plane, w, whole, &winogradScales)
		default:
			straight(u, plane, w, whole, &winogradScales)
		}
		rest(u[whole:], plane, w[whole*window9:], n-whole, rotate)
	}
}

// planesWindowTail is windowPlanesTail for planesWindow.
func planesWindowTail(width int, f func(dw []float32, n int, u []float32, plane int, scales *[36]float32),
	rest func(dw []float32, n int, u []float32, plane int)) func(dw []float32, n int, u []float32, plane int) {
	return func(dw []float32, n int, u []float32, plane int) {
		whole := n / width * width
		if whole > 0 {
			f(dw, whole, u, plane, &winogradScales)
		}
		rest(dw[whole*window9:], n-whole, u[whole:], plane)
	}
}

// pixelBlock is how many pixels the copies to and from rows take at once. The last ones are copied together with some again.
const pixelBlock = 4

func toChannelsLastAVX2Tail(dst []float32, pixels []int, src []float32, plane, channels int) {
	n, whole := len(pixels), channels/lanes*lanes
	if n >= pixelBlock && whole > 0 {
		toChannelsLastAVX2(dst, pixels[:n/pixelBlock*pixelBlock], src, plane, whole)
		if n%pixelBlock > 0 {
			toChannelsLastAVX2(dst, pixels[n-pixelBlock:], src[n-pixelBlock:], plane, whole)
		}
		dst, src, channels = dst[whole:], src[min(whole*plane, len(src)):], channels-whole
	}
	toChannelsLast(dst, pixels, src, plane, channels)
}

func fromChannelsLastAVX2Tail(dst []float32, plane, channels int, src []float32, pixels []int) {
	n, whole := len(pixels), channels/lanes*lanes
	if n >= pixelBlock && whole > 0 {
		fromChannelsLastAVX2(dst, plane, whole, src, pixels[:n/pixelBlock*pixelBlock])
		if n%pixelBlock > 0 {
			fromChannelsLastAVX2(dst[n-pixelBlock:], plane, whole, src, pixels[n-pixelBlock:])
		}
		dst, src, channels = dst[min(whole*plane, len(dst)):], src[whole:], channels-whole
	}
	fromChannelsLast(dst, plane, channels, src, pixels)
}
