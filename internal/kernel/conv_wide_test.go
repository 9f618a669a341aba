package kernel

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
)

var wideShapes = []Conv{
	{Window: Window{H: 32, W: 32, KH: 5, KW: 5}, N: 3, C: 3, Out: 6},
	{Window: Window{H: 14, W: 14, KH: 5, KW: 5}, N: 10, C: 6, Out: 16},
	{Window: Window{H: 9, W: 12, KH: 3, KW: 2}, N: 23, C: 2, Out: 3},
	{Window: Window{H: 11, W: 9, KH: 3, KW: 3, PH: 2, PW: 2}, N: 5, C: 4, Out: 2},
	{Window: Window{H: 8, W: 13, KH: 1, KW: 4, PW: 1}, N: 40, C: 1, Out: 5},
}

// TestWide compares wide columns with those of im2col.
func TestWide(t *testing.T) {
	for _, c := range wideShapes {
		c.SH, c.SW = 1, 1
		t.Run(fmt.Sprintf("%dx%dx%dx%d-%d,%dx%d", c.N, c.C, c.H, c.W, c.Out, c.KH, c.KW), func(t *testing.T) {
			if !c.wide() {
				t.Fatal("not wide")
			}
			s := newSample(c)
			x, w, b, dy := doubles(s.x), doubles(s.w), doubles(s.b), doubles(s.dy)
			run := func(wide bool) [3][]float64 {
				y, dx, dw := doubles(s.y), doubles(s.dx), doubles(s.dw)
				if wide {
					wideForward(newWide(c), y, x, w, b, true)
					wideGradX(newWide(c), dx, dy, w)
					wideGradW(newWide(c), dw, dy, x)
				} else {
					columnsForward(c, y, x, w, b, true)
					columnsGradX(c, dx, dy, w)
					columnsGradW(c, dw, dy, x)
				}
				return [3][]float64{y, dx, dw}
			}
			got := run(true)
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
			for i, again := range run(true) {
				if !slices.Equal(again, got[i]) {
					t.Errorf("result %d: other bits with three processors", i)
				}
			}
			for i, want := range run(false) {
				for j, v := range want {
					if !(math.Abs(got[i][j]-v) <= 1e-11*(1+math.Abs(v))) {
						t.Fatalf("result %d: element %d is %v, want %v", i, j, got[i][j], v)
					}
				}
			}
		})
	}
}
