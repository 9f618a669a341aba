package layers_test

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// scaled is a layer defined outside the package: y = gain * x with one learnt gain for each feature.
type scaled struct{ gain *layers.Param }

func newScaled(n int, init layers.Init) scaled {
	gain, err := init.Constant("scaled.gain", 1.5, n)
	if err != nil {
		panic(err)
	}
	return scaled{gain}
}

func (s scaled) Params() []*layers.Param { return []*layers.Param{s.gain} }

func (s scaled) Forward(b *layers.Builder, x *G.Node) (*G.Node, error) {
	gain, err := b.Node(s.gain)
	if err != nil {
		return nil, err
	}
	return G.BroadcastHadamardProd(x, gain, nil, []byte{0})
}

// subject is a layer under test with the shape of one input row.
type subject struct {
	name string
	make func(layers.Init) layers.Layer
	row  []int

	draws bool // a new mask at each training pass
	fuses bool // computes a ReLU after it in the same operation
}

func block(init layers.Init, in, out, stride int, shortcut layers.Layer) layers.Layer {
	return layers.NewResidual(layers.NewSequential(
		layers.NewConv2D("conv1", in, out, layers.ConvConfig{Kernel: layers.Square(3), Stride: layers.Square(stride), Padding: layers.Square(1), NoBias: true}, init),
		layers.NewBatchNorm("bn1", out, init),
		layers.NewReLU(),
		layers.NewConv2D("conv2", out, out, layers.ConvConfig{Kernel: layers.Square(3), Padding: layers.Square(1), NoBias: true}, init),
		layers.NewBatchNorm("bn2", out, init),
	), shortcut)
}

var image = []int{3, 5, 4}

