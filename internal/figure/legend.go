package figure

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

// Share of a panel's width and height that a legend may take, a line of it more in height for each entry.
const (
	legendWidth = 0.5
	legendLine  = 0.075
)

// placeLegend puts the legend into a corner without points, or makes room for it above the curves.
func (p Panel) placeLegend(out *plot.Plot) {
	out.Legend.Padding = vg.Points(2)
	out.Legend.ThumbnailWidth = vg.Points(24)
	free := false
	for _, corner := range []struct{ top, left bool }{{true, false}, {true, true}, {false, false}, {false, true}} {
		if !free && !p.crosses(out, corner.top, corner.left) {
			free = true
			out.Legend.Top, out.Legend.Left = corner.top, corner.left
		}
	}
	if !free {
		out.Legend.Top = true
		p.stretch(out, 0, p.legendHeight())
	}
	inset := vg.Points(6)
	out.Legend.XOffs, out.Legend.YOffs = inset, inset
	if !out.Legend.Left {
		out.Legend.XOffs = -inset
	}
	if out.Legend.Top {
		out.Legend.YOffs = -inset
	}
}

// samples is how many points stand for a line between two points of a curve.
const samples = 16

// legendHeight is the share of the panel's height that the legend takes.
func (p Panel) legendHeight() float64 { return min(legendLine*float64(len(p.Curves)+1), 0.5) }

// crosses reports whether a curve passes through a corner of the plot.
func (p Panel) crosses(out *plot.Plot, top, left bool) bool {
	inside := func(x, y float64) bool {
		if !left {
			x = 1 - x
		}
		if top {
			y = 1 - y
		}
		return x < legendWidth && y < p.legendHeight()
	}
	for _, c := range p.Curves {
		for i := range c.X {
			j := min(i+1, len(c.X)-1)
			x0, y0 := out.X.Norm(p.x(c.X[i])), out.Y.Norm(p.y(c.Y[i]))
			x1, y1 := out.X.Norm(p.x(c.X[j])), out.Y.Norm(p.y(c.Y[j]))
			for k := range samples {
				if t := float64(k) / samples; inside(x0+t*(x1-x0), y0+t*(y1-y0)) {
					return true
				}
			}
		}
	}
	return false
}

// margin is the share of the height that is left free below and above the curves.
const margin = 0.06

// stretch lengthens the y axis so that the shares below and above of its new length are free. A linear axis that begins at
// zero goes on doing so.
func (p Panel) stretch(out *plot.Plot, below, above float64) {
	length := (out.Y.Max - out.Y.Min) / (1 - below - above)
	out.Y.Max += above * length
	if out.Y.Min != 0 || p.LogY {
		out.Y.Min -= below * length
	}
}
