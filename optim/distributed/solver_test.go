package distributed

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// training is a small regression by a network with a hidden layer, in float64.
type training struct {
	learnables G.Nodes
	machine    G.VM
	x, y       *G.Node
}

// newTraining makes the network. The inputs of all images of a step are a batch of them each.
func newTraining(batch int, scale float64) (*training, error) {
	g := G.NewGraph()
	weights := func(name string, rows, columns int) *G.Node {
		w := make([]float64, rows*columns)
		for i := range w {
			w[i] = scale * math.Sin(float64(7*i+rows))
		}
		return G.NewMatrix(g, G.Float64, G.WithName(name), G.WithShape(rows, columns),
			G.WithValue(tensor.New(tensor.WithShape(rows, columns), tensor.WithBacking(w))))
	}
	t := &training{
		x: G.NewMatrix(g, G.Float64, G.WithName("x"), G.WithShape(batch, 3)),
		y: G.NewMatrix(g, G.Float64, G.WithName("y"), G.WithShape(batch, 2)),
	}
	w1, w2 := weights("w1", 3, 5), weights("w2", 5, 2)
	out := G.Must(G.Mul(G.Must(G.Tanh(G.Must(G.Mul(t.x, w1)))), w2))
	cost := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(out, t.y))))))
	t.learnables = G.Nodes{w1, w2}
	if _, err := G.Grad(cost, t.learnables...); err != nil {
		return nil, err
	}
	t.machine = G.NewTapeMachine(g, G.BindDualValues(t.learnables...))
	return t, nil
}

// give sets the images of a step: those from first on of an endless list.
func (t *training) give(step, first, batch int) error {
	x, y := make([]float64, 3*batch), make([]float64, 2*batch)
	for i := range batch {
		for j := range 3 {
			x[3*i+j] = math.Sin(float64(1 + j + 5*(first+i) + 1000*step))
		}
		y[2*i], y[2*i+1] = x[3*i]*x[3*i+1], x[3*i+2]
	}
	if err := G.Let(t.x, tensor.New(tensor.WithShape(batch, 3), tensor.WithBacking(x))); err != nil {
		return err
	}
	return G.Let(t.y, tensor.New(tensor.WithShape(batch, 2), tensor.WithBacking(y)))
}

func (t *training) weights() []float64 {
	var all []float64
	for _, n := range t.learnables {
		all = append(all, n.Value().Data().([]float64)...)
	}
	return all
}

// run is a training of a rank, on a batch of images of each step, those from first on.
type run struct {
	*training
	batch, first int
	solver       *optim.PerturbedSolver
	guarded      G.VM
}

func newRun(w *World, batch, first int, sigma float64, opts ...optim.PerturbOpt) (r *run, err error) {
	r = &run{batch: batch, first: first}
	if r.training, err = newTraining(batch, 1); err != nil {
		return nil, err
	}
	sgd, err := optim.NewSGD(0.1, optim.WithMomentum(0.9))
	if err != nil {
		return nil, err
	}
	mean, err := NewSolver(sgd, w)
	if err != nil {
		return nil, err
	}
	if r.solver, err = optim.NewPerturbedSolver(mean, sigma, append(opts, optim.WithSeed(3))...); err != nil {
		return nil, err
	}
	r.guarded, err = r.solver.Guard(r.machine, r.learnables...)
	return r, err
}

// train makes the steps from one to another.
func (r *run) train(from, to int) error {
	for step := from; step < to; step++ {
		if err := r.give(step, r.first, r.batch); err != nil {
			return err
		}
		if err := r.guarded.RunAll(); err != nil {
			return err
		}
		if err := r.solver.Step(G.NodesToValueGrads(r.learnables)); err != nil {
			return err
		}
		r.guarded.Reset()
	}
	return nil
}

// checkpoint is what another run, of any number of ranks, goes on from.
type checkpoint struct {
	Weights [][]float64
	Solver  []byte
}

