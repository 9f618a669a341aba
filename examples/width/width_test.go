package main

import (
	"context"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// A wider network computes the same function as a narrow one.
func TestSplit(t *testing.T) {
	x := orthogonalRows(1)
	for _, relu := range []bool{false, true} {
		narrow, wide := compute(split(1, units), x, relu), compute(split(1, 8*units), x, relu)
		if !mat.EqualApprox(narrow, wide, 1e-12) {
			t.Errorf("ReLU %v: the wide network computes another function", relu)
		}
	}
}

// Measurements agree with the closed forms within five standard errors.
func TestMeasureFollowsTheClosedForms(t *testing.T) {
	s := settings{sigma: 0.3, draws: 2000, seed: 1}
	const width = 2 * units
	for i, kind := range kinds {
		for j, n := range noises {
			m, err := s.measure(context.Background(), i, j, width)
			if err != nil {
				t.Fatal(err)
			}
			closed, err := s.closed(i, j, width)
			if err != nil {
				t.Fatal(err)
			}
			for k, q := range quantities {
				e, want := q.measured(cell{measured: m}), q.closed(closed)
				if k > 0 && kind.relu { // not known
					continue
				}
				if !(math.Abs(e.mean-want) <= 5*e.err && e.err < 0.05*want) {
					t.Errorf("%s, %s: %s is %v, closed form %v", kind.name, n.name, q.title, e, want)
				}
			}
		}
	}
}

// The page's table holds the closed forms, and the measurements within five standard errors of them.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	s := settings{sigma: 0.3, seed: 1} // as by default
	found := 0
	for i, kind := range kinds {
		line := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(kind.name) + ` \| (\d+) \| (\S+) ± (\S+) \| (\S+) \| (\S+) ± (\S+) \| (\S+) \|$`)
		for _, cells := range line.FindAllStringSubmatch(string(page), -1) {
			found++
			numbers := make([]float64, len(cells))
			for k, text := range cells[1:] {
				if numbers[k], err = strconv.ParseFloat(text, 64); err != nil {
					t.Fatal(err)
				}
			}
			for j := range noises {
				mean, e, printed := numbers[1+3*j], numbers[2+3*j], numbers[3+3*j]
				closed, err := s.closed(i, j, int(numbers[0]))
				if err != nil || math.Abs(closed.extra-printed) > 0.00051 || math.Abs(mean-printed) > 5*e {
					t.Errorf("%s: closed form %.3f (%v)", cells[0], closed.extra, err)
				}
			}
		}
	}
	if found != 3*len(kinds) {
		t.Errorf("%d rows, want %d", found, 3*len(kinds))
	}
	var deep strings.Builder
	if err := depthTable(&deep, s); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), deep.String()) {
		t.Errorf("the page does not hold\n%s", deep.String())
	}
}

func TestSettingsRefuse(t *testing.T) {
	good := settings{sigma: 0.3, doublings: 1, draws: 2 * parts, seed: 1, out: "x.png", variances: "y.png"}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*settings){
		"sigma":     func(s *settings) { s.sigma = math.NaN() },
		"doublings": func(s *settings) { s.doublings = 0 },
		"draws":     func(s *settings) { s.draws = 2*parts - 1 },
		"out":       func(s *settings) { s.out = "" },
		"variances": func(s *settings) { s.variances = "" },
	} {
		s := good
		change(&s)
		if s.check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
