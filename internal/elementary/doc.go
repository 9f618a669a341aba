// Package elementary has the elementary functions that the project computes, for one definition of their every bit.
//
// Go's math package gives other bits on other machines: some of its functions are in assembly on one architecture and in Go
// on the next, and where they are in Go, the compiler joins products and sums to fused multiply-adds on some processors and
// not on others. Here every operation is an addition, a multiplication, a division or a square root of IEEE 754, rounded by
// itself, in a fixed order. A product that a sum takes is converted to its own type, float32(x*y) + z, which the language
// defines as rounding it.
//
// The functions of one number define the results. Loops over slices of float32 are in assembly for AVX2 and AVX-512, with
// the same operations, and so the same bits. Which bits a NaN has is not defined.
//
// Errors are at most, in units in the last place (ulp) of the result,
//
//	            float32   float64
//	Exp            1         1
//	Log            -         1
//	Tanh           2.5       2.5
//	Sigmoid        3         3
//	NormalCDF      6         8
//	GELUTanh     160         -
//	CosPi          -         2
//
// for every float32, and for samples of float64, compared with results of many more digits. GELUTanh is so far off only
// where it is below 1e-30: the rounding of a large exponent.
package elementary
