package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/layernoise/layernoise/internal/cpu"
	"github.com/layernoise/layernoise/internal/fence"
)

// TestBounds: the kernels read and write nothing before or behind their slices, where other memory of a program may begin,
// or none.
func TestBounds(t *testing.T) {
	defer func(k kernels, l loops[float32]) { use, loops32 = k, l }(use, loops32)
	r := rand.New(rand.NewPCG(1, 2))
	for l := cpu.Plain + 1; l <= cpu.Best(); l++ {
		use, loops32 = kernelsOf(l), loopsOf(l)
		for i := range 60 {
			k := 1 + 2*r.IntN(3)
			c := Conv{
				Window: Window{H: k + r.IntN(34), W: k + r.IntN(34), KH: k, KW: k, SH: 1, SW: 1, PH: r.IntN(k/2 + 1), PW: r.IntN(k/2 + 1)},
				N:      1 + r.IntN(4), C: []int{1, 3, 16, 17, 64}[r.IntN(5)], Out: []int{1, 5, 16, 24, 64}[r.IntN(5)],
			}
			rows := RowNorm{Rows: 1 + r.IntN(40), Cols: 1 + r.IntN(70), Eps: 1e-5}
			t.Run(fmt.Sprintf("%v, %+v, %+v", l, c, rows), func(t *testing.T) {
				m := fenced{t, i%2 == 0, r}
				m.conv(c, i%3 == 0)
				m.rows(rows)
			})
		}
	}
}

// fenced makes slices of random numbers.
type fenced struct {
	t     *testing.T
	begin bool
	r     *rand.Rand
}

func (m fenced) slice(n int) []float32 {
	x := fence.Slice[float32](m.t, n, m.begin)
	for i := range x {
		x[i] = float32(m.r.NormFloat64())
	}
	return x
}

func (m fenced) conv(c Conv, relu bool) {
	x, w, b := m.slice(c.N*c.C*c.H*c.W), m.slice(c.Out*c.C*c.KH*c.KW), m.slice(c.Out)
	dx, dw, db := m.slice(len(x)), m.slice(len(w)), m.slice(len(b))
	y, dy := m.slice(c.N*c.Out*c.pixels()), m.slice(c.N*c.Out*c.pixels())
	ConvForward(c, y, x, w, b, relu)
	ConvGradX(c, dx, dy, w)
	ConvGradW(c, dw, dy, x)
	ConvGradB(db, dy, y, c.pixels())
	if c.OutH()%2 == 0 && c.OutW()%2 == 0 {
		p := ConvPool[float32]{Conv: c, ReLU: relu}
		y, dy := m.slice(len(y)/4), m.slice(len(y)/4)
		p.Forward(y, x, w, b)
		p.GradX(dx, dy, w)
		p.GradW(dw, dy, x)
		p.GradB(db, dy, y)
	}
}

func (m fenced) rows(n RowNorm) {
	matrix, row := func() []float32 { return m.slice(n.Rows * n.Cols) }, func() []float32 { return m.slice(n.Cols) }
	x, y, z, dy := matrix(), matrix(), matrix(), matrix()
	gain, bias, sums := row(), row(), row()
	stats := NewNormStats(n.Rows)
	RowNormForward(n, stats, y, x, gain, bias)
	RowNormGrad(n, stats, z, sums, bias, x, gain, dy, y)
	GELU(y, z, x)
	MultiplyRows(z, sums, y)
	SumRows(sums, x)
	AddRow(y, gain, n.Cols, true)
	Gate(z, y, x)
	SGD(x, dy, z, 0.1, 0.9, 1e-4, false)
}
