package graph_test

import (
	"errors"
	"testing"

	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
)

// The cases run in this order: a library that is loaded stays.
func TestUseNativeBLAS(t *testing.T) {
	before := G.WhichBLAS()
	defer G.Use(before)

	t.Setenv(graph.BLASVariable, "off")
	if name, err := graph.UseNativeBLAS(); name != "gonum" || err != nil {
		t.Errorf("off: %q, %v", name, err)
	}
	t.Setenv(graph.BLASVariable, "/nowhere/libblas.so")
	if name, err := graph.UseNativeBLAS(); name != "" || !errors.Is(err, graph.ErrNoNativeBLAS) {
		t.Errorf("no such file: %q, %v", name, err)
	}
	if G.WhichBLAS() != before {
		t.Error("the BLAS has changed without a library")
	}
	t.Setenv(graph.BLASVariable, "")
	name, err := graph.UseNativeBLAS()
	if errors.Is(err, graph.ErrNoNativeBLAS) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if G.WhichBLAS() == before {
		t.Errorf("%s is not in use", name)
	}
	inUse := G.WhichBLAS()
	G.Use(before)
	if again, err := graph.UseNativeBLAS(); again != name || err != nil {
		t.Errorf("the second time: %q, %v, want %q", again, err, name)
	}
	if G.WhichBLAS() != inUse {
		t.Error("the second time did not put the library in place")
	}
}

// onEachBLAS runs a test with gonum's BLAS and with the machine's, if it has
// one.
func onEachBLAS(t *testing.T, f func(t *testing.T)) {
	before := G.WhichBLAS()
	defer G.Use(before)
	t.Run("gonum", f)
	t.Run("native", func(t *testing.T) {
		if _, err := graph.UseNativeBLAS(); err != nil {
			t.Skip(err)
		}
		f(t)
	})
}