func (r *run) save() (c checkpoint, err error) {
	for _, n := range r.learnables {
		c.Weights = append(c.Weights, slices.Clone(n.Value().Data().([]float64)))
	}
	c.Solver, err = r.solver.MarshalBinary()
	return c, err
}

func (r *run) load(c checkpoint) error {
	for i, n := range r.learnables {
		copy(n.Value().Data().([]float64), c.Weights[i])
	}
	return r.solver.UnmarshalBinary(c.Solver)
}

// steps is how long the trainings of the tests are, and images how many all ranks see in each step.
const (
	steps  = 20
	images = 12
)

// train trains on a rank's part of the images.
func train(w *World, sigma float64, opts ...optim.PerturbOpt) ([]float64, error) {
	return trainOn(w, images/w.Size(), images/w.Size()*w.Rank(), sigma, opts...)
}

// trainOn trains on a batch of images of each step, those from first on. Another run takes over half way.
func trainOn(w *World, batch, first int, sigma float64, opts ...optim.PerturbOpt) ([]float64, error) {
	r, err := newRun(w, batch, first, sigma, opts...)
	if err != nil {
		return nil, err
	}
	if err := r.train(0, steps/2); err != nil {
		return nil, err
	}
	c, err := r.save()
	if err != nil {
		return nil, err
	}
	if r, err = newRun(w, batch, first, sigma, opts...); err != nil {
		return nil, err
	}
	if err := r.load(c); err != nil {
		return nil, err
	}
	err = r.train(steps/2, steps)
	return r.weights(), err
}

// checkSolver compares a training by all ranks with one of a single process that sees all images, with and without noise:
// the same to rounding, and the ranks among each other to the bit.
func checkSolver(w *World) error {
	if images%w.Size() != 0 {
		return nil
	}
	for _, sigma := range []float64{0, 0.1} {
		ours, err := train(w, sigma)
		if err != nil {
			return err
		}
		alone, err := train(&World{size: 1}, sigma)
		if err != nil {
			return err
		}
		for i := range ours {
			if diff := math.Abs(ours[i] - alone[i]); !(diff < 1e-12) {
				return errors.Errorf("sigma %v: weight %d of %d ranks is %v, of one process %v", sigma, i, w.Size(), ours[i], alone[i])
			}
		}
		first := append([]float64{}, ours...)
		if err := Broadcast(w, 0, first); err != nil {
			return err
		}
		if err := sameBits(ours, first); err != nil {
			return errors.Wrapf(err, "rank %d, beside rank 0", w.Rank())
		}
	}
	return nil
}

// checkAccumulated compares a training by all ranks, bit for bit, with one process that computes the gradients of their parts
// one after the other and adds them in the order that Allreduce promises.
func checkAccumulated(w *World) error {
	if images%w.Size() != 0 {
		return nil
	}
	ours, err := train(w, 0)
	if err != nil {
		return err
	}
	batch := images / w.Size()
	alone, err := newRun(&World{size: 1}, batch, 0, 0)
	if err != nil {
		return err
	}
	model := G.NodesToValueGrads(alone.learnables)
	for step := range steps {
		parts := make([][][]float64, w.Size()) // gradients of all parameters, by rank
		for rank := range parts {
			if err := alone.give(step, batch*rank, batch); err != nil {
				return err
			}
			if err := alone.machine.RunAll(); err != nil {
				return err
			}
			for _, n := range alone.learnables {
				grad, err := n.Grad()
				if err != nil {
					return err
				}
				parts[rank] = append(parts[rank], slices.Clone(grad.Data().([]float64)))
				G.ZeroValue(grad)
			}
			alone.machine.Reset()
		}
		for i, n := range alone.learnables {
			var gradients [][]float64
			for _, of := range parts {
				gradients = append(gradients, of[i])
			}
			grad, err := n.Grad()
			if err != nil {
				return err
			}
			for j, sum := range sumByPairs(gradients) {
				grad.Data().([]float64)[j] = sum * (1 / float64(w.Size()))
			}
		}
		if err := alone.solver.Base().Step(model); err != nil {
			return err
		}
	}
	return errors.WithMessage(sameBits(ours, alone.weights()), "accumulated in one process")
}

