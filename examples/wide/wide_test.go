package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/interval"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
)

// tiny returns settings of very short runs.
func tiny(t *testing.T) *settings {
	return &settings{
		datasets: "digits", scales: "absolute,small,fan-in,relative", noises: "none,layer,all", widths: "4,3", seeds: 2, first: 1,
		out: t.TempDir(),
	}
}

// Each run is made once, by whichever process comes first, with its own random numbers; a report can be made again.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("trains twenty small networks")
	}
	s := tiny(t)
	s.widths, s.seeds = "3", 1
	if err := run(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	x, err := readResults(s.out)
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := s.runs()
	if err != nil {
		t.Fatal(err)
	}
	if len(wanted) != 10 || len(x) != 10 || len(x.missing(wanted)) != 0 {
		t.Fatalf("%v, want %v", x, wanted)
	}
	losses := map[float64]key{}
	for k, r := range x {
		if was, known := losses[r.TestLoss]; known || r.Diverged != "" || !(r.TestLoss > 0) {
			t.Errorf("%v: test loss %v (%s), as %v", k, r.TestLoss, r.Diverged, was)
		}
		losses[r.TestLoss] = k
	}
	if err := os.RemoveAll(filepath.Join(s.out, runsFolder)); err != nil { // a report needs no files of runs
		t.Fatal(err)
	}
	again, err := readResults(s.out)
	if err != nil || again.tables() != x.tables() || len(again) != 10 {
		t.Errorf("tables of %v differ (%v)", again, err)
	}
	r, err := s.make(context.Background(), key{Dataset: "digits", Scale: "absolute", Noise: "none", Width: 3, Seed: 1}, nil)
	if err == nil || r != nil { // the folder of the runs is gone
		t.Errorf("record %v, error %v", r, err)
	}
	for _, picture := range []string{"digits.png", "theory.png"} {
		if _, err := os.Stat(filepath.Join(s.out, picture)); err != nil {
			t.Error(err)
		}
	}
}

