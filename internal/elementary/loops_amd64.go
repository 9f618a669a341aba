package elementary

import "github.com/layernoise/layernoise/internal/cpu"

// lanes is the number of elements that the kernels of every instruction set process at once, some of them as two halves.
const lanes = 16

// loopsOf returns the loops for the instructions of a level.
func loopsOf(l cpu.Level) Loops[float32] {
	switch l {
	case cpu.AVX512:
		return Loops[float32]{
			Tanh: wholeUnary(tanhAVX512), Sigmoid: wholeUnary(sigmoidAVX512),
			TanhGrad: wholeBinary(tanhGradAVX512), SigmoidGrad: wholeBinary(sigmoidGradAVX512),
			GELU: wholeUnary(geluAVX512), SiLU: wholeUnary(siluAVX512),
			GELUGrad: wholeBinary(geluGradAVX512), SiLUGrad: wholeBinary(siluGradAVX512),
			GELUTanh: wholeUnary(geluTanhAVX512), GELUTanhGrad: wholeBinary(geluTanhGradAVX512),
			ExpSum: wholeExpSum(expSumAVX512),
		}
	case cpu.AVX2:
		return Loops[float32]{
			Tanh: wholeUnary(tanhAVX2), Sigmoid: wholeUnary(sigmoidAVX2),
			TanhGrad: wholeBinary(tanhGradAVX2), SigmoidGrad: wholeBinary(sigmoidGradAVX2),
			GELU: wholeUnary(geluAVX2), SiLU: wholeUnary(siluAVX2),
			GELUGrad: wholeBinary(geluGradAVX2), SiLUGrad: wholeBinary(siluGradAVX2),
			GELUTanh: wholeUnary(geluTanhAVX2), GELUTanhGrad: wholeBinary(geluTanhGradAVX2),
			ExpSum: wholeExpSum(expSumAVX2),
		}
	}
	return plainLoops[float32]()
}

// wholeUnary makes a loop for any length from one for whole registers: the last elements are computed in a copy.
func wholeUnary(f func(y, x []float32)) func(y, x []float32) {
	return func(y, x []float32) {
		x = x[:len(y)]
		if n := len(y) / lanes * lanes; n > 0 {
			f(y[:n], x[:n])
			y, x = y[n:], x[n:]
		}
		if len(y) > 0 {
			var rest [lanes]float32
			copy(rest[:], x)
			f(rest[:], rest[:])
			copy(y, rest[:])
		}
	}
}

// wholeBinary is wholeUnary for functions of two numbers.
func wholeBinary(f func(dx, x, dy []float32)) func(dx, x, dy []float32) {
	return func(dx, x, dy []float32) {
		x, dy = x[:len(dx)], dy[:len(dx)]
		if n := len(dx) / lanes * lanes; n > 0 {
			f(dx[:n], x[:n], dy[:n])
			dx, x, dy = dx[n:], x[n:], dy[n:]
		}
		if len(dx) > 0 {
			var rest [2][lanes]float32
			copy(rest[0][:], x)
			copy(rest[1][:], dy)
			f(rest[0][:], rest[0][:], rest[1][:])
			copy(dx, rest[0][:])
		}
	}
}

// wholeExpSum is wholeUnary for ExpSum.
func wholeExpSum(f func(y, x []float32, top, scale float32, sums *[8]float64)) func(y, x []float32, top, scale float32) float64 {
	return func(y, x []float32, top, scale float32) float64 {
		var sums [8]float64
		n := len(x) / lanes * lanes
		if n > 0 {
			f(y[:n], x[:n], top, scale, &sums)
		}
		if n < len(x) {
			expSum(y[n:], x[n:], top, scale, &sums, fall32)
		}
		return fold(&sums)
	}
}
