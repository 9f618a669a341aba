// Package elementary defines the project's elementary functions to the last bit.
//
// Go's math package gives different bits on different machines: some of its functions are in assembly on one architecture
// and in Go on another, and where they are in Go, the compiler fuses products and sums into fused multiply-adds on some
// processors and not on others. Here every operation is an IEEE 754 addition, multiplication, division or square root,
// rounded separately, in a fixed order. A product that is an operand of a sum is converted to its own type, float32(x*y) +
// z, which by the language specification rounds it.
//
// The scalar functions define the results. Loops over slices of float32 are in assembly for AVX2 and AVX-512, with the same
// operations and therefore the same bits. The bits of a NaN are not defined.
//
// The errors are at most, in units in the last place (ulp) of the result,
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
// for every float32, and for samples of float64, compared with results of much higher precision. GELUTanh is that inaccurate
// only where it is below 1e-30, because of the rounding of a large exponent.
package elementary
