package datasets

import (
	"context"
	stderrors "errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/pkg/errors"
)

// fetch brings a file into dir and returns its path. Of several calls for one
// file, in this process and in others, one transfers it and the others wait.
func (d *Download) fetch(ctx context.Context, dir string, bases []string, f publishedFile) (string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", errors.Wrap(err, "download")
	}
	path := filepath.Join(dir, f.name)
	unlock, err := lockPath(ctx, path+".lock", func() {
		if d.Progress != nil {
			fmt.Fprintf(d.Progress, "%s: waiting for another download of it\n", f.name)
		}
	})
	if err != nil {
		return "", errors.Wrapf(err, "download %s", f.name)
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil { // it has come while this call was waiting
		return path, f.verify(path)
	}
	if d.Mirror != "" {
		bases = append([]string{d.Mirror}, bases...)
	}
	return d.fetchAlone(ctx, path, bases, f)
}

// fetchAlone is fetch without others that do the same.
func (d *Download) fetchAlone(ctx context.Context, path string, bases []string, f publishedFile) (string, error) {
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
			err = local(outfile.Rename(t.part, path))
		}
		if err == nil {
			return path, nil
		}
		failures = append(failures, errors.WithMessage(err, t.url))
		if ctx.Err() != nil || isLocal(err) {
			break
		}
	}
	removeEmpty(path + ".part")
	return "", errors.Wrapf(stderrors.Join(failures...), "download %s", f.name)
}

// removeEmpty removes a file in which nothing has arrived.
func removeEmpty(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		os.Remove(path)
	}
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
