package kernel

// Window is a window that slides over the rows and columns of an image, for a convolution or a pool.
type Window struct {
	H, W   int // of the image
	KH, KW int // of the window
	SH, SW int // strides
	PH, PW int // padding on each side
}

// OutH is the number of rows of the result.
func (w Window) OutH() int { return (w.H+2*w.PH-w.KH)/w.SH + 1 }

// OutW is the number of columns of the result.
func (w Window) OutW() int { return (w.W+2*w.PW-w.KW)/w.SW + 1 }

// clip returns the range of outputs p, out of the n along an axis, for which element k of the window lies within the size
// elements of the image, that is 0 <= p*stride + k - pad < size.
func clip(n, size, stride, pad, k int) (lo, hi int) {
	if d := pad - k; d > 0 {
		lo = (d + stride - 1) / stride
	}
	if d := size - 1 + pad - k; d >= 0 {
		hi = d/stride + 1
	}
	lo = min(lo, n)
	return lo, max(lo, min(hi, n))
}
