package layers

import (
	"hash/fnv"
	"math"
	"slices"

	"github.com/layernoise/layernoise/internal/hugepage"
	"github.com/layernoise/layernoise/internal/noise"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// Scheme is a distribution of initial weights. Fan-in is the number of inputs that feed one output, fan-out the number of
// outputs that one input feeds; for a convolution both include the positions of the kernel.
type Scheme int

// The distributions.
const (
	// DefaultUniform is PyTorch's default for dense and convolutional layers: weight and bias uniform in ±1/sqrt(fan-in).
	DefaultUniform Scheme = iota

	// HeNormal is Gaussian with variance 2/fan-in, the bias zero. K. He, X. Zhang, S. Ren, J. Sun, Delving Deep into
	// Rectifiers, ICCV 2015, https://arxiv.org/abs/1502.01852.
	HeNormal

	// HeUniform is uniform with the variance of HeNormal, in ±sqrt(6/fan-in), the bias zero.
	HeUniform

	// GlorotNormal is Gaussian with variance 2/(fan-in + fan-out), the bias zero. X. Glorot, Y. Bengio, Understanding the
	// Difficulty of Training Deep Feedforward Neural Networks, AISTATS 2010, https://proceedings.mlr.press/v9/glorot10a.html.
	GlorotNormal

	// GlorotUniform is uniform with the variance of GlorotNormal, in ±sqrt(6/(fan-in + fan-out)), the bias zero.
	GlorotUniform
)

// Init determines the initial values of parameters. The zero value is PyTorch's default in float32 with seed 0.
//
// The values of a parameter are a function of the seed, the parameter's name and the scheme: they do not depend on the
// machine, the number of threads, or the other layers of the network.
type Init struct {
	// Seed selects the numbers.
	Seed uint64

	// Scheme is the distribution of the weights. By default it is DefaultUniform.
	Scheme Scheme

	// Dtype is the dtype of the parameters, tensor.Float32 or tensor.Float64. By default it is float32.
	Dtype tensor.Dtype

	// Prefix is prepended to the names of all parameters, such as "encoder.". Give different ones to networks that are combined
	// into one, since names in a network must differ. By default it is empty.
	Prefix string
}

// Weight makes a weight of shape (out, in, ...kernel), such as (out, in) or (out, in, kh, kw), drawn by the scheme.
func (c Init) Weight(name string, shape ...int) (*Param, error) {
	name = c.Prefix + name
	if len(shape) < 2 {
		return nil, errors.Wrapf(ErrShape, "layers: %s %v, want (out, in, ...)", name, shape)
	}
	v, err := c.zeros(name, shape...)
	if err != nil {
		return nil, err
	}
	positions := tensor.Shape(shape[2:]).TotalSize()
	dist, variance, err := c.Scheme.weight(shape[1]*positions, shape[0]*positions)
	if err != nil {
		return nil, err
	}
	draw(v, c.stream(name), dist, math.Sqrt(variance))
	return &Param{Name: name, Value: v}, nil
}

// Bias makes a bias of n numbers for a weight of the given fan-in: drawn like the weight under DefaultUniform, zero under
// the other schemes.
func (c Init) Bias(name string, fanIn, n int) (*Param, error) {
	p, err := c.Constant(name, 0, n)
	if err == nil && c.Scheme == DefaultUniform {
		draw(p.Value, c.stream(p.Name), noise.Uniform, math.Sqrt(1/(3*float64(fanIn))))
	}
	return p, err
}

// Normal makes a tensor of Gaussian numbers with mean 0 and the given standard deviation, whatever the scheme, for example
// the table of an embedding.
func (c Init) Normal(name string, sd float64, shape ...int) (*Param, error) {
	name = c.Prefix + name
	v, err := c.zeros(name, shape...)
	if err != nil {
		return nil, err
	}
	if !(sd >= 0) || math.IsInf(sd, 1) {
		return nil, errors.Errorf("layers: %s: standard deviation %v, want a finite number of at least 0", name, sd)
	}
	draw(v, c.stream(name), noise.Gaussian, sd)
	return &Param{Name: name, Value: v}, nil
}

// Constant makes a vector of n equal numbers.
func (c Init) Constant(name string, value float64, n int) (*Param, error) {
	name = c.Prefix + name
	v, err := c.zeros(name, n)
	if err != nil {
		return nil, err
	}
	switch data := v.Data().(type) {
	case []float32:
		for i := range data {
			data[i] = float32(value)
		}
	case []float64:
		for i := range data {
			data[i] = value
		}
	}
	return &Param{Name: name, Value: v}, nil
}

// zeros makes a tensor of the initialiser's dtype, after checking name, dtype and shape; name includes the prefix.
func (c Init) zeros(name string, shape ...int) (*tensor.Dense, error) {
	if name == c.Prefix {
		return nil, errors.New("layers: a parameter without a name")
	}
	if slices.ContainsFunc(shape, func(n int) bool { return n < 1 }) {
		return nil, errors.Wrapf(ErrShape, "layers: %s %v, want sizes of at least 1", name, shape)
	}
	if tooLarge(shape...) {
		return nil, errors.Wrapf(ErrShape, "layers: %s %v does not fit into any memory", name, shape)
	}
	dtype := c.Dtype
	if dtype.Type == nil {
		dtype = tensor.Float32
	}
	if dtype != tensor.Float32 && dtype != tensor.Float64 {
		return nil, errors.Wrapf(ErrShape, "layers: %s of type %v, want float32 or float64", name, dtype)
	}
	size := tensor.Shape(shape).TotalSize()
	var backing any = hugepage.Make[float32](size)
	if dtype == tensor.Float64 {
		backing = hugepage.Make[float64](size)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing)), nil
}

