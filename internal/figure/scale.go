package figure

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// Logarithmic axes show the decimal logarithm on one of gonum's linear axes: on its own logarithmic ones labels of the axis
// and of ticks out of range take room from the curves.

// x and y return where a number stands on the axes.
func (p Panel) x(v float64) float64 { return onAxis(v, p.LogX) }
func (p Panel) y(v float64) float64 { return onAxis(v, p.LogY) }

func onAxis(v float64, log bool) float64 {
	if log {
		return math.Log10(v)
	}
	return v
}

// logTicks marks the powers of ten and their multiples. It labels the powers, or, where there are fewer than two, 2 and 5
// times them too. A part of a decade has the round numbers of a linear axis.
func logTicks(lo, hi float64) []plot.Tick {
	if hi-lo < 0.5 {
		ticks := plot.DefaultTicks{}.Ticks(math.Pow(10, lo), math.Pow(10, hi))
		for i := range ticks {
			ticks[i].Value = math.Log10(ticks[i].Value)
		}
		return ticks
	}
	first, last := int(math.Floor(lo)), int(math.Ceil(hi))
	labels := []int{1}
	if math.Floor(hi)-math.Ceil(lo) < 1 {
		labels = []int{1, 2, 5}
	}
	var ticks []plot.Tick
	for power := first; power <= last; power++ {
		for multiple := 1; multiple < 10; multiple++ {
			value := float64(multiple) * math.Pow(10, float64(power))
			tick := plot.Tick{Value: math.Log10(value)}
			for _, l := range labels {
				if l == multiple {
					tick.Label = label(value)
				}
			}
			if tick.Value >= lo && tick.Value <= hi {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

// ticksAt labels the x axis at the given places.
func (p Panel) ticksAt(places []float64) plot.ConstantTicks {
	ticks := make(plot.ConstantTicks, len(places))
	for i, x := range places {
		ticks[i] = plot.Tick{Value: p.x(x), Label: label(x)}
	}
	return ticks
}

// label writes a number with up to six digits.
func label(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