// checkIndependentNoise compares ranks that see the same images, each with noise of its own, with one process that draws as
// often.
func checkIndependentNoise(w *World) error {
	for _, antithetic := range []bool{false, true} {
		var opts []optim.PerturbOpt
		if antithetic {
			opts = append(opts, optim.WithAntithetic())
		}
		ours, err := trainOn(w, images, 0, 0.1, append(opts, IndependentNoise(w))...)
		if err != nil {
			return err
		}
		alone, err := trainOn(&World{size: 1}, images, 0, 0.1, append(opts, optim.WithSamples(w.Size()))...)
		if err != nil {
			return err
		}
		for i := range ours {
			if diff := math.Abs(ours[i] - alone[i]); !(diff < 1e-12) {
				return errors.Errorf("weight %d of %d ranks is %v, of one process with as many samples %v", i, w.Size(), ours[i], alone[i])
			}
		}
	}
	return nil
}

func TestSolver(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4} {
		everyRank(t, n, checkSolver)
		everyRank(t, n, checkAccumulated)
		everyRank(t, n, checkIndependentNoise)
	}
}

// Ranks whose models or weights differ make no step, and are told where the difference is.
func TestSolverDiffers(t *testing.T) {
	step := func(w *World, scale float64, broadcast bool) ([]float64, error) {
		tr, err := newTraining(4, scale)
		if err != nil {
			return nil, err
		}
		if err := tr.give(0, 0, 4); err != nil {
			return nil, err
		}
		before := tr.weights()
		solver, err := NewSolver(G.NewVanillaSolver(), w)
		if err != nil {
			return nil, err
		}
		model := G.NodesToValueGrads(tr.learnables)
		if broadcast {
			if err := BroadcastWeights(w, model); err != nil {
				return nil, err
			}
		}
		if err := tr.machine.RunAll(); err != nil {
			return nil, err
		}
		if err := solver.Step(model); err != nil {
			if same := sameBits(tr.weights(), before); same != nil {
				return nil, errors.Wrap(same, "the weights changed, although the step was refused")
			}
			return nil, err
		}
		return tr.weights(), nil
	}
	for _, broadcast := range []bool{false, true} {
		weights := make([][]float64, 2)
		errs := newPost().run(t, 2, time.Minute, func(w *World) (err error) {
			weights[w.Rank()], err = step(w, 1+float64(w.Rank()), broadcast)
			return err
		})
		for rank, err := range errs {
			switch {
			case broadcast && err != nil:
				t.Errorf("rank %d, after BroadcastWeights: %v", rank, err)
			case !broadcast && (err == nil || !strings.Contains(err.Error(), "ranks 0 and 1 differ: parameter 0 w1 (3, 5)")):
				t.Errorf("rank %d: %v: want an error that names w1", rank, err)
			}
		}
		if broadcast {
			if err := sameBits(weights[0], weights[1]); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestNewSolver(t *testing.T) {
	alone := &World{size: 1}
	noisy, err := optim.NewPerturbedSolver(G.NewVanillaSolver(), 0.1)
	if err != nil {
		t.Fatal(err)
	}
	climbing, err := optim.NewSAM(G.NewVanillaSolver(), 0.1)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		base  G.Solver
		world *World
		want  string
	}{
		{nil, alone, "base solver is nil"},
		{G.NewVanillaSolver(), nil, "world is nil"},
		{noisy, alone, "goes around"},
		{climbing, alone, "a *optim.SAM goes around"},
	} {
		if _, err := NewSolver(test.base, test.world); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("NewSolver(%T, %v): %v: want %q", test.base, test.world, err, test.want)
		}
	}
	// A base with moments that cannot be saved is an error, not a training that goes on without them.
	solver, err := NewSolver(G.NewAdamSolver(), alone)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := solver.MarshalBinary(); errors.Cause(err) != optim.ErrState {
		t.Errorf("MarshalBinary over gorgonia's Adam: %v: want ErrState", err)
	}
}
