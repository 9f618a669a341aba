package main

import (
	"fmt"
	"math"
	"path/filepath"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/closedform"
	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/layers"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// theoryImages is the number of images over which the closed forms are averaged.
const theoryImages = 100

// move is how far noise of a scale and sigma moves the ten outputs of a network, by the closed form: the expected squared
// distance, averaged over images.
type move struct {
	Layer float64 `json:"layer"` // noise on one layer at a time
	All   float64 `json:"all"`   // noise on all at once

	// Outputs is the mean squared distance of the outputs from their mean over the classes, without noise.
	Outputs float64 `json:"outputs"`
}

// moved returns the move of a network's outputs.
func moved(net layers.Layer, s scale, sigma float64, images *datasets.Dataset) (*move, error) {
	var p [4][]float64 // W1, b1, W2, b2
	for i, param := range net.Params() {
		for _, w := range param.Value.Data().([]float32) {
			p[i] = append(p[i], float64(w))
		}
	}
	width := len(p[1])
	x := mat.NewDense(784, theoryImages, nil)
	for i := range theoryImages {
		for j, v := range images.Pixels(i) {
			x.Set(j, i, float64(v)/255)
		}
	}
	r := &closedform.ReLU{X: x, Width: width, Outputs: 10, Bias: p[1]}
	w := [2][]float64{p[0], p[2]}
	layer := [2]float64{sigma * s.factor(w[0], 784), sigma * s.factor(w[1], width)}
	all := [2]float64{layer[0] / math.Sqrt2, layer[1] / math.Sqrt2}
	m := new(move)
	var err error
	if m.Layer, err = r.ExtraLayer(w, layer); err != nil {
		return nil, err
	}
	if m.All, err = r.ExtraAll(w, all); err != nil {
		return nil, err
	}
	var hidden, out mat.Dense
	hidden.Mul(mat.NewDense(width, 784, p[0]), x)
	hidden.Apply(func(j, _ int, z float64) float64 { return math.Max(0, z+p[1][j]) }, &hidden)
	out.Mul(mat.NewDense(10, width, p[2]), &hidden)
	for i := range theoryImages {
		z := mat.Col(nil, i, &out)
		floats.Add(z, p[3])
		m.Outputs += 10 * stat.PopVariance(z, nil) / theoryImages
	}
	return m, nil
}

// drawTheory draws how far noise moves the outputs at the initial weights, over drawn digits.
func drawTheory(folder string, widths []int) error {
	images := datasets.Digits(theoryImages, 1)
	var panels []figure.Panel
	for _, s := range scales {
		layer := figure.Curve{Name: modes[1], Line: true, Marks: true, Colour: 2}
		all := figure.Curve{Name: modes[2], Line: true, Marks: true, Colour: 3}
		p := figure.Panel{
			Title: fmt.Sprintf("sigma %v, %s", s.sigma, s.label),
			X:     "width, hidden units", Y: "squared change of the outputs", LogX: true, LogY: true,
		}
		for _, width := range widths {
			m, err := moved(newNetwork(key{Scale: s.name, Width: width, Seed: 1}), s, s.sigma, images)
			if err != nil {
				return err
			}
			x := float64(width)
			p.TicksX = append(p.TicksX, x)
			layer.X, layer.Y = append(layer.X, x), append(layer.Y, m.Layer)
			all.X, all.Y = append(all.X, x), append(all.Y, m.All)
		}
		p.Curves = []figure.Curve{layer, all}
		panels = append(panels, p)
	}
	file := filepath.Join(folder, "theory.png")
	fmt.Println("picture:", file)
	return figure.Save(file, panels...)
}
