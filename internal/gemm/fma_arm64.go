package gemm

// FMA32 is x*y + z with one rounding: Go makes one instruction of the expression on arm64, which the language allows and the
// tests hold it to.
func FMA32(x, y, z float32) float32 { return x*y + z }
