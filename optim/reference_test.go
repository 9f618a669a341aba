package optim

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/layernoise/layernoise/internal/golden"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// solverCase is a solver_*.json of the reference data.
type solverCase struct {
	Mode        string
	Optimizer   string
	LR          float64
	Momentum    float64
	WeightDecay float64 `json:"weight_decay"`
	Sigma       float64
	Rho         float64 // of SAM
	Adaptive    bool    // ASAM
	Eta         float64
	Initial     []golden.Tensor `json:"params_initial"`
	Steps       []struct {
		X         golden.Tensor
		Labels    []int
		UnitNoise map[string]golden.Tensor `json:"unit_noise"`
		Loss      float64                  `json:"loss_at_perturbed"`
		After     []golden.Tensor          `json:"params_after"`
	}
}

// TestReference follows PyTorch through the noise-injection loop, with PyTorch's draws, and through SAM's loop.
func TestReference(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(golden.Dir(), "solver_*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no solver_*.json in %s (%v)", golden.Dir(), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c solverCase
			if err := json.Unmarshal(data, &c); err != nil {
				t.Fatal(err)
			}
			if len(c.Steps) == 0 || len(c.Initial) == 0 {
				t.Fatal("no steps or no parameters")
			}
			if c.Rho > 0 {
				followSAM(t, c)
				return
			}
			t.Run("guarded", func(t *testing.T) { followReference(t, c, true) })
			t.Run("carried", func(t *testing.T) { followReference(t, c, false) })
		})
	}
}

// recorded replays the draws of a case.
type recorded struct{ c solverCase }

func (r recorded) Sample(eps []float64, d Draw) error {
	draw, ok := r.c.Steps[d.Step].UnitNoise[strconv.Itoa(d.Tensor)]
	if !ok || len(draw.Data) != len(eps) {
		return errors.Errorf("no draw of %d numbers at step %d", len(eps), d.Step)
	}
	copy(eps, draw.Data)
	return nil
}

