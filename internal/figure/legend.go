package figure

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

// Share of a panel's width and height that a legend may take, a line of it more in height for each entry.
const (
	legendWidth = 0.5
	legendLine  = 0.075
)

// placeLegend puts the legend into the corner in which the fewest points lie.
func (p Panel) placeLegend(out *plot.Plot) {
	out.Legend.Padding = vg.Points(2)
	out.Legend.ThumbnailWidth = vg.Points(24)
	least := math.Inf(1)
	for _, corner := range []struct{ top, left bool }{{true, false}, {true, true}, {false, false}, {false, true}} {
		if n := p.pointsIn(out, corner.top, corner.left); n < least {
			least = n
			out.Legend.Top, out.Legend.Left = corner.top, corner.left
		}
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

// pointsIn returns how much of the curves lies in a corner of the plot: for each curve the share of its points.
func (p Panel) pointsIn(out *plot.Plot, top, left bool) float64 {
	height := legendLine * float64(len(p.Curves)+1)
	sum := 0.0
	for _, c := range p.Curves {
		for i := range c.X {
			x, y := out.X.Norm(c.X[i]), out.Y.Norm(c.Y[i])
			if !left {
				x = 1 - x
			}
			if top {
				y = 1 - y
			}
			if x < legendWidth && y < height {
				sum += 1 / float64(len(c.X))
			}
		}
	}
	return sum
}

// widen leaves a margin above and below the curves.
func (p Panel) widen(out *plot.Plot) {
	const margin = 0.06
	if p.LogY {
		ratio := math.Pow(out.Y.Max/out.Y.Min, margin)
		out.Y.Min, out.Y.Max = out.Y.Min/ratio, out.Y.Max*ratio
		return
	}
	if span := out.Y.Max - out.Y.Min; span > 0 {
		if out.Y.Min != 0 {
			out.Y.Min -= margin * span
		}
		out.Y.Max += margin * span
	}
}

// ticksAt labels an axis at the given places.
func ticksAt(places []float64) plot.ConstantTicks {
	ticks := make(plot.ConstantTicks, len(places))
	for i, x := range places {
		ticks[i] = plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'g', -1, 64)}
	}
	return ticks
}