var subjects = []subject{
	{name: "dense", row: []int{5}, fuses: true, make: func(c layers.Init) layers.Layer { return layers.NewDense("fc", 5, 3, c) }},
	{name: "dense+relu", row: []int{5}, make: func(c layers.Init) layers.Layer {
		return layers.NewSequential(layers.NewDense("fc", 5, 3, c), layers.NewReLU())
	}},
	{name: "conv2d", row: image, fuses: true, make: func(c layers.Init) layers.Layer {
		return layers.NewConv2D("conv", 3, 2, layers.ConvConfig{Kernel: [2]int{3, 2}, Stride: [2]int{1, 2}, Padding: [2]int{1, 0}}, c)
	}},
	{name: "conv2d+relu", row: image, make: func(c layers.Init) layers.Layer {
		return layers.NewSequential(layers.NewConv2D("conv", 3, 4, layers.ConvConfig{Kernel: layers.Square(3), NoBias: true}, c), layers.NewReLU())
	}},
	{name: "batch norm of features", row: []int{4}, fuses: true, make: func(c layers.Init) layers.Layer { return layers.NewBatchNorm("bn", 4, c) }},
	{name: "batch norm of images", row: image, fuses: true, make: func(c layers.Init) layers.Layer { return layers.NewBatchNorm("bn", 3, c) }},
	{name: "batch norm+relu", row: image, make: func(c layers.Init) layers.Layer {
		return layers.NewSequential(layers.NewBatchNorm("bn", 3, c), layers.NewReLU())
	}},
	{name: "max pool", row: image, fuses: true, make: func(layers.Init) layers.Layer {
		return layers.NewMaxPool2D(layers.PoolConfig{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: [2]int{1, 0}})
	}},
	{name: "average pool", row: image, make: func(layers.Init) layers.Layer {
		return layers.NewAvgPool2D(layers.PoolConfig{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: [2]int{1, 0}})
	}},
	{name: "global average pool", row: image, make: func(layers.Init) layers.Layer { return layers.NewGlobalAvgPool() }},
	{name: "dropout", row: []int{8}, draws: true, make: func(layers.Init) layers.Layer { return layers.NewDropout(0.3, 7) }},
	{name: "flatten", row: image, make: func(layers.Init) layers.Layer { return layers.NewFlatten() }},
	{name: "relu", row: []int{6}, make: func(layers.Init) layers.Layer { return layers.NewReLU() }},
	{name: "leaky relu", row: []int{6}, make: func(layers.Init) layers.Layer { return layers.NewLeakyReLU(0.1) }},
	{name: "tanh", row: []int{6}, make: func(layers.Init) layers.Layer { return layers.NewTanh() }},
	{name: "sigmoid", row: image, make: func(layers.Init) layers.Layer { return layers.NewSigmoid() }},
	{name: "gelu", row: []int{6}, make: func(layers.Init) layers.Layer { return layers.NewGELU() }},
	{name: "silu", row: []int{6}, make: func(layers.Init) layers.Layer { return layers.NewSiLU() }},
	{name: "residual", row: image, fuses: true, make: func(c layers.Init) layers.Layer { return block(c, 3, 3, 1, nil) }},
	{name: "residual+relu", row: image, make: func(c layers.Init) layers.Layer {
		return layers.NewSequential(block(c, 3, 3, 1, nil), layers.NewReLU())
	}},
	{name: "residual with shortcut+relu", row: image, make: func(c layers.Init) layers.Layer {
		return layers.NewSequential(block(c, 3, 4, 2, layers.NewSequential(
			layers.NewConv2D("down", 3, 4, layers.ConvConfig{Kernel: layers.Square(1), Stride: layers.Square(2), NoBias: true}, c),
			layers.NewBatchNorm("downbn", 4, c),
		)), layers.NewReLU())
	}},
	{name: "residual of dense", row: []int{5}, fuses: true, make: func(c layers.Init) layers.Layer {
		return layers.NewResidual(layers.NewDense("fc", 5, 5, c), nil)
	}},
	{name: "residual of dense+relu", row: []int{5}, make: func(c layers.Init) layers.Layer {
		return layers.NewSequential(layers.NewResidual(layers.NewDense("fc", 5, 5, c), nil), layers.NewReLU())
	}},
	{name: "gelu by tanh", row: []int{6}, make: func(layers.Init) layers.Layer { return layers.NewGELUTanh() }},
	{name: "vision transformer", row: []int{2, 4, 6}, make: func(c layers.Init) layers.Layer {
		return layers.NewViT(layers.ViTConfig{Transformer: layers.Transformer{Width: 4, Heads: 2, Depth: 1, Hidden: 5}, Channels: 2, Height: 4, Width: 6, Patch: 2, Classes: 3}, c)
	}},
	{name: "vision transformer with a class token", row: []int{2, 4, 6}, make: func(c layers.Init) layers.Layer {
		return layers.NewViT(layers.ViTConfig{Transformer: layers.Transformer{Width: 4, Heads: 2, Depth: 1, Hidden: 5}, Channels: 2, Height: 4, Width: 6, Patch: 2, Classes: 3, ClassToken: true}, c)
	}},
	{name: "layer norm", row: []int{4, 6}, make: func(c layers.Init) layers.Layer { return layers.NewLayerNorm("norm", 6, c) }},
	{name: "RMS norm", row: []int{6}, make: func(c layers.Init) layers.Layer { return layers.NewRMSNorm("norm", 6, c) }},
	{name: "positions", row: []int{3, 4}, make: func(c layers.Init) layers.Layer { return layers.NewPositions("places", 5, 4, c) }},
	{name: "dense over leading axes", row: []int{2, 3, 4}, fuses: true, make: func(c layers.Init) layers.Layer { return layers.NewDense("fc", 4, 5, c) }},
	{name: "self-attention", row: []int{4, 6}, make: func(c layers.Init) layers.Layer {
		return layers.NewSelfAttention("attn", 6, layers.AttentionConfig{Heads: 2}, c)
	}},
	{name: "self-attention, separate, causal", row: []int{3, 6}, make: func(c layers.Init) layers.Layer {
		return layers.NewSelfAttention("attn", 6, layers.AttentionConfig{Heads: 3, Causal: true, Separate: true}, c)
	}},
	{name: "self-attention with dropout", row: []int{4, 6}, draws: true, make: func(c layers.Init) layers.Layer {
		return layers.NewSelfAttention("attn", 6, layers.AttentionConfig{Heads: 2, Dropout: 0.3}, c)
	}},
	{name: "transformer block", row: []int{3, 4}, fuses: true, make: func(c layers.Init) layers.Layer {
		return layers.NewTransformerBlock("block", layers.Transformer{Width: 4, Heads: 2, Hidden: 5}, c)
	}},
	{name: "transformer block with dropout", row: []int{3, 4}, draws: true, fuses: true, make: func(c layers.Init) layers.Layer {
		return layers.NewTransformerBlock("block", layers.Transformer{Width: 4, Heads: 1, Dropout: 0.2, Causal: true}, c)
	}},
	{name: "weights used twice", row: []int{5}, make: func(c layers.Init) layers.Layer {
		fc := layers.NewDense("fc", 5, 5, c)
		return layers.NewSequential(fc, layers.NewTanh(), fc)
	}},
	{name: "a user's layer", row: []int{5}, make: func(c layers.Init) layers.Layer {
		return layers.NewSequential(newScaled(5, c), layers.NewDense("fc", 5, 3, c))
	}},
}

