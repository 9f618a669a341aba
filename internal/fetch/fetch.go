// Package fetch downloads published files: from several addresses, resuming what broke off, once for all programs that ask
// at the same time, and checked. A file has its name only when its length and SHA-256 are right.
package fetch

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/layernoise/layernoise/internal/lockfile"
	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/pkg/errors"
)

var (
	// ErrChecksum marks a file whose length or SHA-256 is not that of the published one.
	ErrChecksum = stderrors.New("not the published file")

	// ErrStalled is the error of a download from a server that sends nothing.
	ErrStalled = stderrors.New("the server sends nothing")
)

// A Fetcher says how files are fetched. The zero value is ready to use. Several goroutines may use one.
type Fetcher struct {
	Mirror   string        // an address to try before the others, or ""
	Client   *http.Client  // nil for http.DefaultClient
	Progress io.Writer     // a bar on a terminal, lines elsewhere; nil for nothing
	Stall    time.Duration // how long a server may send nothing; 0 for 30 seconds

	// Of the tests, which do not wait.
	pause func(context.Context, time.Duration) error
	now   func() time.Time
}

// Check looks for what is wrong with the fields.
func (f *Fetcher) Check() error {
	if f.Stall < 0 {
		return errors.Errorf("download: Stall is %v", f.Stall)
	}
	if f.Mirror == "" {
		return nil
	}
	mirror, err := url.Parse(f.Mirror)
	if err != nil {
		return errors.Wrap(err, "download: Mirror")
	}
	if mirror.Scheme != "http" && mirror.Scheme != "https" || mirror.Host == "" {
		return errors.Errorf("download: Mirror %q is no http or https address", f.Mirror)
	}
	return nil
}

// Fetch brings a file into dir, which it makes if need be, and returns its path. The file lies directly below each of bases,
// which are tried in turn after the Mirror. Of several calls for one file, in this process and in others, one transfers it
// and the others wait, where files can be locked.
//
// The error is that of ctx when it ends, that of the file system when the file cannot be written, and otherwise what went
// wrong at each address: ErrChecksum, ErrStalled, io.ErrUnexpectedEOF for a body that was too short, or the server's status.
// What has arrived is kept, under the file's name with .part, and a later call asks for the rest.
func (f *Fetcher) Fetch(ctx context.Context, dir string, bases []string, file File) (string, error) {
	if _, err := os.Stat(dir); err != nil {
		defer os.Remove(dir) // which leaves a folder alone that holds something
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", errors.Wrap(err, "download")
	}
	path := filepath.Join(dir, file.Name)
	unlock, err := lock(ctx, path+".lock", func() {
		if f.Progress != nil {
			fmt.Fprintf(f.Progress, "%s: waiting for another download of it\n", file.Name)
		}
	})
	if err != nil {
		return "", errors.Wrapf(err, "download %s", file.Name)
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil { // it has come while this call was waiting
		return path, file.Verify(path)
	}
	if f.Mirror != "" {
		bases = append([]string{f.Mirror}, bases...)
	}
	return f.fetchAlone(ctx, path, bases, file)
}

// lock waits until this call alone holds the lock file at path, and returns how to give it back. Once, if it has to wait, it
// calls waiting. Where files cannot be locked it returns at once.
func lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	for waited := false; ; {
		if unlock, err = lockfile.Try(path); unlock != nil || err != nil {
			return unlock, err
		}
		if !waited {
			waited = true
			waiting()
		}
		if err := pause(ctx, firstPause); err != nil {
			return nil, err
		}
	}
}

// fetchAlone is Fetch under the lock.
func (f *Fetcher) fetchAlone(ctx context.Context, path string, bases []string, file File) (string, error) {
	meter := newMeter(f.Progress, file.Name, file.Size)
	defer meter.stop()
	var failures []error
	for _, base := range bases {
		t := transfer{
			Fetcher: f,
			file:    file,
			url:     strings.TrimSuffix(base, "/") + "/" + file.Name,
			part:    path + ".part",
			show:    meter.show,
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
	return "", errors.Wrapf(stderrors.Join(failures...), "download %s", file.Name)
}

// removeEmpty removes a file in which nothing has arrived.
func removeEmpty(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		os.Remove(path)
	}
}

// A localError is one of this machine's file system, for which another server is no remedy.
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

func (f *Fetcher) client() *http.Client {
	if f.Client == nil {
		return http.DefaultClient
	}
	return f.Client
}

func (f *Fetcher) stall() time.Duration {
	if f.Stall == 0 {
		return 30 * time.Second
	}
	return f.Stall
}

// wait waits, unless ctx ends before.
func (f *Fetcher) wait(ctx context.Context, p time.Duration) error {
	if f.pause != nil {
		return f.pause(ctx, p)
	}
	return pause(ctx, p)
}

func (f *Fetcher) time() time.Time {
	if f.now != nil {
		return f.now()
	}
	return time.Now()
}
