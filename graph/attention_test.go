package graph_test

import (
	"math"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/gradcheck"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Padding may change between runs: a sequence whose keys are now all padding has a zero result and zero gradients, whatever
// it had before.
func TestPaddingChanges(t *testing.T) {
	padding := make([]bool, 2*3)
	x := gradcheck.Random(1, tensor.Float64, 2, 3, 12)
	r := gradcheck.NewRun(t, func(in []*G.Node) (*G.Node, error) {
		p := G.NodeFromAny(in[0].Graph(), tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(padding)), G.WithName("padding"))
		return graph.PackedAttention(in[0], graph.AttentionConfig{Heads: 2, Padding: p})
	}, x)
	pass := func() (y, dx []float64) {
		t.Helper()
		if err := r.Pass(); err != nil {
			t.Fatal(err)
		}
		return r.Result(), r.Gradient(t, 0)
	}
	before, first := pass()
	copy(padding[3:], []bool{true, true, true})
	after, sum := pass()
	if !slices.Equal(before[:12], after[:12]) || slices.Equal(before[12:], after[12:]) {
		t.Error("padding of one sequence reaches the other, or not its own")
	}
	for i := 12; i < 24; i++ {
		if after[i] != 0 {
			t.Fatalf("result %d is %v without keys", i-12, after[i])
		}
	}
	for i := 36; i < 72; i++ {
		if sum[i] != first[i] {
			t.Fatalf("gradient %d is %v without keys", i-36, sum[i]-first[i])
		}
	}
}

// Different probabilities are dropped in each run, and the same in its forward and backward pass.
func TestAttentionDropout(t *testing.T) {
	x := gradcheck.Random(1, tensor.Float64, 1, 70, 9)
	run := func(seed uint64) *gradcheck.Run {
		return gradcheck.NewRun(t, func(in []*G.Node) (*G.Node, error) {
			return graph.PackedAttention(in[0], graph.AttentionConfig{Heads: 1, Dropout: 0.4, Draws: graph.DropoutConfig{Seed: seed}})
		}, x)
	}
	result := func(r *gradcheck.Run) []float64 {
		t.Helper()
		if err := r.Pass(); err != nil {
			t.Fatal(err)
		}
		return r.Result()
	}
	a, b, c := run(1), run(1), run(2)
	first, second := result(a), result(a)
	if slices.Equal(first, second) || slices.Equal(first, result(c)) {
		t.Error("two runs, or two seeds, drop the same")
	}
	if !slices.Equal(first, result(b)) || !slices.Equal(second, result(b)) {
		t.Error("one seed drops other probabilities in another graph")
	}
	// The gradient of v consists of the probabilities: with v as the only input, the result is linear in it.
	d := run(3)
	y := result(d)
	grad, weights := d.Gradient(t, 0), gradcheck.Floats(gradcheck.Random(99, tensor.Float64, 1, 70, 3))
	var along, want float64
	for i, w := range weights {
		want += w * y[i]
		along += grad[i/3*9+6+i%3] * x.Float64s()[i/3*9+6+i%3]
	}
	if _, ok := gradcheck.Close([]float64{along}, []float64{want}, 1e-12); !ok {
		t.Errorf("sum of gradient times v is %v, want %v", along, want)
	}
}

// Values that are not finite stay within their sequence, and in a query within its row. A value also reaches queries that do
// not attend to it, through a product with zero. No result becomes finite that should not be.
func TestAttentionNotFinite(t *testing.T) {
	const row, sequence = 6, 5 * 6 // of the result
	rows := func(from, to int) (all []int) {
		for i := sequence + from*row; i < sequence+to*row; i += row {
			all = append(all, i, i+1, i+2) // of the first head
		}
		return all
	}
	for _, c := range []struct {
		name   string
		at     int // of the first head's three, position 3 of the second sequence
		causal bool
		bad    []int
	}{
		{"query", 0, false, rows(3, 4)},
		{"key", 6, false, rows(0, 5)},
		{"key in the future", 6, true, rows(3, 5)},
		{"value", 12, false, []int{30, 36, 42, 48, 54}},
		{"value in the future", 12, true, []int{30, 36, 42, 48, 54}},
	} {
		x := gradcheck.Random(1, tensor.Float64, 2, 5, 18)
		run := gradcheck.NewRun(t, func(in []*G.Node) (*G.Node, error) {
			return graph.PackedAttention(in[0], graph.AttentionConfig{Heads: 2, Causal: c.causal})
		}, x)
		var results [2][]float64
		for i := range results {
			if err := run.Pass(); err != nil {
				t.Fatal(err)
			}
			results[i] = run.Result()
			x.Float64s()[(5+3)*18+c.at] = math.NaN()
		}
		for i, v := range results[1] {
			switch bad := slices.Contains(c.bad, i); {
			case bad && !math.IsNaN(v), !bad && v != results[0][i]:
				t.Errorf("%s: result %d is %v, %v without NaN", c.name, i, v, results[0][i])
			}
		}
	}
}

// The same node may be given as query, key and value.
func TestAttentionOfOneNode(t *testing.T) {
	gradcheck.Check(t, func(in []*G.Node) (*G.Node, error) {
		return graph.Attention(in[0], in[0], in[0], graph.AttentionConfig{Heads: 2})
	}, gradcheck.Random(1, tensor.Float64, 2, 5, 6))
}