// made returns the layer with parameters and statistics at generic values.
func (s subject) made(dtype tensor.Dtype) layers.Layer {
	l := s.make(layers.Init{Seed: 3, Dtype: dtype})
	for i, p := range l.Params() {
		v := random(uint64(100+i), tensor.Float64, p.Value.Size())
		if p.Buffer {
			fill(v, func() float64 { return 0.5 + 0.1*float64(i) })
		}
		set(p.Value, floats(v))
	}
	return l
}

// rows returns the first n rows of the input.
func (s subject) rows(dtype tensor.Dtype, n int) *tensor.Dense {
	all := random(1, tensor.Float64, append([]int{8}, s.row...)...)
	x := tensor.New(tensor.Of(dtype), tensor.WithShape(append([]int{n}, s.row...)...))
	set(x, floats(all))
	return x
}

func upstream(shape tensor.Shape) *tensor.Dense { return random(2, tensor.Float64, shape...) }

func upstream32(shape tensor.Shape) *tensor.Dense {
	x := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	set(x, floats(upstream(shape)))
	return x
}

func TestConformance(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			t.Run("gradients are those of finite differences", s.testFiniteDifferences)
			t.Run("gradients accumulate", s.testAccumulation)
			t.Run("two graphs share the weights", s.testTwoGraphs)
			t.Run("evaluation leaves training alone", s.testEvaluation)
			t.Run("float32 is float64 rounded", s.testFloat32)
			t.Run("NaN and infinity do no harm", s.testBadValues)
			t.Run("two models at once", s.testTwoModels)
		})
	}
}

// testFiniteDifferences compares the gradient of the cost with respect to x and every parameter with central differences. A
// layer that draws is evaluated in the first pass of a new graph each time, so that its mask is the same.
func (s subject) testFiniteDifferences(t *testing.T) {
	const h = 1e-5
	l, x := s.made(tensor.Float64), s.rows(tensor.Float64, 3)
	r := newRun(t, l, layers.Training, x, upstream)
	r.pass(t)
	grads := r.grads(t)
	cost := func() float64 {
		if s.draws {
			r = newRun(t, l, layers.Training, x, upstream)
		}
		r.pass(t)
		return floats(r.cost)[0]
	}
	variables := map[string]*tensor.Dense{"x": x}
	for _, p := range l.Params() {
		if !p.Buffer {
			variables[p.Name] = p.Value
		}
	}
	if len(variables) != len(grads) {
		t.Errorf("%d gradients, want %d", len(grads), len(variables))
	}
	for name, v := range variables {
		data := v.Data().([]float64)
		for i, at := range data {
			data[i] = at + h
			above := cost()
			data[i] = at - h
			below := cost()
			data[i] = at
			if want, got := (above-below)/(2*h), grads[name][i]; !(math.Abs(got-want) <= 1e-6*(1+math.Abs(want))) {
				t.Errorf("%s[%d]: gradient %v, differences %v", name, i, got, want)
			}
		}
	}
}

