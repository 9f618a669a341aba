package figure

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// Logarithmic axes plot decimal logarithms on gonum's linear axes. On its own logarithmic axes, the labels of ticks out of
// range take room from the curves.

// x and y return the positions of a number on the axes.
func (p Panel) x(v float64) float64 { return onAxis(v, p.LogX) }
func (p Panel) y(v float64) float64 { return onAxis(v, p.LogY) }

func onAxis(v float64, log bool) float64 {
	if log {
		return math.Log10(v)
	}
	return v
}

// ticks returns the ticker of an axis.
func ticks(log bool) plot.Ticker {
	if log {
		return plot.TickerFunc(logTicks)
	}
	return plot.TickerFunc(linearTicks)
}

// labelsMax is the largest number of labels on a linear axis.
const labelsMax = 6

// linearTicks labels the multiples of 1, 2 or 5 times a power of ten, with unlabelled ticks between them.
func linearTicks(lo, hi float64) []plot.Tick {
	step, labelled := tickStep((hi - lo) / labelsMax)
	var ticks []plot.Tick
	for i := int(math.Ceil(lo / step)); float64(i)*step <= hi; i++ {
		tick := plot.Tick{Value: float64(i) * step}
		if i%labelled == 0 {
			tick.Label = label(tick.Value)
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

// tickStep returns the distance between ticks, of which each labelled-th has a label, for labels at least apart from each
// other.
func tickStep(apart float64) (step float64, labelled int) {
	power := math.Pow(10, math.Floor(math.Log10(apart)))
	switch {
	case apart <= 2*power:
		return power, 2
	case apart <= 5*power:
		return power, 5
	}
	return 2 * power, 5
}

// logTicks marks the powers of ten and their multiples. It labels the powers, and also 2 and 5 times them if there are fewer
// than two powers. Less than half a decade has the ticks of a linear axis.
func logTicks(lo, hi float64) []plot.Tick {
	if hi-lo < 0.5 {
		ticks := linearTicks(math.Pow(10, lo), math.Pow(10, hi))
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

// ticksAt labels the x axis at the given numbers.
func (p Panel) ticksAt(places []float64) plot.ConstantTicks {
	ticks := make(plot.ConstantTicks, len(places))
	for i, x := range places {
		ticks[i] = plot.Tick{Value: p.x(x), Label: label(x)}
	}
	return ticks
}

// label formats a number with up to six digits.
func label(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

// Steps returns at most points integers from 1 to last, evenly spaced on a logarithmic axis. There are fewer if some would
// be equal.
func Steps(last, points int) []float64 {
	var at []float64
	for i := range points {
		x := math.Round(math.Pow(float64(last), float64(i)/float64(points-1)))
		if len(at) == 0 || x > at[len(at)-1] {
			at = append(at, x)
		}
	}
	return at
}
