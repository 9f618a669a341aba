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
		windowPlanes: windowPlanesAVX2Tail, planesWindow: planesWindowAVX2Tail,
		gate32:      gate32AVX2,
		weighPieces: weighPiecesAVX2, dotPieces: dotPiecesAVX2,
	}
	if l >= cpu.AVX512 {
		k.weighPieces, k.dotPieces = weighPiecesAVX512, dotPiecesAVX512
	}
	return k
}

// loopsOf are the loops that use the instructions of a level.
func loopsOf(l cpu.Level) loops[float32] {
	if l < cpu.AVX2 {
		return plainLoops[float32]()
	}
	return loops[float32]{
		addClip: addClipAVX2, clipRows: clipRowsAVX2, sumClip: sumClipAVX2,
		maxHalves: maxHalvesAVX2, unpoolHalves: unpoolHalvesAVX2,
		sum: sumAVX2, moments: momentsAVX2,
		normForward: normForwardAVX2, normJoin: normJoinAVX2, normSums: normSumsAVX2, normGrad: normGradAVX2,
		rowNorm: rowNormAVX2, rowNormSums: rowNormSumsAVX2, rowNormGrad: rowNormGradAVX2,
		top: topAVX2, times: timesAVX2, slope: slopeAVX2,
		sgd: sgdAVX2, momentum: sgdMomentumAVX2, nesterov: sgdNesterovAVX2,
		adam: func(w, g, m, v []float32, s *AdamStep[float32]) {
			adamAVX2(w, g, m, v, (*[9]float32)(unsafe.Pointer(s)))
		},
		toRows: toRowsAVX2Tail, fromRows: fromRowsAVX2Tail,
	}
}

// lanes is how many elements an AVX2 register holds. Kernels for whole registers
// leave the rest to the plain ones.
const lanes = 8

func windowPlanesAVX2Tail(u []float32, plane int, w []float32, n int, turn bool) {
	whole := n / lanes * lanes
	switch {
	case whole == 0:
	case turn:
		turnedPlanesAVX2(u, plane, w, whole, &winogradScales)
	default:
		windowPlanesAVX2(u, plane, w, whole, &winogradScales)
	}
	windowPlanes(u[whole:], plane, w[whole*window9:], n-whole, turn)
}

func planesWindowAVX2Tail(dw []float32, n int, u []float32, plane int) {
	whole := n / lanes * lanes
	if whole > 0 {
		planesWindowAVX2(dw, whole, u, plane, &winogradScales)
	}
	planesWindow(dw[whole*window9:], n-whole, u[whole:], plane)
}

// somePlaces is how many places the copies to and from rows take at once. The last
// ones are copied together with some again.
const somePlaces = 4

func toRowsAVX2Tail(dst []float32, places []int, src []float32, plane, channels int) {
	n, whole := len(places), channels/lanes*lanes
	if n >= somePlaces && whole > 0 {
		toRowsAVX2(dst, places[:n/somePlaces*somePlaces], src, plane, whole)
		if n%somePlaces > 0 {
			toRowsAVX2(dst, places[n-somePlaces:], src[n-somePlaces:], plane, whole)
		}
		dst, src, channels = dst[whole:], src[min(whole*plane, len(src)):], channels-whole
	}
	toRows(dst, places, src, plane, channels)
}

func fromRowsAVX2Tail(dst []float32, plane, channels int, src []float32, places []int) {
	n, whole := len(places), channels/lanes*lanes
	if n >= somePlaces && whole > 0 {
		fromRowsAVX2(dst, plane, whole, src, places[:n/somePlaces*somePlaces])
		if n%somePlaces > 0 {
			fromRowsAVX2(dst[n-somePlaces:], plane, whole, src, places[n-somePlaces:])
		}
		dst, src, channels = dst[min(whole*plane, len(dst)):], src[whole:], channels-whole
	}
	fromRows(dst, plane, channels, src, places)
}