func followReference(t *testing.T, c solverCase, guarded bool) {
	n := referenceNet(t, c)
	var base G.Solver
	switch c.Optimizer {
	case "sgd":
		base = ours(NewSGD(c.LR, WithMomentum(c.Momentum), WithWeightDecay(c.WeightDecay)))
	case "adam":
		base = ours(NewAdam(c.LR, WithWeightDecay(c.WeightDecay)))
	case "adamw":
		base = ours(NewAdamW(c.LR, WithWeightDecay(c.WeightDecay)))
	default:
		t.Fatalf("optimizer %q is not known", c.Optimizer)
	}
	var s *PerturbedSolver
	opts := []PerturbOpt{WithNoise(recorded{c})}
	switch c.Mode {
	case "layer":
		s = perturbed(t, base, c.Sigma, opts...)
	case "all":
		s = perturbed(t, base, c.Sigma, append(opts, WithSelection(All()))...)
	case "none":
		s = perturbed(t, base, 0, opts...)
	default:
		t.Fatalf("mode %q is not known", c.Mode)
	}

	vm := n.vm
	if guarded {
		vm = must(s.Guard(n.vm, n.learnables...))(t)
	} else {
		// the reference has noise in the first evaluation too
		if err := s.Bind(n.model); err != nil {
			t.Fatal(err)
		}
		if err := s.Perturb(); err != nil {
			t.Fatal(err)
		}
	}
	compared := 0
	for i, step := range c.Steps {
		n.load(step.X, step.Labels)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		golden.Near(t, fmt.Sprintf("step %d: loss", i), []float64{n.loss.Data().(float64)}, []float64{step.Loss}, 1e-9)
		if i == len(c.Steps)-1 && !guarded {
			// the draws end here, so the carried protocol has none left to add
			s.noise.dist = recorded{}
			s.sigma = 0
		}
		if err := s.Step(n.model); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
		if len(step.After) == 0 {
			continue
		}
		if err := s.Restore(); err != nil {
			t.Fatal(err)
		}
		compared += n.compare(t, i, step.After)
		if !guarded && i < len(c.Steps)-1 {
			if err := s.Perturb(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if compared == 0 {
		t.Fatal("no parameters to compare")
	}
}

// followSAM follows PyTorch through SAM.
func followSAM(t *testing.T, c solverCase) {
	n := referenceNet(t, c)
	var opts []SAMOpt
	switch c.Mode {
	case "layer":
		opts = append(opts, WithSelection(Cyclic()))
	case "all":
	default:
		t.Fatalf("mode %q is not known", c.Mode)
	}
	if c.Adaptive {
		opts = append(opts, WithAdaptive(c.Eta))
	}
	base := ours(NewSGD(c.LR, WithMomentum(c.Momentum), WithWeightDecay(c.WeightDecay)))
	s := must(NewSAM(base, c.Rho, opts...))(t)
	vm := must(s.Guard(n.vm, n.learnables...))(t)
	compared := 0
	for i, step := range c.Steps {
		n.load(step.X, step.Labels)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		golden.Near(t, fmt.Sprintf("step %d: loss", i), []float64{n.loss.Data().(float64)}, []float64{step.Loss}, 1e-9)
		if err := s.Step(n.model); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
		compared += n.compare(t, i, step.After)
	}
	if compared == 0 {
		t.Fatal("no parameters to compare")
	}
}

// load sets the reference network's batch.
func (n *net) load(x golden.Tensor, labels []int) {
	copy(n.x.Value().Data().([]float64), x.Data)
	y := n.y.Value().Data().([]float64)
	clear(y)
	for row, label := range labels {
		y[row*n.y.Shape()[1]+label] = 1
	}
}

// compare compares the parameters with those after a step, if the reference has them, and returns how many there were.
func (n *net) compare(t *testing.T, step int, after []golden.Tensor) int {
	t.Helper()
	for j, after := range after {
		golden.Near(t, fmt.Sprintf("step %d: parameter %d", step, j), n.learnables[j].Value().Data().([]float64), after.Data, 1e-9)
	}
	return len(after)
}

// referenceNet is the reference's network: y = x W^T + b with ReLU between, softmax cross entropy.
func referenceNet(t *testing.T, c solverCase) *net {
	t.Helper()
	g := G.NewGraph()
	first := c.Steps[0]
	batch, classes := first.X.Shape[0], c.Initial[len(c.Initial)-1].Shape[0]
	n := &net{g: g, batch: batch, dtype: tensor.Float64}
	n.x = G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithValue(first.X.Dense()))
	n.y = G.NewMatrix(g, tensor.Float64, G.WithName("y"), G.WithValue(tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(batch, classes))))
	h := n.x
	for i := 0; i < len(c.Initial); i += 2 {
		w := G.NewMatrix(g, tensor.Float64, G.WithName(fmt.Sprintf("w%d", i)), G.WithValue(c.Initial[i].Dense()))
		b := G.NewVector(g, tensor.Float64, G.WithName(fmt.Sprintf("b%d", i)), G.WithValue(c.Initial[i+1].Dense()))
		n.learnables = append(n.learnables, w, b)
		h = G.Must(G.BroadcastAdd(G.Must(G.Mul(h, G.Must(G.Transpose(w, 1, 0)))), b, nil, []byte{0}))
		if i+2 < len(c.Initial) {
			h = G.Must(G.Rectify(h))
		}
	}
	logProbability := G.Must(G.Log(G.Must(G.SoftMax(h))))
	sum := G.Must(G.Sum(G.Must(G.HadamardProd(logProbability, n.y))))
	n.cost = G.Must(G.Mul(sum, G.NewConstant(-1/float64(batch))))
	G.Read(n.cost, &n.loss)
	if _, err := G.Grad(n.cost, n.learnables...); err != nil {
		t.Fatal(err)
	}
	n.vm = G.NewTapeMachine(g, G.BindDualValues(n.learnables...))
	n.model = G.NodesToValueGrads(n.learnables)
	return n
}
