package figure

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gonum.org/v1/plot"
)

func TestMean(t *testing.T) {
	c := Mean("runs", []float64{0, 1}, [][]float64{{1, 4}, {3, 4}, {5, 4}})
	if half := 4.3027 * 2 / math.Sqrt(3); c.Y[0] != 3 || c.Y[1] != 4 || math.Abs(c.Err[0]-half) > 1e-3 || c.Err[1] != 0 {
		t.Errorf("means %v with intervals %v, want [3 4] with [%v 0]", c.Y, c.Err, half)
	}
	if c := Mean("one run", []float64{0}, [][]float64{{1}}); c.Err != nil {
		t.Errorf("one run has error bars %v", c.Err)
	}
}

func TestSave(t *testing.T) {
	file := filepath.Join(t.TempDir(), "picture.png")
	if err := Save(file, make([]Panel, 0)...); err == nil {
		t.Error("a picture of no panels")
	}
	curve := Curve{Name: "a", X: []float64{1, 10, 100}, Y: []float64{1, 0.1, 0.01}, Err: []float64{2, 0.01, 0}, Line: true, Marks: true}
	log, linear := Panel{Title: "one", LogX: true, LogY: true, Curves: []Curve{curve}}, Panel{Title: "two", Curves: []Curve{curve}}
	for _, c := range []struct {
		panels        []Panel
		width, height int
	}{
		{[]Panel{log}, 576, 463},
		{[]Panel{log, linear}, 1152, 463},
		{[]Panel{log, linear, log, linear, log}, 1152, 1327},
		{[]Panel{log, linear, log, linear, log, linear}, 1728, 895},
	} {
		if err := Save(file, c.panels...); err != nil {
			t.Fatal(err)
		}
		if b := bounds(t, file); b.Dx() != c.width || b.Dy() != c.height {
			t.Errorf("picture of %d panels is %v, want %d x %d", len(c.panels), b, c.width, c.height)
		}
	}
}

// If a training has diverged, its beginning and the other trainings are drawn.
func TestDiverged(t *testing.T) {
	broken := Curve{Name: "broken", X: []float64{1, 2, 3, 4}, Y: []float64{1, math.NaN(), math.Inf(1), 1}, Err: []float64{0, 0, 0, math.Inf(1)}, Line: true}
	none := Curve{Name: "none", X: []float64{1}, Y: []float64{math.NaN()}, Marks: true}
	p := Panel{Curves: []Curve{broken, none}, LogX: true, LogY: true}
	curves, err := p.finite()
	if err != nil || len(curves[0].X) != 1 || len(curves[0].Err) != 1 || len(curves[1].X) != 0 {
		t.Errorf("%v, %v", curves, err)
	}
	for _, p := range []Panel{p, {Curves: []Curve{none}}} {
		if err := Save(filepath.Join(t.TempDir(), "picture.png"), p); err != nil {
			t.Error(err)
		}
	}
}

// bounds returns the size of a picture.
func bounds(t *testing.T, file string) image.Rectangle {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return picture.Bounds()
}

func TestSaveRefuses(t *testing.T) {
	point := Curve{X: []float64{1}, Y: []float64{1}, Marks: true}
	with := func(change func(*Curve)) Panel {
		c := point
		change(&c)
		return Panel{Curves: []Curve{c}}
	}
	for name, panel := range map[string]Panel{
		"no curves":       {},
		"no points":       with(func(c *Curve) { c.X, c.Y = nil, nil }),
		"lengths":         with(func(c *Curve) { c.Y = []float64{1, 2} }),
		"error bars":      with(func(c *Curve) { c.Err = []float64{1, 2} }),
		"nothing to draw": with(func(c *Curve) { c.Marks = false }),
		"log x":           {LogX: true, Curves: []Curve{{X: []float64{0}, Y: []float64{1}, Marks: true}}},
		"log y":           {LogY: true, Curves: []Curve{{X: []float64{1}, Y: []float64{-1}, Marks: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := Save(filepath.Join(dir, "picture.png"), panel); err == nil {
				t.Error("no error")
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("files %v are left behind (%v)", left, err)
			}
		})
	}
}

func TestTicksAreLabelled(t *testing.T) {
	for _, c := range []struct {
		name    string
		ticks   func(lo, hi float64) []plot.Tick
		lengths [][2]float64
	}{
		{"linear", linearTicks, [][2]float64{{0, 1}, {-3, 17}, {0.61, 0.64}, {8, 93}, {-1e-4, 2e-4}, {0, 1350}, {2, 4}}},
		{"log", logTicks, [][2]float64{{0.15, 0.38}, {-0.4, 0.4}, {-3, 4}, {1.1, 1.9}}},
	} {
		for _, at := range c.lengths {
			labels := 0
			for _, tick := range c.ticks(at[0], at[1]) {
				if tick.Value < at[0] || tick.Value > at[1] {
					t.Errorf("%s: tick at %v on an axis from %v to %v", c.name, tick.Value, at[0], at[1])
				}
				if tick.Label != "" {
					labels++
				}
			}
			if labels < 2 || labels > 8 {
				t.Errorf("%s: %d labels on an axis from %v to %v", c.name, labels, at[0], at[1])
			}
		}
	}
}

// The SVG beside the PNG contains the name of each curve once, in the legend.
func TestSVG(t *testing.T) {
	file := filepath.Join(t.TempDir(), "picture.png")
	layer := Curve{Name: "layer, sigma 0.1", X: []float64{1, 2}, Y: []float64{-1, 1}, Line: true, Colour: Layer}
	if err := Save(file, Panel{Curves: []Curve{layer}, Zero: true}, Panel{Curves: []Curve{layer}}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(strings.TrimSuffix(file, ".png") + ".svg")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), layer.Name); n != 1 {
		t.Errorf("%d times the name in the picture, want 1", n)
	}
	if err := xml.Unmarshal(data, new(struct{})); err != nil {
		t.Error(err)
	}
}

// Methods have the same colours in all pictures, and can be told apart without colours.
func TestStyles(t *testing.T) {
	for i, method := range methods {
		if got := ColourOf(method); got != i+1 {
			t.Errorf("%s has colour %d, want %d", method, got, i+1)
		}
		for j := range i {
			a, b := styleOf(Curve{Colour: i + 1}, 9), styleOf(Curve{Colour: j + 1}, 9)
			if a.line.Color == b.line.Color || reflect.DeepEqual(a.mark.Shape, b.mark.Shape) {
				t.Errorf("%s looks like %s", method, methods[j])
			}
		}
	}
	if ColourOf("lion") != 0 {
		t.Error("a colour for what is no method")
	}
}

// TestToY: an axis with an upper end of one ends there, up to the usual margin.
func TestToY(t *testing.T) {
	panel := Panel{Curves: []Curve{{Name: "a", X: []float64{0, 1}, Y: []float64{0, 0.5}, Line: true}}, ToY: 1}
	out, err := panel.plot(new(legend))
	if err != nil {
		t.Fatal(err)
	}
	if out.Y.Max < 1 || out.Y.Max > 1.2 {
		t.Errorf("the axis ends at %v", out.Y.Max)
	}
}

func TestSteps(t *testing.T) {
	const points = 60
	for _, steps := range []int{2, 10, 20_000} {
		at := Steps(steps, points)
		if at[0] != 1 || at[len(at)-1] != float64(steps) || len(at) > points {
			t.Errorf("%d steps: points %v", steps, at)
		}
		for i := 1; i < len(at); i++ {
			if at[i] <= at[i-1] {
				t.Errorf("%d steps: point %v after %v", steps, at[i], at[i-1])
			}
		}
	}
}
