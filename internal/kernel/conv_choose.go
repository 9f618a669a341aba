package kernel

import "os"

// A convolution is computed by the first of these algorithms that suits its shape and type. Neither the processor nor the
// number of threads is asked, because each rounds in its own way:
//
//	Winograd's     a window of 3 x 3, stride 1, 16 channels or more on both sides,
//	               little waste at the edges, float32
//	sliding        stride 1, a window larger than 1 x 1, few weights, images small
//	               enough for the cache, float32
//	shifted GEMM   16 or more numbers at a pixel of the output, and of the image for
//	               each stride of a row; 16 pixels or more; neither padding as high
//	               as the window nor an image that is its own matrix of columns
//	               (1 x 1, stride 1)
//	im2col         all others
//
// The last three are direct: they add up the products of the definition.

// ConvVariable is the environment variable that keeps all convolutions to the direct path when it is "direct", read once
// when the program starts.
const ConvVariable = "LAYERNOISE_CONV"

var convDirect = os.Getenv(ConvVariable) == "direct"

// ConvForward computes the convolution y of x with w, plus the bias b of each output channel, clipped at zero from below
// when relu is set. b may be nil.
func ConvForward[T Float](c Conv, y, x, w, b []T, relu bool) {
	y32, single := any(y).([]float32)
	switch {
	case single && c.forwardInPieces(target{y: y32, b: any(b).([]float32), relu: relu}, source{x: any(x).([]float32)}, any(w).([]float32)):
	case c.shiftedGEMM():
		shiftedForward(c, y, x, w, b, relu)
	default:
		columnsForward(c, y, x, w, b, relu)
	}
}

// ConvGradX computes the gradient dx with respect to the images, from the gradient dy of the output.
func ConvGradX[T Float](c Conv, dx, dy, w []T) {
	dx32, single := any(dx).([]float32)
	switch {
	case single && c.gradXInPieces(dx32, source{x: any(dy).([]float32)}, any(w).([]float32)):
	case c.shiftedGEMM():
		shiftedGradX(c, dx, dy, w)
	default:
		columnsGradX(c, dx, dy, w)
	}
}

// ConvGradW computes the gradient dw with respect to the weights, from the gradient dy of the output.
func ConvGradW[T Float](c Conv, dw, dy, x []T) {
	dw32, single := any(dw).([]float32)
	switch {
	case single && c.gradWInPieces(dw32, source{x: any(dy).([]float32)}, source{x: any(x).([]float32)}):
	case c.shiftedGEMM():
		shiftedGradW(c, dw, dy, x)
	default:
		columnsGradW(c, dw, dy, x)
	}
}

// forwardInPieces computes the convolution if one of the algorithms that make the output, or take it, piece by piece in the
// cache suits it, and reports whether it did.
func (c Conv) forwardInPieces(y target, x source, w []float32) bool {
	switch {
	case c.winograd():
		winogradForward(c, y, x, w)
	case c.slides():
		slidingForward(newSliding(c), y, x, w)
	default:
		return false
	}
	return true
}

// gradXInPieces is forwardInPieces for the gradient with respect to the images.
func (c Conv) gradXInPieces(dx []float32, dy source, w []float32) bool {
	switch {
	case c.winograd():
		winogradGradX(c, dx, dy, w)
	case c.slidesBack():
		slidingGradX(newSliding(c), dx, dy, w)
	default:
		return false
	}
	return true
}

// gradWInPieces is forwardInPieces for the gradient with respect to the weights.
func (c Conv) gradWInPieces(dw []float32, dy, x source) bool {
	switch {
	case c.winograd():
		winogradGradW(c, dw, dy, x)
	case c.slides():
		slidingGradW(newSliding(c), dw, dy, x)
	default:
		return false
	}
	return true
}

// winograd reports whether the convolution is computed by Winograd's algorithm. That takes four times fewer multiplications
// when the tiles of four by four outputs cover the maps without waste, and has to gain a factor of two; its transforms cost
// as much as some ten channels; and its rounding errors are about ten times those of a direct sum, so that double precision
// stays direct.
func (c Conv) winograd() bool {
	if convDirect || c.KH != 3 || c.KW != 3 || c.SH != 1 || c.SW != 1 || c.PH > 2 || c.PW > 2 {
		return false
	}
	tiles := ceilDiv(c.OutH(), winogradOut) * ceilDiv(c.OutW(), winogradOut)
	return c.C >= 16 && c.Out >= 16 && 9*c.pixels() >= 2*winogradPlanes*tiles
}

// slides reports whether the convolution is computed as sums of views. Most of the columns must be those of the output. An
// image stays in the cache closest to the processor while all its output is made, and the sums of the gradient of the
// weights, sixteen each, in the next one.
//
// The columns beyond the output are zeros in the gradients, and multiplied like the others. So a NaN or an infinity in
// an image reaches the gradients of all weights of its channel, some of the channel before it too, and one in the weights
// reaches the gradients of all pixels of its channel: more than those that it has a part in by the definition, but then the
// output is none either.
func (c Conv) slides() bool {
	w := newSliding(c)
	return c.SH == 1 && c.SW == 1 && c.KH*c.KW > 1 && 3*w.outW >= 2*w.width &&
		w.imageSize() <= 1<<13 && c.Out*c.depth() <= 1<<14
}

// slidesBack is slides for the gradient of the images, whose channels are now those that are computed six at once.
func (c Conv) slidesBack() bool { return c.slides() && 2*c.C >= slidingRows }

// shiftedGEMM reports whether the convolution is computed by shifted GEMM. With few channels, or few pixels in a row of all
// outputs, they would be too small; and every row of the output must see a row of the image.
func (c Conv) shiftedGEMM() bool {
	return !c.pointwise() && c.PH < c.KH && c.C*min(c.SW, c.KW) >= 16 && c.Out >= 16 && c.N*c.OutW() >= 16
}