// testAccumulation: gradients add up over passes until they are set to zero, as with Gorgonia's own operations. Neither input
// nor parameters change.
func (s subject) testAccumulation(t *testing.T) {
	if s.draws {
		t.Skip("each pass has another mask")
	}
	l, x := s.made(tensor.Float64), s.rows(tensor.Float64, 3)
	input, before := floats(x), values(l)
	r := newRun(t, l, layers.Training, x, upstream)
	r.pass(t)
	once := r.grads(t)
	r.pass(t)
	for name, g := range r.grads(t) {
		for i := range g {
			if g[i] != 2*once[name][i] {
				t.Fatalf("%s[%d] after two passes: %v, after one: %v", name, i, g[i], once[name][i])
			}
		}
	}
	if diff := cmp.Diff(input, floats(x)); diff != "" {
		t.Errorf("the input changed:\n%s", diff)
	}
	after := values(l)
	for _, p := range l.Params() {
		if same := cmp.Equal(before[p.Name], after[p.Name]); same == p.Buffer {
			t.Errorf("after two training passes: %s unchanged is %t", p.Name, same)
		}
	}
}

// testTwoGraphs builds one layer into graphs of two batch sizes: rows in both have the same results, before and after a change
// of the weights.
func (s subject) testTwoGraphs(t *testing.T) {
	l := s.made(tensor.Float64)
	small := newRun(t, l, layers.Evaluation, s.rows(tensor.Float64, 2), upstream)
	large := newRun(t, l, layers.Evaluation, s.rows(tensor.Float64, 5), upstream)
	compare := func() []float64 {
		a, b := small.pass(t), large.pass(t)
		for i := range a {
			if !(math.Abs(a[i]-b[i]) <= 1e-13*(1+math.Abs(a[i]))) {
				t.Fatalf("output %d: %v in one graph, %v in the other", i, a[i], b[i])
			}
		}
		return a
	}
	first := compare()
	for _, p := range l.Params() {
		v := floats(p.Value)
		for i := range v {
			v[i] *= 1.25
		}
		set(p.Value, v)
	}
	if second := compare(); len(l.Params()) > 0 && cmp.Equal(first, second) {
		t.Error("the graphs do not see a change of the weights")
	}
}

// testEvaluation trains two equal layers, one with evaluation passes in between: they stay equal.
func (s subject) testEvaluation(t *testing.T) {
	type trace struct {
		Outputs [][]float64
		Grads   map[string][]float64
		Values  map[string][]float64
	}
	train := func(evaluate bool) trace {
		l := s.made(tensor.Float64)
		r := newRun(t, l, layers.Training, s.rows(tensor.Float64, 4), upstream)
		e := newRun(t, l, layers.Evaluation, s.rows(tensor.Float64, 3), upstream)
		var tr trace
		for range 3 {
			tr.Outputs = append(tr.Outputs, r.pass(t))
			if evaluate {
				before := values(l)
				e.pass(t)
				if diff := cmp.Diff(before, values(l)); diff != "" {
					t.Errorf("evaluation changed the layer:\n%s", diff)
				}
			}
		}
		tr.Grads, tr.Values = r.grads(t), values(l)
		return tr
	}
	if diff := cmp.Diff(train(false), train(true)); diff != "" {
		t.Errorf("evaluation passes changed the training:\n%s", diff)
	}
}

