//go:build unix

package distributed

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestSpeed measures steps of the paper's networks and prints a table of README.md. speed.sh starts it on two ranks.
//
// All ways of making a step are measured in turn, round after round, so that what else the machine does disturbs all of them
// alike; the table has the medians. While one rank works alone the other one waits and looks for messages every millisecond.
func TestSpeed(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv("LAYERNOISE_TEST_SPEED"))
	if l, err := launched(); rounds == 0 || err != nil || !l.launched {
		t.Skip("bash optim/distributed/speed.sh starts it")
	}
	w, err := Init(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if w.rank == 0 {
		fmt.Printf("\n%s, medians of %d rounds, ms a step\n\n", w, rounds)
		fmt.Println("| network | parameters | images a step | one core | two threads | two ranks | overlapped | +1 | no exchange | exchange alone |")
		fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	}
	for _, n := range speedNetworks {
		if only := os.Getenv("LAYERNOISE_TEST_NETWORKS"); only != "" && !strings.Contains(only, n.name) {
			continue
		}
		line, err := n.measure(w, rounds)
		if err != nil {
			w.Abort(err)
		}
		if w.rank == 0 {
			fmt.Println(line)
		}
	}
	if err := w.Finalize(); err != nil {
		w.Abort(err)
	}
}

var speedNetworks = []speedNetwork{
	{"MLP1", layers.NewMLP1, []int{784}, 128, 20, false},
	{"MLP3", layers.NewMLP3, []int{784}, 128, 8, false},
	{"CNN2", layers.NewCNN2, []int{3, 32, 32}, 128, 3, false},
	{"ResNet-18", func(i layers.Init) *layers.Sequential { return layers.NewResNet18(10, i) }, []int{3, 32, 32}, 32, 1, false},
}

type speedNetwork struct {
	name  string
	make  func(layers.Init) *layers.Sequential
	image []int
	batch int // images of all ranks in a step
	steps int // in a round
	sync  bool
}

// measure returns the network's line of the table.
func (n speedNetwork) measure(w *World, rounds int) (string, error) {
	whole, err := n.stepper(n.batch, nil, false)
	if err != nil {
		return "", err
	}
	part, err := n.stepper(n.batch/w.size, nil, false)
	if err != nil {
		return "", err
	}
	together, err := n.stepper(n.batch/w.size, w, false)
	if err != nil {
		return "", err
	}
	overlapped, err := n.stepper(n.batch/w.size, w, true)
	if err != nil {
		return "", err
	}
	alone := func(threads int) func() error {
		return func() error {
			if w.rank > 0 {
				return nil
			}
			runtime.GOMAXPROCS(threads)
			return whole.step()
		}
	}
	more := func() error {
		runtime.GOMAXPROCS(2)
		return overlapped.step()
	}
	ways := []func() error{alone(1), alone(2), together.step, overlapped.step, more, part.step, together.exchange}
	times := make([][]float64, len(ways))
	for round := range rounds + 1 { // the first one is not counted: it takes memory
		for i, way := range ways {
			runtime.GOMAXPROCS(max(1, runtime.NumCPU()/w.size))
			if err := w.Barrier(); err != nil {
				return "", err
			}
			start := time.Now()
			for range n.steps {
				if err := way(); err != nil {
					return "", err
				}
			}
			if round > 0 {
				times[i] = append(times[i], 1e3*time.Since(start).Seconds()/float64(n.steps))
			}
		}
	}
	line := fmt.Sprintf("| %s | %d | %d |", n.name, whole.parameters(), n.batch)
	for _, t := range times {
		slices.Sort(t)
		line += fmt.Sprintf(" %.3g |", t[len(t)/2])
	}
	return line, nil
}

// stepper makes training steps on one batch of images.
type stepper struct {
	machine G.VM
	solver  G.Solver
	mean    *Solver // in solver; nil if there is none
	model   []G.ValueGrad
	overlap *overlap // the machine, if it is one
}

// stepper returns what makes steps with images a rank, with noise, all ranks together unless w is nil.
func (n speedNetwork) stepper(images int, w *World, overlapped bool) (*stepper, error) {
	net := n.make(layers.Init{Seed: 1})
	if n.sync && w != nil {
		if err := layers.SyncBatchNorm(net, w); err != nil {
			return nil, err
		}
	}
	g := G.NewGraph()
	shape := append([]int{images}, n.image...)
	rank := 0
	if w != nil {
		rank = w.rank
	}
	x := G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName("x"),
		G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(vector[float32](rank, tensor.Shape(shape).TotalSize())))))
	labels := make([]int, images)
	for i := range labels {
		labels[i] = i % 10
	}
	y := G.NewTensor(g, tensor.Int, 1, G.WithShape(images), G.WithName("y"), G.WithValue(tensor.New(tensor.WithBacking(labels))))
	b := layers.NewBuilder(g, layers.Training)
	logits, err := net.Forward(b, x)
	if err != nil {
		return nil, err
	}
	cost, err := graph.CrossEntropy(logits, y)
	if err != nil {
		return nil, err
	}
	learnables, err := b.Learnables(net)
	if err != nil {
		return nil, err
	}
	if _, err := G.Grad(cost, learnables...); err != nil {
		return nil, err
	}
	sgd, err := optim.NewSGD(0.001, optim.WithMomentum(0.9), optim.WithWeightDecay(5e-4))
	if err != nil {
		return nil, err
	}
	s := &stepper{model: G.NodesToValueGrads(learnables)}
	base := G.Solver(sgd)
	if w != nil {
		if s.mean, err = NewSolver(sgd, w); err != nil {
			return nil, err
		}
		base = s.mean
	}
	noisy, err := optim.NewPerturbedSolver(base, 0.01)
	if err != nil {
		return nil, err
	}
	s.solver = noisy
	vm := G.VM(G.NewTapeMachine(g, graph.BindGradients(learnables...)))
	if overlapped {
		vm = s.mean.Overlap(vm, learnables...)
		s.overlap, _ = vm.(*overlap)
	}
	s.machine, err = noisy.Guard(vm, learnables...)
	return s, err
}

func (s *stepper) step() error {
	if err := s.machine.RunAll(); err != nil {
		return err
	}
	if err := s.solver.Step(s.model); err != nil {
		return err
	}
	s.machine.Reset()
	return nil
}

// exchange replaces the gradients by their mean, without a step.
func (s *stepper) exchange() error {
	defer s.mean.Discard()
	return s.mean.Average(s.model)
}

func (s *stepper) parameters() (n int) {
	for _, m := range s.model {
		n += m.Value().Shape().TotalSize()
	}
	return n
}
