package datasets

import "github.com/pkg/errors"

// An Option changes how MNIST, FashionMNIST, CIFAR10 and CIFAR100 find their files.
type Option func(*options) error

// options is what the Options of one call add up to.
type options struct{}

func newOptions(opts []Option) (*options, error) {
	o := new(options)
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// A Split names one of the two parts in which the data sets are published.
type Split int

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
	return errors.Errorf("datasets: split %d is neither Train nor Test", s)
}
