package datasets

import (
	"context"
	stderrors "errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// How often one server is asked for (the rest of) one file, and how long to
// wait in between.
const (
	fetchTries = 10
	fetchPause = 200 * time.Millisecond
)

// fetch brings a file into dir and returns its path.
func (d *Download) fetch(ctx context.Context, dir string, bases []string, f publishedFile) (string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", errors.Wrap(err, "download")
	}
	if d.Mirror != "" {
		bases = append([]string{d.Mirror}, bases...)
	}
	path := filepath.Join(dir, f.name)
	meter := newMeter(d.Progress, f.name, f.size)
	defer meter.stop()
	var failures []error
	for _, base := range bases {
		t := transfer{
			Download: d,
			file:     f,
			url:      strings.TrimSuffix(base, "/") + "/" + f.name,
			part:     path + ".part",
			show:     meter.show,
		}
		err := t.complete(ctx)
		if err == nil {
			err = local(os.Rename(t.part, path))
		}
		if err == nil {
			return path, nil
		}
		failures = append(failures, errors.WithMessage(err, t.url))
		if ctx.Err() != nil || isLocal(err) {
			break
		}
	}
	return "", errors.Wrapf(stderrors.Join(failures...), "download %s", f.name)
}

// complete transfers a file and checks it. A file with the wrong sum is removed,
// and asked for again when a part of it came from an earlier run or address.
func (t *transfer) complete(ctx context.Context) error {
	for {
		info, err := os.Stat(t.part)
		whole := err != nil || info.Size() == 0
		if err := t.insist(ctx); err != nil {
			return err
		}
		sum, err := readPath(t.part, checksum)
		if err != nil || sum == t.file.sum {
			return local(err)
		}
		if err := os.Remove(t.part); err != nil {
			return local(err)
		}
		if whole {
			return errors.Wrapf(ErrChecksum, "SHA-256 %s, published is %s", sum, t.file.sum)
		}
	}
}

// insist asks for a file, and for its rest, while that gets further.
func (t *transfer) insist(ctx context.Context) error {
	for try := 1; ; try++ {
		further, err := t.resume(ctx)
		if err == nil || !further || try == fetchTries || ctx.Err() != nil || isLocal(err) {
			return err
		}
		if err := pause(ctx, fetchPause); err != nil {
			return err
		}
	}
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// A localError is one of this machine's file system, for which another server
// is no remedy.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// local marks err, which may be nil, as a localError.
func local(err error) error {
	if err == nil {
		return nil
	}
	return localError{err}
}

func isLocal(err error) bool {
	var local localError
	return errors.As(err, &local)
}