func (s subject) testFloat32(t *testing.T) {
	for _, mode := range []layers.Mode{layers.Training, layers.Evaluation} {
		narrow := newRun(t, s.made(tensor.Float32), mode, s.rows(tensor.Float32, 4), upstream32)
		wide := newRun(t, s.made(tensor.Float64), mode, s.rows(tensor.Float64, 4), upstream)
		got, want := narrow.pass(t), wide.pass(t)
		for i := range want {
			if !(math.Abs(got[i]-want[i]) <= 2e-5*(1+math.Abs(want[i]))) {
				t.Fatalf("mode %d, output %d: %v in float32, %v in float64", mode, i, got[i], want[i])
			}
		}
	}
}

// testBadValues makes a pass over NaN and infinities, with any result, or an error: a pass over good values afterwards is not
// affected.
func (s subject) testBadValues(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		l, x := s.made(tensor.Float64), s.rows(tensor.Float64, 3)
		r := newRun(t, l, layers.Evaluation, x, upstream)
		want := r.pass(t)
		good := floats(x)
		fill(x, func() float64 { return bad })
		if err := r.vm.RunAll(); err == nil && math.IsNaN(bad) {
			for i, v := range floats(r.output) {
				if !math.IsNaN(v) {
					t.Errorf("output %d of NaN is %v", i, v)
				}
			}
		}
		r.vm.Reset()
		set(x, good)
		if diff := cmp.Diff(want, r.pass(t)); diff != "" {
			t.Errorf("after an input of %v:\n%s", bad, diff)
		}
		fill(x, func() float64 { return bad })
		trained := newRun(t, s.made(tensor.Float64), layers.Training, x, upstream)
		if err := trained.vm.RunAll(); err != nil {
			t.Logf("training on %v: %v", bad, err)
		}
	}
}

// testTwoModels runs two layers on two goroutines: each has the same results as alone.
func (s subject) testTwoModels(t *testing.T) {
	alone := newRun(t, s.made(tensor.Float64), layers.Training, s.rows(tensor.Float64, 4), upstream)
	want := [][]float64{alone.pass(t), alone.pass(t)}
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := newRun(t, s.made(tensor.Float64), layers.Training, s.rows(tensor.Float64, 4), upstream)
			if diff := cmp.Diff(want, [][]float64{r.pass(t), r.pass(t)}); diff != "" {
				t.Errorf("model %d:\n%s", i, diff)
			}
		}()
	}
	wg.Wait()
}

