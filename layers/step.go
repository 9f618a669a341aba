package layers

import (
	"fmt"
	"math"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/deferred"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// training is a network's graph with cost and gradients.
type training struct {
	graph *G.ExprGraph
	feed  feed
	begin func(step, rank int) // sets the step and the rank that dropout masks are drawn for

	data       G.Nodes // the leaves that feed sets
	learnables G.Nodes
	model      []G.ValueGrad // the learnables, in the form that solvers take
	cost       G.Value       // of the last pass

	synced     synced
	statistics snapshot  // before the step
	byRank     snapshot  // the statistics that are not synchronised, so that ranks differ in them
	kept       snapshot  // for a keeper
	sums       []float64 // scratch: what is added over the ranks
}

// feed copies batches into a training graph. Its String gives the graph's batch size, such as "50 images".
type feed interface {
	fmt.Stringer
	size() int // images or sequences of a batch

	// load checks a batch and copies it. It returns false, and copies nothing, if the batch is smaller than the graph's.
	load(batch anyPass) (whole bool, err error)
}

// load copies a batch into the graph. It returns false if no step is to be made: the batch is smaller than the graph's, or
// the combined batch of all ranks is.
func load(f feed, batch anyPass) (whole bool, err error) {
	if whole, err = f.load(batch); err != nil {
		return false, err
	}
	if b, ok := batch.(interface{ Whole() bool }); ok && !b.Whole() {
		return false, nil
	}
	return whole, nil
}

// newImageTraining builds the training graph of a net that classifies images.
func newImageTraining(net Layer, dtype tensor.Dtype, batch int, image tensor.Shape) (*training, error) {
	b := NewBuilder(G.NewGraph(), Training)
	f := &imageFeed{images: newInput(b.graph, dtype, batch, image), labels: make([]int, batch)}
	logits, err := forwardLogits(net, b, f.images)
	if err != nil {
		return nil, err
	}
	f.classes = logits.Shape()[1]
	cost, err := graph.CrossEntropy(logits, intNode(b.graph, "labels", f.labels, batch))
	if err != nil {
		return nil, errors.Wrap(err, "layers: cost")
	}
	return newTraining(net, b, f, cost, f.images.node)
}

// intNode adds a node of integers to g, permanently bound to values.
func intNode(g *G.ExprGraph, name string, values []int, shape ...int) *G.Node {
	value := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
	return G.NewTensor(g, tensor.Int, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(value))
}

// newTraining adds the gradients of cost to the graph of b. data are leaves of it that feed alone sets.
func newTraining(net Layer, b *Builder, feed feed, cost *G.Node, data ...*G.Node) (*training, error) {
	t := &training{graph: b.graph, feed: feed, data: data, begin: func(step, rank int) {
		b.SetRank(uint32(rank))
		b.BeginStep(uint32(step))
	}}
	G.Read(cost, &t.cost)
	var err error
	if t.learnables, err = b.Learnables(net); err != nil {
		return nil, err
	}
	if _, err := G.Grad(cost, t.learnables...); err != nil {
		return nil, errors.Wrap(err, "layers: gradient of the cost")
	}
	t.model = G.NodesToValueGrads(t.learnables)
	t.statistics, t.kept = newSnapshot(net), newSnapshot(net)
	t.synced = b.synced
	t.byRank = t.synced.others(t.statistics)
	return t, nil
}

// forwardLogits builds net on the images and checks its result.
func forwardLogits(net Layer, b *Builder, images *input) (*G.Node, error) {
	logits, err := chain(b, images.node, []Layer{net})
	if err != nil {
		return nil, err
	}
	if s := logits.Shape(); len(s) != 2 || s[0] != images.batch {
		return nil, errors.Wrapf(ErrShape, "layers: the network's result %v, want (%d, classes)", s, images.batch)
	}
	return logits, nil
}

// machine makes a machine for the graph, guarded if the solver perturbs weights. The caller closes it. The graph owns the
// memory of its values, which the next machine reuses.
func (t *training) machine(solver G.Solver) (G.VM, error) {
	var vm G.VM = G.NewTapeMachine(t.graph, graph.BindGradients(t.learnables...))
	if ranks, ok := within[overlapper](solver); ok && ranks.Overlaps() {
		vm = ranks.Overlap(vm, t.learnables...)
	}
	perturbed, ok := solver.(interface {
		Guard(vm G.VM, learnables ...*G.Node) (G.VM, error)
	})
	if !ok {
		return vm, nil
	}
	return perturbed.Guard(keeper{vm, t.kept}, t.learnables...)
}

// deferrable returns the gradients that the solver's step can compute.
func (t *training) deferrable(solver G.Solver) (gradients []deferred.Gradient) {
	if !deferred.Finishes(solver) {
		return nil
	}
	for _, n := range t.model {
		if g := deferred.Of(n); g != nil && g.Deferrable(t.data...) {
			gradients = append(gradients, g)
		}
	}
	return gradients
}

// keeper is the machine of a solver that perturbs weights. A solver that evaluates the gradient twice, as optim.SAM does,
// uses Keep to retain the running statistics of the first evaluation, at the clean weights.
type keeper struct {
	G.VM
	statistics snapshot
}

func (k keeper) Keep() (putBack func()) {
	k.statistics.take()
	return k.statistics.putBack
}

// RunAlone makes a pass without exchanging gradients: see optim.Exchanger.
func (k keeper) RunAlone() error {
	if vm, ok := k.VM.(interface{ RunAlone() error }); ok {
		return vm.RunAlone()
	}
	return k.VM.RunAll()
}

// imageFeed copies images and labels.
type imageFeed struct {
	images  *input
	labels  []int // of the batch, the backing of the graph's label node
	classes int
}

func (f *imageFeed) String() string { return fmt.Sprintf("%d images", f.images.batch) }

func (f *imageFeed) size() int { return f.images.batch }

func (f *imageFeed) load(pass anyPass) (whole bool, err error) {
	batch := pass.(Pass)
	images, labels := batch.Images(), batch.Labels()
	n, err := f.images.count(images)
	if err != nil {
		return false, err
	}
	if err := checkLabels(labels, n, f.classes); err != nil {
		return false, err
	}
	if n > f.images.batch {
		return false, errors.Wrapf(ErrShape, "layers: batch of %d images, the classifier was made for %d", n, f.images.batch)
	}
	if n < f.images.batch {
		return false, nil
	}
	f.images.load(images, 0, n)
	copy(f.labels, labels)
	return true, nil
}

// step makes one step of solver on the loaded batch, clipping the gradient's norm to clip unless that is 0, and leaving to the
// solver the gradients that are listed. It returns the cost and, if clipped, the norm, over all ranks. After an error of the
// pass or the solver, or a cost or norm that is not finite, weights and running statistics are unchanged and the gradients zero.
func (t *training) step(vm G.VM, solver G.Solver, left []deferred.Gradient, clip float64, ranks *ranks) (cost, norm float64, err error) {
	t.statistics.take()
	for _, g := range left {
		g.Defer(true)
		defer g.Defer(false)
	}
	defer vm.Reset()
	cost, err = t.run(vm)
	cost, err = t.together(ranks, cost, err)
	if average, ok := within[averager](solver); err == nil && clip > 0 && ok {
		err = average.Average(t.model)
	}
	if err == nil && clip > 0 {
		norm, err = clipNorm(t.model, clip)
	}
	if err != nil {
		return cost, norm, t.discard(solver, err)
	}
	if err = solver.Step(t.model); err != nil {
		return cost, norm, t.discard(solver, errors.Wrap(err, "solver"))
	}
	return cost, norm, nil
}

// run makes a pass over the loaded batch and returns its cost, which must be finite.
func (t *training) run(vm G.VM) (cost float64, err error) {
	if err := vm.RunAll(); err != nil {
		return 0, err
	}
	if cost = scalar(t.cost); math.IsNaN(cost) || math.IsInf(cost, 0) {
		return cost, errors.Wrapf(ErrNotFinite, "loss %v", cost)
	}
	return cost, nil
}

// together returns the mean cost of the ranks and sets the statistics in byRank to their means over the ranks, unless a rank
// has an error. Since running statistics are linear in those of the batch, these are the running statistics of the mean.
func (t *training) together(ranks *ranks, cost float64, err error) (float64, error) {
	n := float64(ranks.Size())
	if n == 1 {
		return cost, err
	}
	t.sums = append(t.sums[:0], cost)
	for _, s := range t.byRank {
		at := len(t.sums)
		t.sums = append(t.sums, make([]float64, s.param.Value.Size())...)
		convert(t.sums[at:], s.param.Value.Data())
	}
	if err := ranks.sum(t.sums, err); err != nil {
		return cost, err
	}
	for i := range t.sums {
		t.sums[i] /= n
	}
	at := 1
	for _, s := range t.byRank {
		end := at + s.param.Value.Size()
		convert(s.param.Value.Data(), t.sums[at:end])
		at = end
	}
	return t.sums[0], nil
}

// discard undoes the effects of a pass that no step follows. It returns reason.
func (t *training) discard(solver G.Solver, reason error) error {
	t.statistics.putBack()
	t.zeroGradients()
	if average, ok := within[averager](solver); ok {
		average.Discard()
	}
	// A solver that counts the draws of a step starts the step anew.
	if perturbed, ok := solver.(interface{ Restore() error }); ok {
		if err := perturbed.Restore(); err != nil {
			return errors.WithMessage(reason, err.Error())
		}
	}
	return reason
}

func (t *training) zeroGradients() {
	for _, n := range t.learnables {
		// Before the first pass there is no gradient.
		if grad, err := n.Grad(); err == nil && grad != nil {
			G.ZeroValue(grad)
		}
	}
}

// scalar returns the number in a scalar value of float32 or float64.
func scalar(v G.Value) float64 {
	if f, ok := v.Data().(float32); ok {
		return float64(f)
	}
	return v.Data().(float64)
}

// clipNorm scales the gradients so that their joint norm is at most most. It returns the norm before. If that is not finite,
// it returns an error and changes nothing.
func clipNorm(model []G.ValueGrad, most float64) (norm float64, err error) {
	sum := 0.0
	grads := make([]interface{}, len(model))
	for i, m := range model {
		grad, err := m.Grad()
		if err != nil {
			return 0, errors.Wrap(err, "layers: gradient to clip")
		}
		grads[i] = grad.Data()
		sum += squares(grads[i])
	}
	norm = math.Sqrt(sum)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return norm, errors.Wrapf(ErrNotFinite, "norm of the gradient %v", norm)
	}
	if norm > most {
		for _, grad := range grads {
			scale(grad, most/norm)
		}
	}
	return norm, nil
}

// squares returns the sum of the squares of a []float32 or []float64, in float64.
func squares(x interface{}) float64 {
	if x, ok := x.([]float32); ok {
		return sumOfSquares(x)
	}
	return sumOfSquares(x.([]float64))
}

// sumOfSquares keeps four partial sums, so that additions do not wait for each other.
func sumOfSquares[T float32 | float64](x []T) float64 {
	var sums [4]float64
	n := len(x) &^ 3
	for i := 0; i < n; i += 4 {
		for lane, v := range x[i : i+4 : i+4] {
			sums[lane] += float64(float64(v) * float64(v))
		}
	}
	for lane, v := range x[n:] {
		sums[lane] += float64(float64(v) * float64(v))
	}
	return (sums[0] + sums[1]) + (sums[2] + sums[3])
}

// scale multiplies a []float32 or []float64 by a factor.
func scale(x interface{}, factor float64) {
	switch x := x.(type) {
	case []float32:
		for i := range x {
			x[i] *= float32(factor)
		}
	case []float64:
		for i := range x {
			x[i] *= factor
		}
	}
}
