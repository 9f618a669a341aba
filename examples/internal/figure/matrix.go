package figure

import (
	"fmt"
	"image/color"
	"math"

	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
)

// Matrix is a table of numbers drawn as shaded cells, the first row on top, such as a confusion matrix.
type Matrix struct {
	Names []string    // of both rows and columns
	Cells [][]float64 // Cells[row][column], not negative
}

// shades go from white to dark blue, in steps that remain visible in greyscale.
type shades int

func (n shades) Colors() []color.Color {
	list := make([]color.Color, n)
	for i := range list {
		f := float64(i) / float64(n-1)
		part := func(to float64) uint8 { return uint8(math.Round(255 + (to-255)*f)) }
		list[i] = color.RGBA{R: part(8), G: part(48), B: part(107), A: 255}
	}
	return list
}

// cells presents a matrix to gonum, whose rows start at the bottom. The shade is the square root of the number, so that rare
// events off the diagonal are visible.
type cells struct{ m *Matrix }

func (c cells) Dims() (columns, rows int)  { return len(c.m.Names), len(c.m.Names) }
func (c cells) X(column int) float64       { return float64(column) }
func (c cells) Y(row int) float64          { return float64(row) }
func (c cells) at(column, row int) float64 { return c.m.Cells[len(c.m.Names)-1-row][column] }
func (c cells) Z(column, row int) float64  { return math.Sqrt(c.at(column, row)) }

// plotMatrix makes gonum's plot of a panel with a matrix.
func (p Panel) plotMatrix() (*plot.Plot, error) {
	n := len(p.Matrix.Names)
	most := 0.0
	if n == 0 || len(p.Matrix.Cells) != n {
		return nil, errors.Errorf("figure: a matrix of %d rows with %d names", len(p.Matrix.Cells), n)
	}
	for i, row := range p.Matrix.Cells {
		if len(row) != n {
			return nil, errors.Errorf("figure: row %d of a matrix has %d numbers, want %d", i, len(row), n)
		}
		for _, x := range row {
			if !(x >= 0) || math.IsInf(x, 1) {
				return nil, errors.Errorf("figure: row %d of a matrix holds %v, want 0 or more", i, x)
			}
			most = max(most, x)
		}
	}
	out := p.newPlot()
	grid := cells{p.Matrix}
	shaded := plotter.NewHeatMap(grid, shades(64))
	shaded.Min, shaded.Max = 0, max(math.Sqrt(most), 1)
	out.Add(shaded)
	var labels plotter.XYLabels
	var dark []bool
	for row := range n {
		for column := range n {
			if x := grid.at(column, row); x > 0 {
				labels.XYs = append(labels.XYs, plotter.XY{X: float64(column), Y: float64(row)})
				labels.Labels = append(labels.Labels, fmt.Sprintf("%.3g", x))
				dark = append(dark, math.Sqrt(x) > shaded.Max/2)
			}
		}
	}
	if len(labels.XYs) > 0 {
		written, err := plotter.NewLabels(labels)
		if err != nil {
			return nil, errors.Wrap(err, "figure: numbers of a matrix")
		}
		for i := range written.TextStyle {
			style := &written.TextStyle[i]
			style.XAlign, style.YAlign = text.XCenter, text.YCenter
			style.Font = sans(8)
			if dark[i] {
				style.Color = color.White
			}
		}
		out.Add(written)
	}
	var x, y plot.ConstantTicks
	for i, name := range p.Matrix.Names {
		x = append(x, plot.Tick{Value: float64(i), Label: name})
		y = append(y, plot.Tick{Value: float64(n - 1 - i), Label: name})
	}
	out.X.Tick.Marker, out.Y.Tick.Marker = x, y
	if n > 0 && len(p.Matrix.Names[0]) > 2 {
		out.X.Tick.Label.Rotation, out.X.Tick.Label.XAlign, out.X.Tick.Label.YAlign = math.Pi/4, text.XRight, text.YTop
	}
	return out, nil
}
