package kernel

import "os"

// A convolution is computed in one of these ways, the first that suits its shape:
//
//	Winograd's algorithm   a window of 3 x 3, steps of one, 16 channels or more on
//	                       both sides, float32
//	wide columns           steps of one, outputs narrower or wider than the image
//	the image itself       a window of 1 x 1, steps of one
//	columns of im2col      all others
//
// The last three are the direct path: they add up the products of the definition.

// ConvVariable is the environment variable that keeps all convolutions to the
// direct path when it is "direct", read once when the program starts.
const ConvVariable = "LAYERNOISE_CONV"

var convDirect = os.Getenv(ConvVariable) == "direct"

// ConvForward computes the convolution y of x with w, plus the bias b of each
// output channel, clipped at zero from below when relu is set. b may be nil.
func ConvForward[T Float](c Conv, y, x, w, b []T, relu bool) {
	switch y32, single := any(y).([]float32); {
	case single && c.winograd():
		winogradForward(c, y32, any(x).([]float32), any(w).([]float32), any(b).([]float32), relu)
	case c.wide():
		wideForward(newWide(c), y, x, w, b, relu)
	default:
		columnsForward(c, y, x, w, b, relu)
	}
}

// ConvGradX computes the gradient dx with respect to the images, from the
// gradient dy of the output.
func ConvGradX[T Float](c Conv, dx, dy, w []T) {
	switch dx32, single := any(dx).([]float32); {
	case single && c.winograd():
		winogradGradX(c, dx32, any(dy).([]float32), any(w).([]float32))
	case c.wide():
		wideGradX(newWide(c), dx, dy, w)
	default:
		columnsGradX(c, dx, dy, w)
	}
}

// ConvGradW computes the gradient dw with respect to the weights, from the
// gradient dy of the output.
func ConvGradW[T Float](c Conv, dw, dy, x []T) {
	switch dw32, single := any(dw).([]float32); {
	case single && c.winograd():
		winogradGradW(c, dw32, any(dy).([]float32), any(x).([]float32))
	case c.wide():
		wideGradW(newWide(c), dw, dy, x)
	default:
		columnsGradW(c, dw, dy, x)
	}
}

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

// wide reports whether the convolution is computed with wide columns: where the
// output is as wide as the image, those of im2col are made as fast; and the
// columns that nobody reads must be few, and an image's in all not so many that
// they leave the cache.
func (c Conv) wide() bool {
	w := newWide(c)
	return c.SH == 1 && c.SW == 1 && c.KH*c.KW > 1 && c.OutW() != c.W && 3*c.OutW() >= 2*w.width && w.each() <= 8*columns
}
