package nodename_test

import (
	"testing"

	"github.com/layernoise/layernoise/internal/nodename"
	G "gorgonia.org/gorgonia"
)

func TestOf(t *testing.T) {
	g := G.NewGraph()
	named := G.NewVector(g, G.Float64, G.WithShape(2), G.WithName("w"))
	leaf := G.NewVector(g, G.Float64, G.WithShape(2))
	sum := G.Must(G.Add(named, leaf))
	if got := nodename.Of(named); got != "w" {
		t.Errorf("a named leaf is called %q", got)
	}
	for what, source := range map[string]any{"unnamed leaf": leaf, "nil node": (*G.Node)(nil), "number": 1} {
		if got := nodename.Of(source); got != "" {
			t.Errorf("%s is called %q", what, got)
		}
	}
	if got := nodename.Of(sum); got != sum.Name() {
		t.Errorf("a sum is called %q, want %q", got, sum.Name())
	}
}
