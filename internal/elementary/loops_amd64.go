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
			GELU: wholeUnary(geluAVX512), SiLU: wholeUnary(siluAVX512), GELUTanh: wholeUnary(geluTanhAVX512),
			GELUSlope: wholeTwo(geluSlopeAVX512), SiLUSlope: wholeTwo(siluSlopeAVX512), GELUTanhSlope: wholeTwo(geluTanhSlopeAVX512),
			Product: wholeBinary(productAVX512),
			ExpSum:  wholeExpSum(expSumAVX512),
		}
	case cpu.AVX2:
		return Loops[float32]{
			Tanh: wholeUnary(tanhAVX2), Sigmoid: wholeUnary(sigmoidAVX2),
			TanhGrad: wholeBinary(tanhGradAVX2), SigmoidGrad: wholeBinary(sigmoidGradAVX2),
			GELU: wholeUnary(geluAVX2), SiLU: wholeUnary(siluAVX2), GELUTanh: wholeUnary(geluTanhAVX2),
			GELUSlope: wholeTwo(geluSlopeAVX2), SiLUSlope: wholeTwo(siluSlopeAVX2), GELUTanhSlope: wholeTwo(geluTanhSlopeAVX2),
			Product: wholeBinary(productAVX2),
			ExpSum:  wholeExpSum(expSumAVX2),
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
func wholeBinary(f func(z, x, y []float32)) func(z, x, y []float32) {
	return func(z, x, y []float32) {
		x, y = x[:len(z)], y[:len(z)]
		if n := len(z) / lanes * lanes; n > 0 {
			f(z[:n], x[:n], y[:n])
			z, x, y = z[n:], x[n:], y[n:]
		}
		if len(z) > 0 {
			var rest [2][lanes]float32
			copy(rest[0][:], x)
			copy(rest[1][:], y)
			f(rest[0][:], rest[0][:], rest[1][:])
			copy(z, rest[0][:])
		}
	}
}

// wholeTwo is wholeUnary for functions with two results.
func wholeTwo(f func(y, slope, x []float32)) func(y, slope, x []float32) {
	return func(y, slope, x []float32) {
		y, slope = y[:len(x)], slope[:len(x)]
		if n := len(x) / lanes * lanes; n > 0 {
			f(y[:n], slope[:n], x[:n])
			y, slope, x = y[n:], slope[n:], x[n:]
		}
		if len(x) > 0 {
			var rest [2][lanes]float32
			copy(rest[0][:], x)
			f(rest[0][:], rest[1][:], rest[0][:])
			copy(y, rest[0][:])
			copy(slope, rest[1][:])
		}
	}
}

// wholeExpSum is wholeUnary for ExpSum.
func wholeExpSum(f func(y, x []float32, top, scale float32, sums *[8]float64) float64) func(y, x []float32, top, scale float32) float64 {
	return func(y, x []float32, top, scale float32) float64 {
		var sums [8]float64
		n := len(x) / lanes * lanes
		if n > 0 {
			if total := f(y[:n], x[:n], top, scale, &sums); n == len(x) {
				return total
			}
		}
		expSum(y[n:], x[n:], top, scale, &sums, fall32)
		return fold(&sums)
	}
}
