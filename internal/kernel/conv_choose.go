package kernel

import (
	"math"
	"os"
)

// ConvVariable is the environment variable that keeps all convolutions to the
// direct path when it is "direct", read once when the program starts.
const ConvVariable = "LAYERNOISE_CONV"

var convDirect = os.Getenv(ConvVariable) == "direct"

// winograd reports whether the convolution is computed by Winograd's algorithm.
// That takes four times fewer multiplications when the tiles of four by four
// outputs cover the maps without waste, and has to gain a factor of two; its
// transforms cost as much as some ten channels; and its rounding errors are about
// ten times those of a direct sum, so that double precision stays direct.
func (c Conv) winograd() bool {
	if convDirect || c.KH != 3 || c.KW != 3 || c.SH != 1 || c.SW != 1 || c.PH > 2 || c.PW > 2 {
		return false
	}
	tiles := ceilDiv(c.OutH(), winogradOut) * ceilDiv(c.OutW(), winogradOut)
	return c.C >= 16 && c.Out >= 16 && 9*c.places() >= 2*winogradPlanes*tiles
}

// lowest is the number below which results are clipped.
func lowest(relu bool) float32 {
	if relu {
		return 0
	}
	return float32(math.Inf(-1))
}
