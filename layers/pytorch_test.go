package layers_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/layernoise/layernoise/internal/golden"
	"github.com/layernoise/layernoise/layers"
	"gorgonia.org/tensor"
)

// peer is the output of testdata/networks.py.
type peer struct {
	Logits     []float64
	Gradients  map[string]float64
	Statistics map[string][]float64
}

// TestPyTorch compares a network of each kind with PyTorch's, which reads the weights from a file: logits, the gradient of
// every parameter and the running statistics, with batch and with running statistics, in float64.
func TestPyTorch(t *testing.T) {
	if testing.Short() {
		t.Skip("PyTorch takes its time: not in -short")
	}
	interpreter := python(t, "torch")
	dir := t.TempDir()
	var cases []string
	for _, n := range networks {
		if !n.peer {
			continue
		}
		if err := layers.Save(filepath.Join(dir, n.name+".npz"), n.generic()); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, n.name+"/eval")
		if n.name != "vgg11" { // its dropout draws other masks than PyTorch's
			cases = append(cases, n.name+"/train")
		}
	}
	if err := layers.Save(filepath.Join(dir, "gpt.npz"), genericGPT()); err != nil {
		t.Fatal(err)
	}
	cases = append(cases, "gpt/train")
	cmd := exec.Command(interpreter, append([]string{"testdata/networks.py", "values", dir, strconv.Itoa(peerBatch)}, cases...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var peers map[string]peer
	if err := json.Unmarshal(out, &peers); err != nil {
		t.Fatal(err)
	}
	for _, n := range networks {
		for name, mode := range map[string]layers.Mode{"train": layers.Training, "eval": layers.Evaluation} {
			if want, ok := peers[n.name+"/"+name]; ok {
				t.Run(n.name+"/"+name, func(t *testing.T) { testPyTorch(t, n, mode, want) })
			}
		}
	}
	t.Run("gpt", func(t *testing.T) { testPyTorchGPT(t, peers["gpt/train"]) })
}

// genericGPT makes a small GPT in float64 with no parameter at zero or one.
func genericGPT() layers.Layer {
	return network{make: func(init layers.Init) *layers.Sequential { return layers.NewGPT(smallGPT, init) }}.generic()
}

func testPyTorchGPT(t *testing.T, want peer) {
	x := tensor.New(tensor.WithShape(peerBatch, 7), tensor.WithBacking(wholes(peerBatch*7, 11)))
	r := newRun(t, genericGPT(), layers.Training, x, func(shape tensor.Shape) *tensor.Dense { return wave(shape, math.Cos) })
	golden.Near(t, "logits", r.pass(t), want.Logits, peerTolerance)
	grads := r.grads(t)
	if len(grads) != len(want.Gradients) {
		t.Errorf("%d gradients, PyTorch's %d", len(grads), len(want.Gradients))
	}
	for name, w := range want.Gradients {
		sum := 0.0
		for i, g := range grads[name] {
			sum += g * math.Sin(float64(i))
		}
		golden.Near(t, "gradient of "+name, []float64{sum}, []float64{w}, peerTolerance)
	}
}

// TestLoadGPT reads a GPT that PyTorch wrote, in float32, and compares the logits.
func TestLoadGPT(t *testing.T) {
	net := layers.NewGPT(smallGPT, layers.Init{Seed: 1})
	if err := layers.Load("testdata/gpt.npz", net); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/gpt.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	got := newLanguage(t, net, layers.Evaluation, 2, 7, 11).pass(t)
	if len(got) != len(want) {
		t.Fatalf("%d logits, want %d", len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= 1e-5*(1+math.Abs(w))) {
			t.Fatalf("logit %d is %v, PyTorch's %v", i, got[i], w)
		}
	}
}

// peerTolerance bounds differences from PyTorch's numbers, relative to the largest one.
const peerTolerance = 1e-10

// peerBatch is the number of images in the comparison.
const peerBatch = 3

// generic makes the network in float64 with no parameter or statistic at zero or one.
func (n network) generic() layers.Layer {
	net := n.make(layers.Init{Seed: 1, Scheme: layers.HeNormal, Dtype: tensor.Float64})
	for i, p := range net.Params() {
		if p.Value.Dims() == 1 {
			v := floats(p.Value)
			for j := range v {
				v[j] += 0.1 * math.Sin(float64(7*i+j))
			}
			set(p.Value, v)
		}
	}
	return net
}

func testPyTorch(t *testing.T, n network, mode layers.Mode, want peer) {
	net := n.generic()
	x := wave(append(tensor.Shape{peerBatch}, n.image...), math.Sin)
	r := newRun(t, net, mode, x, func(shape tensor.Shape) *tensor.Dense { return wave(shape, math.Cos) })
	golden.Near(t, "logits", r.pass(t), want.Logits, peerTolerance)
	grads := r.grads(t)
	if len(grads) != len(want.Gradients)+1 {
		t.Errorf("%d gradients, PyTorch's %d", len(grads)-1, len(want.Gradients))
	}
	for name, w := range want.Gradients {
		sum := 0.0
		for i, g := range grads[name] {
			sum += g * math.Sin(float64(i))
		}
		golden.Near(t, "gradient of "+name, []float64{sum}, []float64{w}, peerTolerance)
	}
	v := values(net)
	for name, w := range want.Statistics {
		golden.Near(t, name, v[name], w, peerTolerance)
	}
}

// wave returns a float64 tensor of f(0), f(1), ...
func wave(shape tensor.Shape, f func(float64) float64) *tensor.Dense {
	x := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(shape...))
	i := -1.0
	fill(x, func() float64 { i++; return f(i) })
	return x
}
