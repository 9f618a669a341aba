package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"weak"

	"github.com/layernoise/layernoise/internal/hugepage"
	"github.com/pkg/errors"
)

// An Injection describes the noise that a solver injected last.
type Injection struct {
	Step   uint64   // steps taken before it
	Layers []string // names of the groups that took noise
	Sigma  float64  // sigma times the schedule's and the selection's factor, before scaling

	NoiseNorm    float64 // Euclidean norm of the noise over all tensors that took noise
	RelativeNorm float64 // NoiseNorm relative to the norm of those tensors; 0 without noise, infinite if they are zero
}

// String describes the injection in a line: the step, what took noise, and how much.
func (i Injection) String() string {
	if len(i.Layers) == 0 {
		return fmt.Sprintf("step %d: no noise", i.Step)
	}
	return fmt.Sprintf("step %d: %s, sigma %.4g, noise norm %.4g, relative norm %.3g",
		i.Step, strings.Join(i.Layers, " "), i.Sigma, i.NoiseNorm, i.RelativeNorm)
}

// injector generates noise and puts it into weights, for a solver or a measurement of sharpness.
//
// A tensor that is the only one over its memory (Param.dense) is pointed at spare memory that holds noisy weights, and
// afterwards back at its own: one pass over the weights, which are read but never written. For other tensors the noisy and
// the clean weights are swapped.
type injector struct {
	dist    Noise
	first   int  // number of the first tensor in the draws
	draw    Draw // of the current or last injection; Tensor, Name and Shape are set for each tensor
	sign    float64
	sigma   float64
	layers  []string
	targets []target
	carrier *carrier // of the targets, in their order

	spare32 []float32 // the targets' spare memory, one after the other, on huge pages
	spare64 []float64
	eps     []float64 // one tensor's draw, if it must be stored
	again   vec       // one tensor's noisy weights, recomputed
}

// target is a parameter that takes noise.
type target struct {
	param   *Param
	scale   float64
	updated vec // the weights that Set of a guarded machine computed from the noisy ones
}

// in reports whether the noise is in the weights.
func (n *injector) in() bool { return n.carrier.in.Load() }

// noisy returns the memory of target i's noisy weights.
func (n *injector) noisy(i int) vec {
	c := &n.carrier.tensors[i]
	if n.in() {
		return c.shows()
	}
	return c.spare
}

// room allocates spare memory for the largest single group, so that only a selection of several can make it grow later.
func (n *injector) room(groups []Group) {
	var most32, most64 int
	for _, g := range groups {
		var len32, len64 int
		for _, p := range g.Params {
			len32 += spareLen(len(p.vec.f32))
			len64 += spareLen(len(p.vec.f64))
		}
		most32, most64 = max(most32, len32), max(most64, len64)
	}
	if most32 > len(n.spare32) {
		n.spare32 = hugepage.Make[float32](most32)
	}
	if most64 > len(n.spare64) {
		n.spare64 = hugepage.Make[float64](most64)
	}
}

// lineLen is the number of elements that fill at least one cache line. Each target's spare memory starts on a cache line, so
// that no vector store crosses two.
const lineLen = 16

// spareLen returns the spare memory that n elements take, in elements.
func spareLen(n int) int { return (n + lineLen - 1) &^ (lineLen - 1) }

// begin clears the targets of the previous injection.
func (n *injector) begin(dist Noise, seed, step uint64, sigma float64) {
	n.dist, n.draw, n.sigma = dist, Draw{Seed: seed, Step: step}, sigma
	clear(n.layers)
	clear(n.targets)
	clear(n.carrier.tensors)
	n.layers, n.targets, n.carrier.tensors = n.layers[:0], n.targets[:0], n.carrier.tensors[:0]
}

// target adds a parameter that takes noise of standard deviation scale. Scale 0 leaves the parameter unchanged, bit for bit.
func (n *injector) target(p *Param, scale float64) error {
	if limit := p.vec.largest(); !(scale >= 0 && scale <= limit) {
		n.begin(n.dist, n.draw.Seed, n.draw.Step, n.sigma)
		return errors.Errorf("optim: the noise for parameter %s %v has standard deviation %v: want 0 to %v", p.name, p.shape, scale, limit)
	}
	if scale == 0 {
		return nil
	}
	n.targets = append(n.targets, target{param: p, scale: scale})
	c := carried{name: p.name, memory: p.vec}
	if p.dense != nil {
		c.pointed, c.dense = true, weak.Make(p.dense)
	}
	n.carrier.tensors = append(n.carrier.tensors, c)
	return nil
}

