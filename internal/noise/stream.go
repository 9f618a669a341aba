package noise

import "fmt"

// Stream names one draw. Two draws are equal when their streams are, and independent otherwise.
type Stream struct {
	Seed   uint64
	Step   uint32 // the training step
	Sample uint32 // the draw within the step
	Tensor uint32 // the parameter tensor, from the first number of its purpose
}

// The numbers of tensors are divided among the purposes that numbers are drawn for, so that draws for two of them with one
// seed share no counter: what a training draws tells nothing of what is measured with the same seed, or dropped.
const (
	WeightTensors      = 0       // noise that a solver adds to weights
	RegulariserTensors = 1 << 28 // noise by which the regulariser is estimated
	ProbeTensors       = 2 << 28 // directions by which a trace is estimated
	MaskTensors        = 8 << 28 // masks of dropouts, to the last number
)

// MaxLen is the most elements a Gaussian or Uniform draw can have.
const MaxLen = 1 << 34

// Dist is a distribution of zero mean and unit variance.
type Dist uint8

const (
	Gaussian   Dist = iota // N(0, 1)
	Rademacher             // -1 or 1
	Uniform                // uniform on (-sqrt 3, sqrt 3)
	dists                  // how many there are
)

// groupLen is how many elements a group of words makes.
func (d Dist) groupLen() int {
	if d == Rademacher {
		return rademacherLen
	}
	return groupWords
}

// String returns the distribution's name in lower case.
func (d Dist) String() string {
	switch d {
	case Gaussian:
		return "gaussian"
	case Rademacher:
		return "rademacher"
	case Uniform:
		return "uniform"
	}
	return fmt.Sprintf("Dist(%d)", uint8(d))
}
