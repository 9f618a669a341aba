package kernel

import (
	"fmt"
	"testing"
)

// columnsShapes have steps and sizes of all kinds, with several images in a
// product and several products an image.
var columnsShapes = []Conv{
	{Window: Window{H: 8, W: 8, KH: 3, KW: 3, SH: 2, SW: 2, PH: 1, PW: 1}, N: 3, C: 3, Out: 5},
	{Window: Window{H: 6, W: 10, KH: 3, KW: 5, SH: 2, SW: 2, PH: 0, PW: 3}, N: 2, C: 2, Out: 3},
	{Window: Window{H: 60, W: 58, KH: 4, KW: 2, SH: 2, SW: 2, PH: 2, PW: 0}, N: 2, C: 2, Out: 3},
	{Window: Window{H: 7, W: 8, KH: 3, KW: 3, SH: 2, SW: 2, PH: 1, PW: 1}, N: 2, C: 2, Out: 3},
	{Window: Window{H: 8, W: 8, KH: 1, KW: 1, SH: 2, SW: 2}, N: 2, C: 2, Out: 3},
	{Window: Window{H: 8, W: 8, KH: 3, KW: 3, SH: 1, SW: 2, PH: 1, PW: 1}, N: 2, C: 2, Out: 3},
	{Window: Window{H: 9, W: 12, KH: 3, KW: 2, SH: 3, SW: 3, PH: 2, PW: 1}, N: 2, C: 2, Out: 3},
	{Window: Window{H: 5, W: 4, KH: 3, KW: 3, SH: 1, SW: 1, PH: 1, PW: 1}, N: 2, C: 2, Out: 3},
}

// TestColumns compares with the sums of the definition.
func TestColumns(t *testing.T) {
	for _, c := range columnsShapes {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			s := newSample(c)
			y, dx, dw := make([]float64, len(s.y)), make([]float64, len(s.dx)), make([]float64, len(s.dw))
			eachTerm(c, func(o, i, k int) {
				y[o] += float64(s.x[i]) * float64(s.w[k])
				dx[i] += float64(s.dy[o]) * float64(s.w[k])
				dw[k] += float64(s.dy[o]) * float64(s.x[i])
			})
			columnsForward(c, s.y, s.x, s.w, nil, false)
			columnsGradX(c, s.dx, s.dy, s.w)
			columnsGradW(c, s.dw, s.dy, s.x)
			checkRMS(t, "output", s.y, y)
			checkRMS(t, "gradient of the images", s.dx, dx)
			checkRMS(t, "gradient of the weights", s.dw, dw)
		})
	}
}

// eachTerm calls f for each product in the definition of a convolution, with the
// places of its factors.
func eachTerm(c Conv, f func(y, x, w int)) {
	for y := range c.N * c.Out * c.places() {
		n, o, p, q := y/c.places()/c.Out, y/c.places()%c.Out, y%c.places()/c.OutW(), y%c.OutW()
		for k := range c.depth() {
			channel, i, j := k/(c.KH*c.KW), p*c.SH+k/c.KW%c.KH-c.PH, q*c.SW+k%c.KW-c.PW
			if 0 <= i && i < c.H && 0 <= j && j < c.W {
				f(y, ((n*c.C+channel)*c.H+i)*c.W+j, o*c.depth()+k)
			}
		}
	}
}
