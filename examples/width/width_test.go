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
	for _, n := range noises {
		m, err := measure(context.Background(), s, width, false, n.selection())
		if err != nil {
			t.Fatal(err)
		}
		closed := n.closed(widened(s.seed, width), width, s.sigma)
		for _, q := range quantities {
			if e, want := q.measured(m), q.closed(closed); !(math.Abs(e.mean-want) <= 5*e.err && e.err < 0.05*want) {
				t.Errorf("%s: %s is %v, closed form %v", n.name, q.title, e, want)
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