func TestRuns(t *testing.T) {
	s := tiny(t)
	list, err := s.runs()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2*2*10 {
		t.Errorf("%d runs, want two seeds and widths of two without noise and eight with it", len(list))
	}
	s.noises = " none, layer,all" // as somebody types it between quotes
	if spaced, err := s.runs(); err != nil || !slices.Equal(spaced, list) {
		t.Errorf("with spaces in the list the runs are %v (%v)", spaced, err)
	}
	s.sigmas = "0.1,0.2"
	if list, err = s.runs(); err != nil || len(list) != 2*2*18 {
		t.Errorf("%d runs with two sigmas (%v)", len(list), err)
	}
	for name, change := range map[string]func(*settings){
		"dataset":    func(s *settings) { s.datasets = "cats" },
		"scale":      func(s *settings) { s.scales = "absolute,none" },
		"noise":      func(s *settings) { s.noises = "" },
		"width":      func(s *settings) { s.widths = "10,0" },
		"sigma":      func(s *settings) { s.sigmas = "NaN" },
		"seeds":      func(s *settings) { s.seeds = 0 },
		"first-seed": func(s *settings) { s.first = 0 },
		"out":        func(s *settings) { s.out = "" },
	} {
		s := tiny(t)
		change(s)
		if _, err := s.runs(); err == nil || !strings.Contains(err.Error(), "-"+name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// The entries of both matrices have the variance given on the page; small weights come without biases.
func TestInitialWeights(t *testing.T) {
	const width = 400
	for scale, variances := range map[string][2]float64{"absolute": {1.0 / (3 * 784), 1.0 / (3 * width)}, "small": {1.0 / width, 1.0 / width}} {
		matrix := 0
		for _, p := range newNetwork(key{Scale: scale, Width: width, Seed: 1}).Params() {
			sum, w := 0.0, p.Value.Data().([]float32)
			for _, x := range w {
				sum += float64(x) * float64(x)
			}
			if isBias(p.Name) {
				if (sum == 0) != (scale == "small") {
					t.Errorf("%s: %s has the squares %v", scale, p.Name, sum)
				}
				continue
			}
			if got, want := sum/float64(len(w)), variances[matrix]; math.Abs(got-want) > 0.05*want {
				t.Errorf("%s: %s has the variance %v, want %v", scale, p.Name, got, want)
			}
			matrix++
		}
	}
}

// The noise that the solver injects in the first two steps is that of the closed forms: in the first matrix, then in the
// second; or in both, with sigma/sqrt(2); never in the biases.
func TestNoise(t *testing.T) {
	const width, sigma = 300, 0.5
	images := datasets.Digits(2*batch, 1)
	for _, s := range scales {
		for _, kind := range []string{"layer", "all"} {
			k := key{Dataset: "digits", Scale: s.name, Noise: kind, Sigma: sigma, Width: width, Seed: 1}
			net := newNetwork(k)
			var want [2]float64 // the expected norms of the noise in the two matrices
			for i, fanIn := range []int{784, width} {
				var w []float64
				for _, x := range net.Params()[2*i].Value.Data().([]float32) {
					w = append(w, float64(x))
				}
				want[i] = sigma * s.factor(w, fanIn) * math.Sqrt(float64(len(w)))
			}
			if both := math.Hypot(want[0], want[1]) / math.Sqrt2; kind == "all" {
				want = [2]float64{both, both}
			}
			model, err := layers.NewClassifier(net, batch, 784)
			if err != nil {
				t.Fatal(err)
			}
			solver, err := newSolver(k, 2)
			if err != nil {
				t.Fatal(err)
			}
			batches, err := images.Loader(datasets.LoaderConfig{Batch: batch})
			if err != nil {
				t.Fatal(err)
			}
			step := 0
			_, err = model.Fit(context.Background(), batches, solver, layers.FitConfig{OnStep: func(layers.Step) error {
				if got := solver.(*optim.PerturbedSolver).Last().NoiseNorm; math.Abs(got-want[step]) > 0.05*want[step] {
					t.Errorf("%s, %s, step %d: noise of norm %v, want %v", s.name, kind, step, got, want[step])
				}
				step++
				return nil
			}})
			batches.Close()
			if err != nil || step != 2 {
				t.Errorf("%s, %s: %d steps (%v)", s.name, kind, step, err)
			}
		}
	}
}

// Differences are between runs with the same seed, and pilots are excluded.
func TestDifference(t *testing.T) {
	x := results{}
	add := func(noise string, sigma float64, seed uint64, loss float64) {
		k := key{"digits", "fan-in", noise, sigma, 10, seed}
		if noise == "none" {
			k.Scale = "absolute"
		}
		x[k] = &record{key: k, TestLoss: loss}
	}
	for seed := uint64(1); seed <= 3; seed++ {
		add("none", 0, seed, float64(seed))
		add("layer", 2, seed, float64(seed)+0.5)
	}
	add("layer", 2, 4, 100) // without a partner
	add("layer", 2, pilotSeed, 100)
	x[key{"digits", "fan-in", "layer", 2, 10, 4}].Diverged = "so"
	g := group{"digits", "fan-in", 2}
	if d, want := x.difference(g, "layer", "none", 10, loss), (interval.Interval{N: 3, Mean: 0.5}); d.N != want.N || d.Mean != want.Mean || d.Std != 0 {
		t.Errorf("difference %+v, want %+v", d, want)
	}
	if m := x.mean(g, "layer", 10, loss); m.N != 3 || m.Mean != 2.5 {
		t.Errorf("mean %+v", m)
	}
	if text := x.tables(); !strings.Contains(text, "**+0.500 ± 0.000**") || !strings.Contains(text, "1 runs diverged") {
		t.Errorf("tables\n%s", text)
	}
}

// The page's tables are those of the stored results.
func TestPage(t *testing.T) {
	x, err := readResults("results")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if page := string(data); len(x) == 0 || !strings.Contains(page, strings.TrimSpace(x.tables())) {
		t.Errorf("README.md has not the tables of the %v: go run ./examples/wide -report -out examples/wide/results", x)
	}
}

// Runs that choose a sigma, and no others, are reported without a picture.
func TestPilots(t *testing.T) {
	s := tiny(t)
	s.scales, s.noises, s.widths, s.first = "absolute", "layer", "3", pilotSeed
	if err := run(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	x, err := readResults(s.out)
	if err != nil || len(x) != 2 {
		t.Fatalf("%v (%v)", x, err)
	}
	sum := 0.0
	for _, r := range x {
		sum += 100 * r.TestAccuracy
	}
	if want := fmt.Sprintf("| validation accuracy, %%, layer, width 3, 2 seeds | digits | mean |\n|---|---|---|\n| absolute, sigma 0.1 | %.2f | %.2f |\n", sum/2, sum/2); !strings.HasSuffix(x.tables(), want+"\n") {
		t.Errorf("tables\n%s\nwant\n%s", x.tables(), want)
	}
}

// Runs that choose a sigma have other images than those that are reported: neither the test images nor, to train with, those
// that they are measured on.
func TestValidationIsApart(t *testing.T) {
	sets := func(n int, seed uint64) map[string]*datasets.Dataset {
		return map[string]*datasets.Dataset{"fashion": datasets.Digits(n, seed)}
	}
	all := &images{train: sets(1500, 1), test: sets(100, 2), rest: map[string]*datasets.Dataset{}, validation: map[string]*datasets.Dataset{}}
	var err error
	if all.validation["fashion"], all.rest["fashion"], err = all.train["fashion"].Split(400, validationSeed); err != nil {
		t.Fatal(err)
	}
	for seed, want := range map[uint64]*datasets.Dataset{1: all.test["fashion"], pilotSeed: all.validation["fashion"]} {
		train, measured, err := all.choose(key{Dataset: "fashion", Seed: seed})
		if err != nil || train.Len() != trainImages || measured != want {
			t.Fatalf("seed %d: measured on other images (%v)", seed, err)
		}
		seen := map[string]bool{}
		for i := range measured.Len() {
			seen[string(measured.Pixels(i))] = true
		}
		for i := range train.Len() {
			if seen[string(train.Pixels(i))] {
				t.Fatalf("seed %d: image %d to train with is one to measure with", seed, i)
			}
		}
	}
}
