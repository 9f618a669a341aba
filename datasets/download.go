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

// options is the combined effect of a call's Options.
type options struct {
	// fetch downloads a file into a folder and returns its path. It is nil without WithDownload.
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

// A Download says how files are fetched. The zero value is ready to use: the published addresses, without progress output.
type Download struct {
	// Mirror is an address to try before the published ones, with the files directly below it under their official names. By
	// default there is none.
	Mirror string

	// Client makes the requests. By default it is http.DefaultClient.
	Client *http.Client

	// Progress receives the progress of a download: a bar if it is a terminal (an *os.File such as os.Stderr), otherwise a line
	// for each tenth of a file. By default nothing is shown.
	Progress io.Writer

	// Stall is how long a server may send nothing before the download from it is abandoned. By default it is 30 seconds.
	Stall time.Duration
}

// WithDownload downloads missing files into the folder before they are read. Without this option nothing is ever downloaded.
//
// The addresses are tried in turn. An interrupted transfer is resumed where it stopped, also in a later run: until it is
// complete, the file is called .part. It is renamed only once its length and SHA-256 match the published ones. Files already
// in the folder are checked as well: ErrChecksum if the contents differ from the published file's, whether compressed or
// not. An unpacked CIFAR folder is not checked. If several calls, also in other processes, want the same file, one transfers
// it and the others wait; on Windows they must not run at the same time.
//
// Temporary failures do not end a download. The request is repeated after 0.5, 1, 2 and 4 seconds, with a message to
// Progress, before the next address is tried.
//
//	retried                                      not retried
//	408, 425, 429, 500, 502, 503, 504            any other status
//	a connection refused, reset or closed        a host name that does not exist
//	a time-out of the client or the network      a bad certificate or address, a server that stalls
//	a body that is too short, from where it      a body that is too long, a web page instead of
//	broke off, as long as there is progress      the file, a wrong length or checksum
//
// Retry-After, in seconds or as a date, replaces these pauses. If it is more than a minute, the attempt at that address ends
// with an error that says when to try again.
//
// The error is that of ctx if it ends; that of the file system if a file cannot be written (a full disk, say; what has
// arrived is kept); otherwise it says what went wrong with each address: ErrChecksum, ErrStalled, io.ErrUnexpectedEOF for a
// body that was too short, or the server's status.
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

// obtain returns the path of a file found by search, or else fetched into dir if the options allow it.
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
