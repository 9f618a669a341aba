package datasets

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/layernoise/layernoise/internal/fetch"
	"github.com/pkg/errors"
)

// An Option changes how MNIST, FashionMNIST, CIFAR10, CIFAR100, TinyShakespeare, Enwik8 and Text8 find their files.
type Option func(*options) error

// options is what the Options of one call add up to.
type options struct {
	// fetch downloads a file into a folder and returns its path; nil when that is not wanted.
	fetch func(dir string, bases []string, f fetch.File) (string, error)
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

// A Download says how files are fetched. The zero value is ready to use: the published addresses, in silence.
type Download struct {
	// Mirror is an address to try before the published ones: the files lie directly below it, under their official names. By
	// default there is none.
	Mirror string

	// Client makes the requests. By default http.DefaultClient.
	Client *http.Client

	// Progress shows how far a download is: a bar when it is a terminal (an *os.File such as os.Stderr), otherwise a line for
	// each tenth of a file. By default nothing is shown.
	Progress io.Writer

	// Stall is how long a server may send nothing before it is given up. By default 30 seconds.
	Stall time.Duration
}

// WithDownload fetches the files that are not in the folder, into it, before they are read. Without this option nothing is
// ever downloaded.
//
// Each address is tried in turn. A transfer that breaks off is resumed where it stopped, in a later run too: until a file is
// complete it is called .part. It gets its name, in one step, only when its length and SHA-256 are those of the published
// file. A file that is already in the folder is checked likewise, and ErrChecksum when it is another; unpacked or compressed
// again is as good. An unpacked CIFAR folder is taken as it is. Of several calls for the same file, in other processes too,
// one transfers it and the others wait; on Windows they must not come at the same time.
//
// A fault that may pass does not end a download. The server is asked again, after 0.5, 1, 2 and 4 seconds, and Progress is
// told; then it is the next address's turn.
//
//	asked again                                  not asked again
//	408, 425, 429, 500, 502, 503, 504            any other status
//	a connection refused, reset or closed        a name that does not exist
//	a time-out of the client or the network      a bad certificate or address, a server that stalls
//	a body that is too short, from where it      a body that is too long, a page in the place of
//	broke off, as long as that gets further      the file, another length or checksum
//
// Retry-After, in seconds or as a date, takes the place of these pauses. One of more than a minute ends the attempt at that
// address, with an error that says when the server wants to be asked.
//
// The error is that of ctx when it ends, that of the file system when a file cannot be written (a full disk, say; what has
// arrived is kept), and otherwise what went wrong with each address: ErrChecksum, ErrStalled, io.ErrUnexpectedEOF for a body
// that was too short, or the server's status.
func WithDownload(ctx context.Context, d Download) Option {
	return func(o *options) error {
		if ctx == nil {
			return errors.New("download: the context is nil")
		}
		f := fetch.Fetcher{Mirror: d.Mirror, Client: d.Client, Progress: d.Progress, Stall: d.Stall}
		if err := f.Check(); err != nil {
			return err
		}
		o.fetch = func(dir string, bases []string, file fetch.File) (string, error) {
			return f.Fetch(ctx, dir, bases, file)
		}
		return nil
	}
}

// obtain returns the path of a file that search looks for and that may be fetched into dir when it is not there.
func (o *options) obtain(search func() (string, error), dir string, bases []string, f fetch.File) (string, error) {
	path, err := search()
	switch {
	case o.fetch == nil:
		return path, err
	case err == nil:
		return path, f.Verify(path)
	case errors.Is(err, ErrNotFound):
		return o.fetch(dir, bases, f)
	default:
		return "", err
	}
}
