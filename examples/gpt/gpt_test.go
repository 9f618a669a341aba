package main

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/datasets"
)

// tiny returns settings of a training that takes no time, on a text in which each word is always followed by the same one.
func tiny(t *testing.T) settings {
	t.Helper()
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte(strings.Repeat("one two three four five ", 40)), 0o644); err != nil {
		t.Fatal(err)
	}
	return settings{
		text: file, heldOut: 0.2, width: 16, heads: 2, depth: 1, context: 12, batch: 4, steps: 240, every: 80, rate: 0.02, decay: 0.1, clip: 1,
		noise: "none, layer,all", sigma: 0.01, seed: 1, prompt: "one", length: 30, temperature: 0.5, topK: 3, out: filepath.Join(t.TempDir(), "gpt.png"),
	}
}

func TestRun(t *testing.T) {
	for _, bytewise := range []bool{false, true} {
		s := tiny(t)
		s.bytes = bytewise
		if err := run(context.Background(), s); err != nil {
			t.Fatal(err)
		}
		picture, err := os.ReadFile(s.out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
			t.Error(err)
		}
	}
}

// TestTrain: every kind learns the text, no two kinds are alike, and a training is reproducible.
func TestTrain(t *testing.T) {
	s := tiny(t)
	text, err := datasets.OpenCharacters(s.text)
	if err != nil {
		t.Fatal(err)
	}
	losses := make(map[float64]bool)
	for _, kind := range []string{"none", "layer", "all"} {
		var again float64
		for range 2 {
			r, err := train(context.Background(), s, kind, text)
			if err != nil {
				t.Fatal(err)
			}
			m := r.last()
			if m.Perplexity() > 2 || len(r.steps) != 3 || r.loss > 1 {
				t.Errorf("%s: perplexity %v, training loss %v, evaluated after %v", kind, m.Perplexity(), r.loss, r.steps)
			}
			if again != 0 && again != m.Loss {
				t.Errorf("%s: loss %v, and %v when made again", kind, again, m.Loss)
			}
			again = m.Loss
		}
		losses[again] = true
	}
	if len(losses) != 3 {
		t.Errorf("losses %v", losses)
	}
}

func TestCheck(t *testing.T) {
	for name, change := range map[string]func(*settings){
		"noise":       func(s *settings) { s.noise = "none,some" },
		"steps":       func(s *settings) { s.steps = 0 },
		"every":       func(s *settings) { s.every = 0 },
		"heads":       func(s *settings) { s.heads = 3 },
		"dropout":     func(s *settings) { s.dropout = 1 },
		"held-out":    func(s *settings) { s.heldOut = 0 },
		"prompt":      func(s *settings) { s.prompt = "" },
		"characters":  func(s *settings) { s.prompt = "ONE" },
		"temperature": func(s *settings) { s.temperature = -1 },
		"context":     func(s *settings) { s.context = 10_000 },
		"text":        func(s *settings) { s.text = filepath.Join(s.text, "none") },
		"out":         func(s *settings) { s.out = "" },
	} {
		s := tiny(t)
		change(&s)
		if err := run(context.Background(), s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
