package fetch

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// A transfer downloads one file from one address into a .part file.
type transfer struct {
	*Fetcher
	file File
	url  string
	part string
	show func(int64) // is called with the number of bytes that have arrived
}

// complete transfers a file and verifies it. A file with the wrong checksum is removed, and requested again if part of it
// came from an earlier run or address.
func (t *transfer) complete(ctx context.Context) error {
	for {
		info, err := os.Stat(t.part)
		whole := err != nil || info.Size() == 0
		if err := t.insist(ctx); err != nil {
			return err
		}
		sum, err := checksum(t.part, asItIs)
		if err != nil || sum == t.file.Sum {
			return local(err)
		}
		if err := os.Remove(t.part); err != nil {
			return local(err)
		}
		if whole {
			return errors.Wrapf(ErrChecksum, "SHA-256 %s, published is %s", sum, t.file.Sum)
		}
	}
}

// resume makes one request, for what is missing in the .part file, and returns nil if the file is complete. It reports
// whether another request may help: something has arrived, or the server refused the rest of the file and can be asked for
// the whole.
func (t *transfer) resume(ctx context.Context) (further bool, err error) {
	file, err := os.OpenFile(t.part, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return false, local(err)
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = local(closeErr)
		}
	}()
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return false, local(err)
	}
	if have == t.file.Size {
		return false, nil
	}
	if have > t.file.Size {
		have = 0
		if err := restart(file); err != nil {
			return false, err
		}
	}
	return t.request(ctx, file, have)
}

// restart empties file.
func restart(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return local(err)
	}
	_, err := file.Seek(0, io.SeekStart)
	return local(err)
}

// request requests the bytes from have on and appends them to file. A watchdog cancels it if nothing arrives.
func (t *transfer) request(ctx context.Context, file *os.File, have int64) (further bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(t.stall(), func() { cancel(ErrStalled) })
	defer watchdog.Stop()
	defer func() {
		if err != nil && context.Cause(ctx) == ErrStalled {
			err = errors.Wrapf(ErrStalled, "for %v", t.stall())
		}
	}()

	response, err := t.get(ctx, have)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	start, err := t.check(response, have)
	refused := errors.Is(err, errRefused)
	if err != nil && !refused {
		return false, err
	}
	if start < have {
		if err := restart(file); err != nil {
			return false, err
		}
	}
	if refused {
		return true, err
	}
	received, err := t.receive(file, response.Body, start, watchdog)
	return received > 0 && !errors.Is(err, ErrChecksum), err
}

// get requests the file from byte number have on.
func (t *transfer) get(ctx context.Context, have int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	// Some servers treat the .gz as a transfer encoding, which the client would undo.
	request.Header.Set("Accept-Encoding", "identity")
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := t.client().Do(request)
	return response, errors.WithStack(err)
}

// errRefused says that a server does not send the rest of a file.
var errRefused = stderrors.New("the server refuses the rest of the file")

// check checks the header of a response and returns the offset at which its body starts.
func (t *transfer) check(r *http.Response, have int64) (start int64, err error) {
	switch {
	case r.StatusCode == http.StatusOK:
	case have > 0 && r.StatusCode == http.StatusPartialContent && t.isRest(r.Header.Get("Content-Range"), have):
		start = have
	case have > 0 && (r.StatusCode == http.StatusPartialContent || r.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		return 0, errors.WithMessage(errRefused, r.Status)
	default:
		return 0, &statusError{code: r.StatusCode, status: r.Status, retryAfter: r.Header.Get("Retry-After")}
	}
	if kind := r.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/html") { // its length may be unknown
		return 0, errors.Wrapf(ErrChecksum, "the server offers a page (%s)", kind)
	}
	if want := t.file.Size - start; r.ContentLength >= 0 && r.ContentLength != want {
		return 0, errors.Wrapf(ErrChecksum, "the server offers %d bytes, published are %d", r.ContentLength, want)
	}
	return start, nil
}

// isRest reports whether a Content-Range is the bytes from have on.
func (t *transfer) isRest(contentRange string, have int64) bool {
	return strings.HasPrefix(contentRange, fmt.Sprintf("bytes %d-%d/", have, t.file.Size-1))
}

// receive appends body to file, which holds have bytes, and returns how many were received. It resets the watchdog as long
// as data arrives.
func (t *transfer) receive(file *os.File, body io.Reader, have int64, watchdog *time.Timer) (received int64, err error) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := body.Read(buffer)
		watchdog.Reset(t.stall())
		if have+received+int64(n) > t.file.Size {
			return received, errors.Wrapf(ErrChecksum, "the server sends more than %d bytes", t.file.Size)
		}
		if _, err := file.Write(buffer[:n]); err != nil {
			return received, local(err)
		}
		received += int64(n)
		t.show(have + received)
		switch {
		case err == io.EOF && have+received == t.file.Size:
			return received, local(file.Sync())
		case err == io.EOF:
			return received, errors.Wrapf(io.ErrUnexpectedEOF, "%d of %d bytes", have+received, t.file.Size)
		case err != nil:
			return received, errors.Wrapf(err, "%d of %d bytes", have+received, t.file.Size)
		}
	}
}
