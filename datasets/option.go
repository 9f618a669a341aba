package datasets

import "github.com/pkg/errors"

// An Option changes how MNIST, FashionMNIST, CIFAR10, CIFAR100, TinyShakespeare, Enwik8 and Text8 find their files.
type Option func(*options) error

// options is what the Options of one call add up to.
type options struct {
	// fetch downloads a file into a folder and returns its path; nil when
	// that is not wanted.
	fetch func(dir string, bases []string, f publishedFile) (string, error)
}

func newOptions(opts []Option) (*options, error) {
	o := new(options)
	for i, opt := range opts {
		if opt == nil {
			return nil, errors.Errorf("option %d is nil", i)
		}
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// obtain returns the path of a file that search looks for and that may be
// fetched into dir when it is not there.
func (o *options) obtain(search func() (string, error), dir string, bases []string, f publishedFile) (string, error) {
	path, err := search()
	switch {
	case o.fetch == nil:
		return path, err
	case err == nil:
		return path, f.verify(path)
	case errors.Is(err, ErrNotFound):
		return o.fetch(dir, bases, f)
	default:
		return "", err
	}
}