// tooLarge reports whether a tensor of a shape, whose sizes are positive, has more elements than any memory holds: over 2^40.
func tooLarge(shape ...int) bool {
	left := uint64(1) << 40
	for _, n := range shape {
		left /= uint64(n)
	}
	return left == 0
}

// weight returns the distribution and the variance of a weight.
func (s Scheme) weight(fanIn, fanOut int) (dist noise.Dist, variance float64, err error) {
	in, out := float64(fanIn), float64(fanOut)
	switch s {
	case DefaultUniform:
		return noise.Uniform, 1 / (3 * in), nil
	case HeNormal:
		return noise.Gaussian, 2 / in, nil
	case HeUniform:
		return noise.Uniform, 2 / in, nil
	case GlorotNormal:
		return noise.Gaussian, 2 / (in + out), nil
	case GlorotUniform:
		return noise.Uniform, 2 / (in + out), nil
	}
	return 0, 0, errors.Errorf("layers: initialisation scheme %d is unknown", s)
}

// dropout makes the dropout of the given name in a network, with masks of its own.
func (c Init) dropout(name string, p float64) *Dropout {
	return NewDropout(p, c.Seed^nameHash(c.Prefix+name))
}

// stream returns the random stream of a parameter: 64 bits of hash of its name beside the seed, so that collisions between
// names, or with the small counters of the gradient noise, are not to be expected.
func (c Init) stream(name string) noise.Stream {
	h := nameHash(name)
	return noise.Stream{Seed: c.Seed, Tensor: uint32(h), Step: uint32(h >> 32)}
}

// nameHash returns a well-mixed 64-bit hash of a name.
func nameHash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// draw fills t with numbers of mean 0 and the given standard deviation.
func draw(t *tensor.Dense, s noise.Stream, dist noise.Dist, sd float64) {
	switch data := t.Data().(type) {
	case []float32:
		noise.Fill(dist, s, data, float32(sd))
	case []float64:
		noise.Fill(dist, s, data, sd)
	}
}
