package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/examples/internal/figure"
)

// small returns the settings of a comparison that takes a second.
func small(t *testing.T, depth int) settings {
	return settings{
		rows: 4, cols: 5, rank: 1, depth: depth, width: 6, errors: 0.4, sigma: 0.2, rate: 0.004, steps: 1000, seeds: 1, pairs: 100,
		out: filepath.Join(t.TempDir(), "linear.png"),
	}
}

func measured(t *testing.T, s settings) *results {
	t.Helper()
	x := &results{settings: s, at: figure.Steps(s.steps, points)}
	r, err := x.measure(context.Background(), 1, func() {})
	if err != nil {
		t.Fatal(err)
	}
	x.runs = append(x.runs, r)
	return x
}

// Along every training, and for every depth, the loss measured under noise agrees with the closed form. Training with noise
// on one layer at a time ends where descent on the closed form does; training without noise does not.
func TestClosedForm(t *testing.T) {
	for depth := 1; depth <= 4; depth++ {
		s := small(t, depth)
		x := measured(t, s)
		for i, m := range methods {
			tr := x.runs[0].traces[i]
			if tr.diverged > 0 || len(tr.loss) != len(x.at) {
				t.Fatalf("%d layers, %s: diverged after %d steps, %d points", depth, m.name, tr.diverged, len(tr.loss))
			}
			if len(tr.measured) != len(x.marked()) && !m.closed {
				t.Errorf("%d layers, %s: %d measurements, want %d", depth, m.name, len(tr.measured), len(x.marked()))
			}
			for j, e := range tr.measured {
				k := x.marked()[j]
				if closed := tr.closed[k]; math.Abs(e.Mean-closed) > 5*e.StdErr || e.StdErr > 0.2*closed {
					t.Errorf("%d layers, %s, step %v: measured %v ± %v, closed form %v", depth, m.name, x.at[k], e.Mean, e.StdErr, closed)
				}
			}
		}
		if depth == 1 { // noise adds a constant
			continue
		}
		none, layer, closed := x.runs[0].traces[0], x.runs[0].traces[1], x.runs[0].traces[len(methods)-1]
		if layer.fromClosed > 0.05 || none.fromClosed < 2*layer.fromClosed {
			t.Errorf("%d layers: from descent on the closed form, layer ends at %v, none at %v", depth, layer.fromClosed, none.fromClosed)
		}
		if !(last(closed.closed) < last(none.closed)) {
			t.Errorf("%d layers: descent on the closed form leads to %v, descent without it to %v", depth, last(closed.closed), last(none.closed))
		}
	}
}

// Measurements along a training do not change it.
func TestMeasuringChangesNothing(t *testing.T) {
	s := small(t, 3)
	s.steps = 200
	few, many := s, s
	few.pairs, many.pairs = 2, 20
	a, b := measured(t, few).runs[0].traces, measured(t, many).runs[0].traces
	for i, m := range methods {
		if x, y := last(a[i].loss), last(b[i].loss); x != y {
			t.Errorf("%s: loss %v with few draws, %v with many", m.name, x, y)
		}
	}
}

// A comparison ends with a table and a picture, also if the matrix has full rank or trainings diverge.
func TestCompare(t *testing.T) {
	for name, change := range map[string]func(*settings){
		"full rank": func(s *settings) { s.rank = 4 },
		"diverged":  func(s *settings) { s.rate = 10 },
		"one step":  func(s *settings) { s.steps = 2 },
	} {
		s := small(t, 2)
		s.steps, s.pairs = 50, 4
		change(&s)
		x := measured(t, s)
		var table bytes.Buffer
		f := x.findings()
		f.table(&table)
		if err := f.write(s.out); err != nil {
			t.Fatal(err)
		}
		if again := readFindings(t, strings.TrimSuffix(s.out, ".png")+".json"); again != table.String() {
			t.Errorf("%s: the table of what was stored is\n%s\nwant\n%s", name, again, table.String())
		}
		if diverged := strings.Contains(table.String(), "none, seed 1: no longer finite after"); diverged != (name == "diverged") {
			t.Errorf("%s: table\n%s", name, table.String())
		}
		if err := figure.Save(s.out, x.panels()...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(s.out); err != nil {
			t.Error(err)
		}
	}
}

// readFindings returns the table of stored findings.
func readFindings(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f := new(findings)
	if err := json.Unmarshal(data, f); err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	f.table(&table)
	return table.String()
}

// TestPage: the page has the table of the findings beside its picture, and their agreement.
func TestPage(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	table, agreement, _ := strings.Cut(readFindings(t, "linear.json"), "\n\n")
	var held, all int
	var share float64
	if _, err := fmt.Sscanf(agreement, "measured under noise %d times: %d of the 95%% intervals (%g%%)", &all, &held, &share); err != nil {
		t.Fatalf("%q: %v", agreement, err)
	}
	for _, want := range []string{table, fmt.Sprintf("%d of %d measurements", held, all)} {
		if !strings.Contains(string(data), want) {
			t.Errorf("not on the page: %s", want)
		}
	}
}
