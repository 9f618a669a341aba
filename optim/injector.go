package optim

import (
	"math"
	"slices"

	"github.com/layernoise/layernoise/internal/noise"
	"github.com/pkg/errors"
)

// An Injection describes the noise that a solver injected last.
type Injection struct {
	Step   uint64   // steps taken before it
	Layers []string // names of the groups that took it
	Sigma  float64  // sigma times the schedule's and the selection's factor, before scaling

	NoiseNorm    float64 // Euclidean norm of the noise over all tensors that took it
	RelativeNorm float64 // NoiseNorm by the norm of those tensors; 0 without noise, infinite where they are zero
}

// injector puts noise into weights and takes it out. Between begin and the next begin it keeps the clean copies of the
// tensors that take noise.
type injector struct {
	dist    Noise
	draw    Draw // of the injection under way or the last one; Tensor, Name and Shape are set for each tensor
	sigma   float64
	layers  []string
	targets []target
	in      bool // the noise is in the weights

	clean32 []float32 // the clean copies, one after the other
	clean64 []float64
	eps     []float64 // one tensor's draw, where the noise is the user's own
}

// target is a tensor that takes noise.
type target struct {
	param   *Param
	weights vec
	clean   vec
	scale   float64
}

// room makes the buffer large enough for the clean copy of any one group, so that only a selection of several lets it
// grow later.
func (n *injector) room(groups []Group) {
	var most32, most64 int
	for _, g := range groups {
		var len32, len64 int
		for _, p := range g.Params {
			len32 += len(p.vec.f32)
			len64 += len(p.vec.f64)
		}
		most32, most64 = max(most32, len32), max(most64, len64)
	}
	n.clean32, n.clean64 = make([]float32, 0, most32), make([]float64, 0, most64)
}

// begin forgets the targets of the injection before.
func (n *injector) begin(dist Noise, seed, step uint64, sigma float64) {
	n.dist, n.draw, n.sigma = dist, Draw{Seed: seed, Step: step}, sigma
	clear(n.layers)
	clear(n.targets)
	n.layers, n.targets = n.layers[:0], n.targets[:0]
}

// target adds a parameter that takes noise of standard deviation scale. Scale 0 leaves it alone, bit for bit.
func (n *injector) target(p *Param, scale float64) error {
	if limit := p.vec.largest(); !(scale >= 0 && scale <= limit) {
		n.begin(n.dist, n.draw.Seed, n.draw.Step, n.sigma)
		return errors.Errorf("optim: the noise for parameter %s %v has standard deviation %v: want 0 to %v", p.name, p.shape, scale, limit)
	}
	if scale > 0 {
		n.targets = append(n.targets, target{param: p, weights: p.vec, scale: scale})
	}
	return nil
}

// reserve gives every target its room for the clean copy.
func (n *injector) reserve() {
	var len32, len64 int
	for _, t := range n.targets {
		len32 += len(t.weights.f32)
		len64 += len(t.weights.f64)
	}
	n.clean32 = slices.Grow(n.clean32[:0], len32)[:len32]
	n.clean64 = slices.Grow(n.clean64[:0], len64)[:len64]
	rest32, rest64 := n.clean32, n.clean64
	for i := range n.targets {
		t := &n.targets[i]
		if k := len(t.weights.f32); k > 0 {
			t.clean.f32, rest32 = rest32[:k:k], rest32[k:]
		}
		if k := len(t.weights.f64); k > 0 {
			t.clean.f64, rest64 = rest64[:k:k], rest64[k:]
		}
	}
}

// inject saves the targets and adds draw number sample, times sign. After an error, or a panic in the user's noise, the
// weights are as they were.
func (n *injector) inject(sample uint64, sign float64) error {
	n.draw.Sample = sample
	if c, ok := n.dist.(counterNoise); ok {
		return n.injectCounter(c, sign)
	}
	done := 0
	defer func() {
		if n.in = done == len(n.targets); !n.in {
			for _, t := range n.targets[:done] {
				t.weights.copyFrom(t.clean)
			}
		}
	}()
	for _, t := range n.targets {
		eps, err := n.sampleOf(t)
		if err != nil {
			return err
		}
		t.clean.copyFrom(t.weights)
		t.weights.addFloat64(sign*t.scale, eps)
		done++
	}
	return nil
}

// injectCounter is inject for the noise of this package: one pass over the weights, without a buffer for the draw.
func (n *injector) injectCounter(c counterNoise, sign float64) error {
	stream, err := streamOf(n.draw)
	if err != nil {
		return err
	}
	for _, t := range n.targets {
		stream.Tensor = uint32(t.param.index)
		noise.SaveAdd(noise.Dist(c), stream, t.weights.f32, t.clean.f32, float32(sign*t.scale))
		noise.SaveAdd(noise.Dist(c), stream, t.weights.f64, t.clean.f64, sign*t.scale)
	}
	n.in = true
	return nil
}

// sampleOf asks the noise for the draw of one tensor.
func (n *injector) sampleOf(t target) ([]float64, error) {
	d := n.draw
	d.Tensor, d.Name, d.Shape = t.param.index, t.param.name, t.param.shape
	size := t.weights.len()
	n.eps = slices.Grow(n.eps[:0], size)[:size]
	if err := n.dist.Sample(n.eps, d); err != nil {
		return nil, errors.Wrapf(err, "optim: noise for parameter %s %v", d.Name, d.Shape)
	}
	return n.eps, nil
}

// restore copies the clean weights back.
func (n *injector) restore() {
	if !n.in {
		return
	}
	for _, t := range n.targets {
		t.weights.copyFrom(t.clean)
	}
	n.in = false
}

// changed returns a parameter whose weights differ from the clean copy, while no noise is in them.
func (n *injector) changed() (*Param, bool) {
	for _, t := range n.targets {
		if !t.weights.sameBits(t.clean) {
			return t.param, true
		}
	}
	return nil, false
}

// Last describes the noise injected last. Nothing is stored for it: the draw is made again, which costs about as much as
// the injection did. Before the first injection, and after UnmarshalBinary, it is the zero Injection. With several
// samples it is the last one's.
func (s *PerturbedSolver) Last() Injection { return s.noise.describe() }

func (n *injector) describe() Injection {
	if len(n.layers) == 0 {
		return Injection{Step: n.draw.Step}
	}
	last := Injection{Step: n.draw.Step, Layers: slices.Clone(n.layers), Sigma: n.sigma}
	var noise2, weights2 float64
	for _, t := range n.targets {
		eps, err := n.sampleOf(t)
		if err != nil { // it gave the same draw before
			noise2 = math.NaN()
			break
		}
		noise2 += t.scale * t.scale * norm2(eps)
		weights2 += t.clean.norm2()
	}
	last.NoiseNorm = math.Sqrt(noise2)
	if noise2 != 0 {
		last.RelativeNorm = last.NoiseNorm / math.Sqrt(weights2)
	}
	return last
}
