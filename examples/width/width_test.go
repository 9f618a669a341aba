package main

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// A wider network computes the same function as a narrow one.
func TestWidened(t *testing.T) {
	x := orthogonalRows(1)
	for _, relu := range []bool{false, true} {
		narrow := (&network{weights: widened(1, units)}).outputs(x, units, relu)
		wide := (&network{weights: widened(1, 8*units)}).outputs(x, 8*units, relu)
		if !mat.EqualApprox(narrow, wide, 1e-12) {
			t.Errorf("ReLU %v: the wide network computes another function", relu)
		}
	}
}

// What is measured on linear networks is the closed form, within five standard errors.
func TestMeasureFollowsTheClosedForms(t *testing.T) {
	s := settings{sigma: 0.3, draws: 2000, seed: 1}
	const width = 2 * units
	forms := closedForms(s, []float64{width})
	for i, n := range noises {
		m, err := measure(context.Background(), s, width, false, n.selection())
		if err != nil {
			t.Fatal(err)
		}
		for what, c := range map[string]struct {
			measured estimate
			want     []float64
		}{
			"extra loss":               {m.extra, forms[i].extra},
			"variance of the loss":     {m.loss, forms[i].loss},
			"variance of the gradient": {m.gradient, forms[i].gradient},
		} {
			if c.want != nil && !(math.Abs(c.measured.mean-c.want[0]) <= 5*c.measured.err) {
				t.Errorf("%s: %s is %v ± %v, closed form %v", n.name, what, c.measured.mean, c.measured.err, c.want[0])
			}
		}
	}
}

func TestSettingsRefuse(t *testing.T) {
	good := settings{sigma: 0.3, doublings: 1, draws: 2 * parts, seed: 1, out: "x.png"}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*settings){
		"sigma":     func(s *settings) { s.sigma = math.NaN() },
		"doublings": func(s *settings) { s.doublings = 0 },
		"draws":     func(s *settings) { s.draws = 2*parts - 1 },
		"out":       func(s *settings) { s.out = "" },
	} {
		s := good
		change(&s)
		if s.check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
