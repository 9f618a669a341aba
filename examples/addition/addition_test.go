package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/examples/internal/limited"
	"github.com/layernoise/layernoise/optim"
)

// tiny returns settings of runs that take no time.
func tiny(t *testing.T) settings {
	t.Helper()
	s := settings{Modulus: 5, Fraction: 0.6, Width: 8, Heads: 2, Batch: 5, Steps: 30, Every: 5, decays: "0, 1", seed: 1,
		seeds: 2, tuningRuns: 2, study: true, out: t.TempDir()}
	if err := s.parse(); err != nil {
		t.Fatal(err)
	}
	return s
}

func results(t *testing.T, s settings) (table string, x *study) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.out, "table.md"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(s.out, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	x = new(study)
	if err := json.Unmarshal(data, x); err != nil {
		t.Fatal(err)
	}
	return string(text), x
}

// TestStudy makes a study in one go, and another that is interrupted again and again: both end with the same numbers.
func TestStudy(t *testing.T) {
	whole := tiny(t)
	if err := run(context.Background(), whole); err != nil {
		t.Fatal(err)
	}
	want, x := results(t, whole)
	if lines := strings.Count(want, "\n"); lines != 2+2*len(kinds) {
		t.Errorf("table of %d lines:\n%s", lines, want)
	}
	parts := tiny(t)
	starts := 0
	for err := context.Canceled; err != nil; starts++ {
		err = run(limited.Context(400), parts)
		if starts > 1000 {
			t.Fatal("it does not end")
		}
	}
	if got, _ := results(t, parts); got != want || starts < 5 {
		t.Errorf("after %d starts:\n%s\nin one go:\n%s", starts, got, want)
	}
	picture, err := os.ReadFile(filepath.Join(whole.out, "survival.png"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Error(err)
	}
	checkTuning(t, x, whole)

	whole.Width = 16
	if err := run(context.Background(), whole); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("another width in the same folder: %v", err)
	}
}

// checkTuning checks that tuning and comparison share no seeds, that every kind has as many trials, and that the best trial is
// the best by the runs made.
func checkTuning(t *testing.T, x *study, s settings) {
	t.Helper()
	for _, k := range kinds {
		if n := len(k.trials(0)); n != len(kinds[0].trials(0)) {
			t.Errorf("%s has %d trials", k.name, n)
		}
		for _, decay := range s.weightDecays {
			best := x.best(k, decay)
			total := func(of trial) int {
				sum := 0
				for seed := uint64(tuningSeed + 1); seed <= uint64(tuningSeed+s.tuningRuns); seed++ {
					r := x.find(of, seed)
					if r == nil {
						return math.MaxInt // given up
					}
					sum += r.Steps
				}
				return sum
			}
			for _, other := range k.trials(decay) {
				if total(other) < total(best) {
					t.Errorf("%v took %d steps, %v %d", best, total(best), other, total(other))
				}
			}
			for seed := range uint64(s.seeds) {
				if x.find(best, seed+1) == nil {
					t.Errorf("no run of %v, seed %d", best, seed+1)
				}
			}
		}
	}
	for _, r := range x.Runs {
		if tuned := r.Seed > tuningSeed; !tuned && r.trial != x.best(r.of(), r.WeightDecay) {
			t.Errorf("%v, seed %d, is not what was tuned", r.trial, r.Seed)
		}
	}
}

// TestRunDoesNotChange: a run's numbers are a function of its settings, trial and seed.
func TestRunDoesNotChange(t *testing.T) {
	s := tiny(t)
	for _, k := range kinds {
		a, err := train(context.Background(), s, k.single(1), 1, s.Steps)
		if err != nil {
			t.Fatal(err)
		}
		b, err := train(context.Background(), s, k.single(1), 1, s.Steps)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.points, b.points) || len(a.points) == 0 {
			t.Errorf("%v: %v and %v", a.trial, a.points, b.points)
		}
		c, err := train(context.Background(), s, k.single(1), 1, 10)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(c.points, a.points[:len(c.points)]) || c.Steps > 10 {
			t.Errorf("%v: the beginning of a run is %v, the run %v", a.trial, c.points, a.points)
		}
	}
}

// TestKindsDiffer: no two kinds train alike.
func TestKindsDiffer(t *testing.T) {
	s := tiny(t)
	losses := make(map[float64]string)
	for _, k := range kinds {
		r, err := train(context.Background(), s, k.single(0), 1, s.Steps)
		if err != nil {
			t.Fatal(err)
		}
		loss := r.points[len(r.points)-1].Loss
		if other, there := losses[loss]; there {
			t.Errorf("%s and %s end with the same loss", k.name, other)
		}
		losses[loss] = k.name
	}
}

func TestSolvers(t *testing.T) {
	for _, k := range kinds {
		solver, err := k.single(1).solver(1)
		if err != nil {
			t.Fatal(err)
		}
		if _, noisy := solver.(*optim.PerturbedSolver); noisy != (k.strength == "sigma") {
			t.Errorf("%s is a %T", k.name, solver)
		}
		if p := k.single(1).dropoutRate(); (p > 0) != (k.name == "dropout") {
			t.Errorf("%s drops out %v", k.name, p)
		}
	}
}

func TestParse(t *testing.T) {
	for name, change := range map[string]func(*settings){
		"decays":      func(s *settings) { s.decays = "0,x" },
		"negative":    func(s *settings) { s.decays = "-1" },
		"NaN":         func(s *settings) { s.decays = "NaN" },
		"twice":       func(s *settings) { s.decays = "1,1" },
		"p":           func(s *settings) { s.Modulus = 1 },
		"fraction":    func(s *settings) { s.Fraction = 1 },
		"heads":       func(s *settings) { s.Heads = 3 },
		"batch":       func(s *settings) { s.Batch = 100 },
		"every":       func(s *settings) { s.Every = 7 },
		"seeds":       func(s *settings) { s.seeds = 0 },
		"tuningseeds": func(s *settings) { s.tuningRuns = 0 },
		"out":         func(s *settings) { s.out = "" },
	} {
		s := tiny(t)
		change(&s)
		if err := s.parse(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
