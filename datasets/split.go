package datasets

import "github.com/pkg/errors"

// A Split names one of the two parts in which the data sets are published.
type Split int

// The parts.
const (
	Train Split = iota // the images to learn from
	Test               // the images to measure with
)

// String is "train" or "test".
func (s Split) String() string {
	switch s {
	case Train:
		return "train"
	case Test:
		return "test"
	default:
		return "unknown split"
	}
}

func errBadSplit(s Split) error {
	return errors.Errorf("split %d is neither Train nor Test", s)
}
