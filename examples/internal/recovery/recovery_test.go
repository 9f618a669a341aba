package recovery

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/examples/internal/closedform"
	"github.com/layernoise/layernoise/examples/internal/figure"
)

func plant(seed uint64) (*closedform.Planted, error) {
	return closedform.PlantGroups(10, 12, 1, 2, 0.1, seed)
}

// Without noise the three trainings are the same; with noise no two are.
func TestMeasure(t *testing.T) {
	p, err := plant(1)
	if err != nil {
		t.Fatal(err)
	}
	at := figure.Steps(50, points)
	for _, sigma := range []float64{0, 0.3} {
		r, err := measure(context.Background(), p, settings{sigma: sigma, rate: 0.05, steps: 50}, 1, at, func() {})
		if err != nil {
			t.Fatal(err)
		}
		for i := range methods {
			if n := len(r.traces[i].recovery); n != len(at) {
				t.Errorf("%s: %d points, want %d", methods[i].name, n, len(at))
			}
			for j := range i {
				if same := slices.Equal(r.traces[i].recovery, r.traces[j].recovery); same != (sigma == 0) {
					t.Errorf("sigma %v: %s and %s are the same: %v", sigma, methods[i].name, methods[j].name, same)
				}
			}
		}
	}
}

func TestRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "picture.png")
	e := Experiment{Name: "test", Check: func() error { return nil }, Plant: plant, Shown: slices.Clone[[]float64]}
	good := settings{sigma: 0.3, rate: 0.05, steps: 20, seeds: 2, out: out}
	if err := e.run(context.Background(), good); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
	file, err := os.Open(filepath.Join(filepath.Dir(out), "picture.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if list, err := read(file); err != nil || len(list) != (len(methods)+1)*good.seeds || strings.Count(table(list), "\n") != 2+len(methods)+1 {
		t.Errorf("stored %v (%v)", list, err)
	}
	for name, change := range map[string]func(*settings){
		"sigma": func(s *settings) { s.sigma = -1 },
		"rate":  func(s *settings) { s.rate = 0 },
		"steps": func(s *settings) { s.steps = 1 },
		"seeds": func(s *settings) { s.seeds = 0 },
		"out":   func(s *settings) { s.out = "" },
	} {
		s := good
		change(&s)
		if err := e.run(context.Background(), s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The pages of the examples have the tables of the numbers stored beside their pictures.
func TestPages(t *testing.T) {
	for _, name := range []string{"sparse", "group", "nuclear"} {
		folder := filepath.Join("..", "..", name)
		file, err := os.Open(filepath.Join(folder, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		list, err := read(file)
		if err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(filepath.Join(folder, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		if want := table(list); !strings.Contains(string(page), want) {
			t.Errorf("%s: not on its page:\n%s", name, want)
		}
	}
}