// TestMisfits: the error for an input of the wrong shape names the layer, and that for invalid arguments of the constructor is
// ErrShape too.
func TestMisfits(t *testing.T) {
	init := layers.Init{}
	for _, c := range []struct {
		layer layers.Layer
		input []int
		want  string
	}{
		{layers.NewDense("fc1", 5, 3, init), []int{2, 4}, "layers: fc1: input (2, 4), want (..., 5)"},
		{layers.NewDense("fc1", 5, 3, init), []int{2, 5, 1, 1}, "layers: fc1: input (2, 5, 1, 1), want (..., 5)"},
		{layers.NewConv2D("conv1", 3, 2, layers.ConvConfig{Kernel: layers.Square(1)}, init), []int{2, 4, 5, 5}, "layers: conv1: input (2, 4, 5, 5), want (N, 3, H, W)"},
		{layers.NewConv2D("conv1", 3, 2, layers.ConvConfig{Kernel: layers.Square(5), Padding: layers.Square(1)}, init), []int{2, 3, 2, 5}, "layers: conv1: input (2, 3, 2, 5) with a padding of [1 1], want images no smaller than the kernel of [5 5]"},
		{layers.NewMaxPool2D(layers.PoolConfig{Kernel: layers.Square(2)}), []int{2, 3, 1, 4}, "layers: max pool: input (2, 3, 1, 4) with a padding of [0 0], want images no smaller than the kernel of [2 2]"},
		{layers.NewMaxPool2D(layers.PoolConfig{Kernel: layers.Square(2)}), []int{2, 3}, "layers: max pool: input (2, 3), want (N, C, H, W)"},
		{layers.NewBatchNorm("bn1", 3, init), []int{2, 4, 5, 5}, "layers: bn1: input (2, 4, 5, 5), want (N, 3) or (N, 3, H, W)"},
		{layers.NewResidual(layers.NewDense("fc1", 5, 3, init), nil), []int{2, 5}, "layers: residual: body (2, 3), shortcut (2, 5)"},
		{layers.NewDense("fc1", 0, 3, init), []int{2, 5}, "layers: fc1.weight [3 0], want sizes of at least 1"},
		{layers.NewSequential(layers.NewReLU(), layers.NewConv2D("conv1", 3, 2, layers.ConvConfig{}, init)), []int{2, 3, 4, 4}, "layers: conv1.weight [2 3 0 0], want sizes of at least 1"},
		{layers.NewResidual(layers.NewBatchNorm("bn1", -1, init), nil), []int{2, 3}, "layers: bn1.weight [-1], want sizes of at least 1"},
		{layers.NewDense("fc1", 1<<40, 1<<40, init), []int{2, 5}, "layers: fc1.weight [1099511627776 1099511627776] does not fit into any memory"},
		{layers.NewConv2D("conv1", 1<<20, 1<<20, layers.ConvConfig{Kernel: layers.Square(2)}, init), []int{2, 3, 4, 4}, "layers: conv1.weight [1048576 1048576 2 2] does not fit into any memory"},
	} {
		g := G.NewGraph()
		x := G.NewTensor(g, tensor.Float32, len(c.input), G.WithShape(c.input...))
		_, err := c.layer.Forward(layers.NewBuilder(g, layers.Training), x)
		if !errors.Is(err, layers.ErrShape) || err.Error() != c.want+": "+layers.ErrShape.Error() {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestConstructorErrors(t *testing.T) {
	init := layers.Init{}
	for _, c := range []struct {
		name string
		make interface{ Err() error }
	}{
		{"scheme", layers.NewDense("fc", 2, 2, layers.Init{Scheme: 99})},
		{"type", layers.NewDense("fc", 2, 2, layers.Init{Dtype: tensor.Int})},
		{"probability 1", layers.NewDropout(1, 0)},
		{"probability NaN", layers.NewDropout(math.NaN(), 0)},
		{"nil layer", layers.NewSequential(nil)},
		{"nil pointer", layers.NewSequential(layers.NewReLU(), (*layers.Dense)(nil))},
		{"nil shortcut", layers.NewResidual(layers.NewReLU(), (*layers.Sequential)(nil))},
		{"nil function", layers.NewFunc("f", nil)},
		{"nil body", layers.NewResidual(nil, nil)},
		{"two of a name", layers.NewSequential(layers.NewDense("fc", 2, 2, init), layers.NewDense("fc", 2, 2, init))},
		{"two of a name in a block", layers.NewResidual(layers.NewDense("fc", 2, 2, init), layers.NewDense("fc", 2, 2, init))},
	} {
		if c.make.Err() == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}

// TestBuilderNames: a parameter has one node, however often it is used, and two parameters of one name are an error, also
// outside containers.
func TestBuilderNames(t *testing.T) {
	init := layers.Init{}
	b := layers.NewBuilder(G.NewGraph(), layers.Training)
	p := layers.NewDense("fc", 2, 3, init).Params()[0]
	first, err := b.Node(p)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.Node(p); err != nil || again != first {
		t.Errorf("second call: %v, %v", again, err)
	}
	if got := fmt.Sprint(first.Name(), first.Shape()); got != "fc.weight(3, 2)" {
		t.Errorf("node %s", got)
	}
	if _, err := b.Node(layers.NewDense("fc", 2, 3, init).Params()[0]); !errors.Is(err, layers.ErrDuplicateName) {
		t.Errorf("another parameter of the name: %v", err)
	}
	if _, err := b.Learnables(layers.NewDense("other", 2, 3, init)); err == nil {
		t.Error("the learnables of a network that was not built")
	}
}