// reserve gives every target its spare memory.
func (n *injector) reserve() {
	var len32, len64 int
	for _, t := range n.carrier.tensors {
		len32 += spareLen(len(t.memory.f32))
		len64 += spareLen(len(t.memory.f64))
	}
	if len(n.spare32) < len32 {
		n.spare32 = hugepage.Make[float32](len32)
	}
	if len(n.spare64) < len64 {
		n.spare64 = hugepage.Make[float64](len64)
	}
	rest32, rest64 := n.spare32, n.spare64
	for i := range n.carrier.tensors {
		t := &n.carrier.tensors[i]
		if k := len(t.memory.f32); k > 0 {
			t.spare.f32, rest32 = rest32[:k:k], rest32[spareLen(k):]
		}
		if k := len(t.memory.f64); k > 0 {
			t.spare.f64, rest64 = rest64[:k:k], rest64[spareLen(k):]
		}
	}
}

// inject puts draw number sample, times sign, into the targets. After an error, or a panic in the user's noise, the weights
// are as they were.
func (n *injector) inject(sample uint64, sign float64) error {
	n.draw.Sample, n.sign = sample, sign
	for i := range n.targets {
		t := &n.carrier.tensors[i]
		if err := n.perturb(t.spare, t.memory, &n.targets[i]); err != nil {
			return err
		}
	}
	noisy.put(n.carrier)
	return nil
}

// perturb sets dst to clean plus the target's draw. It returns an error before writing anything.
func (n *injector) perturb(dst, clean vec, t *target) error {
	if fused, ok := n.dist.(fusedNoise); ok {
		d := n.draw
		d.Tensor = n.first + t.param.index
		return fused.addTo(dst, clean, n.sign*t.scale, d)
	}
	eps, err := n.sampleOf(t.param)
	if err != nil {
		return err
	}
	dst.copyFrom(clean)
	dst.addFloat64(n.sign*t.scale, eps)
	return nil
}

// sampleOf draws the noise of one tensor.
func (n *injector) sampleOf(p *Param) ([]float64, error) {
	d := n.draw
	d.Tensor, d.Name, d.Shape = n.first+p.index, p.name, p.shape
	size := p.Size()
	n.eps = slices.Grow(n.eps[:0], size)[:size]
	if err := n.dist.Sample(n.eps, d); err != nil {
		return nil, errors.Wrapf(err, "optim: noise for parameter %s %v", d.Name, d.Shape)
	}
	return n.eps, nil
}

// restore removes the noise.
func (n *injector) restore() { noisy.take(n.carrier) }

// changed returns a parameter whose clean weights have changed since they last took noise: it adds the noise again and
// compares the sums.
func (n *injector) changed() (*Param, error) {
	for i := range n.targets {
		t := &n.targets[i]
		now := n.again.grow(t.param.vec)
		if err := n.perturb(now, t.param.vec, t); err != nil {
			return nil, err
		}
		if !now.sameBits(n.carrier.tensors[i].spare) {
			return t.param, nil
		}
	}
	return nil, nil
}

// moveBase changes v, the result of a step from p's noisy weights at the last evaluation, to that of the same step from the
// clean ones: v becomes clean + (v - noisy). The noisy weights are recomputed, since the graph may have written to those it
// saw.
func (n *injector) moveBase(p *Param, v vec) error {
	for i := range n.targets {
		t := &n.targets[i]
		if t.param != p || v.data() == t.updated.data() { // not twice
			continue
		}
		clean := n.carrier.tensors[i].memory
		from := n.again.grow(clean)
		if err := n.perturb(from, clean, t); err != nil {
			return err
		}
		v.moveBase(clean, from)
		t.updated = v
	}
	return nil
}

// replaced returns a parameter whose node now has other memory than the one that took the noise.
func (n *injector) replaced() *Param {
	for i := range n.targets {
		p := n.targets[i].param
		node := p.Node()
		if node == nil {
			continue
		}
		if v, err := vecOf(node.Value()); err == nil && v.data() != n.noisy(i).data() {
			return p
		}
	}
	return nil
}

// Last describes the noise injected last. Nothing is stored for it: the draw is repeated, which costs about as much as the
// injection did. Before the first injection, and after UnmarshalBinary, it is the zero Injection. With several samples it
// describes the last one.
func (s *PerturbedSolver) Last() Injection { return s.noise.describe() }

// Sigma returns Last().Sigma without repeating the draw.
func (s *PerturbedSolver) Sigma() float64 {
	if len(s.noise.layers) == 0 {
		return 0
	}
	return s.noise.sigma
}

func (n *injector) describe() Injection {
	if len(n.layers) == 0 {
		return Injection{Step: n.draw.Step}
	}
	last := Injection{Step: n.draw.Step, Layers: slices.Clone(n.layers), Sigma: n.sigma}
	var noise2, weights2 float64
	for i := range n.targets {
		t := &n.targets[i]
		eps, err := n.sampleOf(t.param)
		if err != nil { // it gave the same draw before
			noise2 = math.NaN()
			break
		}
		noise2 += float64(t.scale * t.scale * norm2(eps))
		weights2 += n.noisy(i).distance2(n.sign*t.scale, eps)
	}
	last.NoiseNorm = math.Sqrt(noise2)
	if noise2 != 0 {
		last.RelativeNorm = last.NoiseNorm / math.Sqrt(weights2)
	}
	return last
}
