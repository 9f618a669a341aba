package main

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// small returns options for a very short training.
func small(out string) options {
	return options{
		settings: settings{epochs: 2, batch: 50, rate: 0.02, momentum: 0.9, sigma: 0.1, seed: 1, protocol: "guarded"},
		noise:    "none,layer,all", dataset: "fashion", digits: 150, out: out,
	}
}

// TestRun trains briefly with each kind of noise and in both protocols, and decodes the picture.
func TestRun(t *testing.T) {
	for _, protocol := range []string{"guarded", "carried"} {
		out := filepath.Join(t.TempDir(), "curves.png")
		o := small(out)
		o.protocol = protocol
		if err := run(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		picture, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
			t.Error(err)
		}
	}
}

// TestKindsDiffer: kinds of noise give different trainings, and each is reproducible.
func TestKindsDiffer(t *testing.T) {
	o := options{digits: 200}
	data, err := o.load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s := small("").settings
	losses := map[string]float64{}
	for _, noise := range []string{"none", "layer", "all"} {
		for range 2 {
			c, err := train(context.Background(), noise, s, data, func() {})
			if err != nil {
				t.Fatal(err)
			}
			last := c.testLoss[len(c.testLoss)-1]
			if before, seen := losses[noise]; seen && before != last {
				t.Errorf("noise %s: test loss %v and then %v", noise, before, last)
			}
			losses[noise] = last
		}
	}
	if losses["none"] == losses["layer"] || losses["layer"] == losses["all"] {
		t.Errorf("test losses %v: noise changed nothing", losses)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := run(ctx, small(filepath.Join(t.TempDir(), "curves.png"))); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// TestWrongFlags: invalid flags are errors before anything runs.
func TestWrongFlags(t *testing.T) {
	for name, change := range map[string]func(*options){
		"noise":    func(o *options) { o.noise = "none,some" },
		"protocol": func(o *options) { o.protocol = "loose" },
		"epochs":   func(o *options) { o.epochs = -1 },
		"batch":    func(o *options) { o.batch = 0 },
		"digits":   func(o *options) { o.digits = 0 },
		"lr":       func(o *options) { o.rate = math.NaN() },
		"momentum": func(o *options) { o.momentum = 1 },
		"sigma":    func(o *options) { o.sigma = -1 },
		"out":      func(o *options) { o.out = filepath.Join(t.TempDir(), "missing", "curves.png") },
	} {
		o := small(filepath.Join(t.TempDir(), "curves.png"))
		if err := o.complete(); err != nil {
			t.Fatalf("good options: %v", err)
		}
		change(&o)
		if err := o.complete(); err == nil || !strings.Contains(err.Error(), "-"+name) {
			t.Errorf("-%s: error %v", name, err)
		}
	}
}
