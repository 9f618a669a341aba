package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkConv measures the three passes of convolutions of 3 x 3, directly and
// as they are chosen.
func BenchmarkConv(b *testing.B) {
	for _, c := range []Conv{
		{Window: Window{H: 16, W: 16}, N: 128, C: 32, Out: 128},
		{Window: Window{H: 8, W: 8}, N: 128, C: 128, Out: 128},
		{Window: Window{H: 32, W: 32}, N: 32, C: 64, Out: 64},
		{Window: Window{H: 16, W: 16}, N: 32, C: 128, Out: 128},
		{Window: Window{H: 8, W: 8}, N: 32, C: 256, Out: 256},
		{Window: Window{H: 4, W: 4}, N: 32, C: 512, Out: 512},
		{Window: Window{H: 2, W: 2}, N: 128, C: 512, Out: 512},
		{Window: Window{H: 32, W: 32, SH: 2, SW: 2}, N: 32, C: 64, Out: 128},
		{Window: Window{H: 16, W: 16, SH: 2, SW: 2}, N: 32, C: 128, Out: 256},
		{Window: Window{H: 8, W: 8, SH: 2, SW: 2}, N: 32, C: 256, Out: 512},
	} {
		c.KH, c.KW, c.SH, c.SW, c.PH, c.PW = 3, 3, max(c.SH, 1), max(c.SW, 1), 1, 1
		s := newSample(c)
		for _, pass := range []struct {
			name string
			run  func()
		}{
			{"forward", func() { ConvForward(s.c, s.y, s.x, s.w, s.b, true) }},
			{"gradx", func() { ConvGradX(s.c, s.dx, s.dy, s.w) }},
			{"gradw", func() { ConvGradW(s.c, s.dw, s.dy, s.x) }},
		} {
			for _, direct := range []bool{true, false} {
				if !direct && !c.winograd() {
					continue
				}
				b.Run(fmt.Sprintf("%d-%d@%dx%d,stride%d/%s/direct=%v", c.C, c.Out, c.H, c.N, c.SH, pass.name, direct), func(b *testing.B) {
					defer func(d bool) { convDirect = d }(convDirect)
					convDirect = direct
					b.ReportAllocs()
					for b.Loop() {
						pass.run()
					}
				})
			}
		}
	}
}
