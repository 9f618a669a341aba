// Package fetch downloads published files: from several addresses, resuming interrupted transfers, once for all programs
// that want a file at the same time, and verified. A file gets its name only when its length and SHA-256 are correct.
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
	// ErrChecksum marks a file whose length or SHA-256 differs from the published one.
	ErrChecksum = stderrors.New("not the published file")

	// ErrStalled is the error of a download from a server that stops sending.
	ErrStalled = stderrors.New("the server sends nothing")
)

// A Fetcher says how files are fetched. The zero value is ready to use. It is safe for concurrent use.
type Fetcher struct {
	Mirror   string        // an address to try before the others, or ""
	Client   *http.Client  // nil for http.DefaultClient
	Progress io.Writer     // a bar on a terminal, lines elsewhere; nil for nothing
	Stall    time.Duration // how long a server may send nothing; 0 for 30 seconds

	// Replaced by tests, which do not wait.
	pause func(context.Context, time.Duration) error
	now   func() time.Time
}

// Check reports invalid fields.
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

// Fetch downloads a file into dir, which it creates if necessary, and returns its path. The file must be directly below each
// of bases, which are tried in turn after the Mirror. If several calls, in this or other processes, want the same file, one
// transfers it and the others wait, on systems with file locks.
//
// The error is that of ctx if it ends; that of the file system if the file cannot be written; otherwise it says what went
// wrong at each address: ErrChecksum, ErrStalled, io.ErrUnexpectedEOF for a body that was too short, or the server's status.
// What has arrived is kept, under the file's name with .part, and a later call requests the rest.
func (f *Fetcher) Fetch(ctx context.Context, dir string, bases []string, file File) (string, error) {
	if _, err := os.Stat(dir); err != nil {
		defer os.Remove(dir) // fails, as intended, unless the folder is empty
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
	if _, err := os.Stat(path); err == nil { // it has arrived while this call was waiting
		return path, file.Verify(path)
	}
	if f.Mirror != "" {
		bases = append([]string{f.Mirror}, bases...)
	}
	return f.fetchAlone(ctx, path, bases, file)
}

// lock waits until this call holds the lock file at path, and returns how to release it. If it has to wait, it calls waiting
// once. On systems without file locks it returns immediately.
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

// A localError is an error of this machine's file system, for which trying another server is no remedy.
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

// wait waits for a time, or until ctx ends.
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
