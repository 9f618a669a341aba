package noise

import "fmt"

// Stream identifies a draw. Two draws are equal if their streams are, and independent otherwise.
type Stream struct {
	Seed   uint64
	Step   uint32 // the training step
	Sample uint32 // the draw within the step
	Tensor uint32 // the parameter tensor, counted from the first number of its purpose
}

// Tensor numbers are divided among the purposes of draws, so that draws for two purposes with the same seed share no
// counter: the noise of a training is independent of what is measured, or dropped, with the same seed.
const (
	WeightTensors      = 0       // noise that a solver adds to weights
	RegulariserTensors = 1 << 28 // noise for estimates of the regulariser
	ProbeTensors       = 2 << 28 // directions for estimates of a trace
	MaskTensors        = 8 << 28 // masks of dropouts, up to the last number
)

// MaxLen is the largest number of elements of a Gaussian or Uniform draw.
const MaxLen = 1 << 34

// Dist is a distribution of zero mean and unit variance.
type Dist uint8

const (
	Gaussian   Dist = iota // N(0, 1)
	Rademacher             // -1 or 1
	Uniform                // uniform on (-sqrt 3, sqrt 3)
	dists                  // number of distributions
)

// groupLen returns the number of elements made from a group of words.
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
