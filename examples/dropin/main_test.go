package main

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// TestRun trains for a moment with each kind of noise and in both protocols, and decodes the picture.
func TestRun(t *testing.T) {
	for _, protocol := range []string{"guarded", "carried"} {
		out := filepath.Join(t.TempDir(), "curves.png")
		if err := run(context.Background(), []string{"-digits", "150", "-epochs", "2", "-protocol", protocol, "-out", out}); err != nil {
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

// TestKindsDiffer: each kind of noise trains otherwise, and each of them the same way twice.
func TestKindsDiffer(t *testing.T) {
	data, err := load("", "", 200)
	if err != nil {
		t.Fatal(err)
	}
	s := settings{epochs: 2, batch: 50, rate: 0.02, momentum: 0.9, sigma: 0.1, seed: 1, protocol: "guarded"}
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
	if err := run(ctx, []string{"-digits", "150", "-epochs", "2", "-out", filepath.Join(t.TempDir(), "curves.png")}); err == nil {
		t.Error("a cancelled run ended without an error")
	}
}
