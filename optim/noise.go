package optim

import (
	"github.com/layernoise/layernoise/internal/noise"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// A Draw identifies the noise of one parameter tensor at one evaluation of the gradient.
type Draw struct {
	Seed   uint64       // that of WithSeed
	Step   uint64       // steps taken before
	Sample uint64       // number of the draw within the step, from 0
	Tensor int          // the parameter's index in the solver
	Name   string       // the parameter's name
	Shape  tensor.Shape // of the parameter
}

// Noise draws noise of unit variance.
//
// Sample fills eps, the tensor's elements in row-major order, with numbers of mean 0 and variance 1 that are a function of
// the draw alone: the solver repeats draws instead of storing them, so two calls must give the same numbers. An error is
// returned to the caller of the solver and leaves the weights unchanged.
type Noise interface {
	Sample(eps []float64, d Draw) error // fills eps with the draw
}

// Gaussian draws from the standard normal distribution, truncated at 6.5 standard deviations, with the resolution of
// float32.
func Gaussian() Noise { return counterNoise(noise.Gaussian) }

// Rademacher draws -1 or 1 with equal probability.
func Rademacher() Noise { return counterNoise(noise.Rademacher) }

// UniformNoise draws from the uniform distribution on (-sqrt 3, sqrt 3), with the resolution of float32.
func UniformNoise() Noise { return counterNoise(noise.Uniform) }

// fusedNoise is noise that can be added to weights in one pass, without a buffer for the draw: dst becomes clean plus scale
// times the draw.
type fusedNoise interface {
	Noise
	addTo(dst, clean vec, scale float64, d Draw) error
}

var (
	_ fusedNoise = counterNoise(0)
	_ fusedNoise = (*ascent)(nil)
)

// counterNoise is noise of the counter-based generator.
type counterNoise noise.Dist

func (c counterNoise) Sample(eps []float64, d Draw) error {
	stream, err := streamOf(d)
	if err != nil {
		return err
	}
	noise.Fill(noise.Dist(c), stream, eps, 1)
	return nil
}

func (c counterNoise) addTo(dst, clean vec, scale float64, d Draw) error {
	stream, err := streamOf(d)
	if err != nil {
		return err
	}
	noise.Add(noise.Dist(c), stream, dst.f32, clean.f32, float32(scale))
	noise.Add(noise.Dist(c), stream, dst.f64, clean.f64, scale)
	return nil
}

// streamOf returns the generator's stream for a draw. Its counters have 32 bits each.
func streamOf(d Draw) (noise.Stream, error) {
	if d.Step >= 1<<32 || d.Sample >= 1<<32 {
		return noise.Stream{}, errors.Errorf("optim: draw %d of step %d: both must be below 2^32", d.Sample, d.Step)
	}
	return noise.Stream{Seed: d.Seed, Step: uint32(d.Step), Sample: uint32(d.Sample), Tensor: uint32(d.Tensor)}, nil
}
