package fetch

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

// How often a server is asked. Requests that make progress do not count as retries.
const (
	maxTries   = 10 // for (the rest of) one file in all
	maxRetries = 4  // in a row without progress

	firstPause    = 500 * time.Millisecond // before the first retry; doubled for each one after
	longestPause  = time.Minute            // longest accepted Retry-After
	progressPause = 200 * time.Millisecond // before the rest of a file is requested
)

// statusError is a response other than the file.
type statusError struct {
	code       int
	status     string
	retryAfter string
}

func (e *statusError) Error() string { return "status " + e.status }

// passes reports whether a failure may be temporary; see datasets.WithDownload for the table.
func passes(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		switch status.code {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
			http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return !dns.IsNotFound
	}
	var timeout net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, ErrStalled) || brokeOff(err)
}

// brokeOff reports whether a connection ended in the middle of a response's header. Package net/http has no error type for
// that.
func brokeOff(err error) bool { return strings.Contains(err.Error(), "transport connection broken") }

// pause returns the time to wait according to the response's Retry-After, in seconds or as a date; zero without one.
func (e *statusError) pause(now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(e.retryAfter, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(e.retryAfter); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// insist requests a file, and the rest of it, as long as there is progress or the failure may be temporary.
func (t *transfer) insist(ctx context.Context) error {
	idle := 0 // requests in a row without progress
	for try := 1; ; try++ {
		further, err := t.resume(ctx)
		if err == nil || try == maxTries || ctx.Err() != nil || isLocal(err) {
			return err
		}
		wait := progressPause
		if further {
			idle = 0
		} else {
			if idle++; idle > maxRetries || !passes(err) {
				return err
			}
			if wait, err = t.backOff(err, idle); err != nil {
				return err
			}
		}
		if err := t.wait(ctx, wait); err != nil {
			return err
		}
	}
}

// backOff returns how long to wait before asking a server again after failure number idle in a row, and prints a message.
func (t *transfer) backOff(fault error, idle int) (time.Duration, error) {
	wait := firstPause << (idle - 1)
	var status *statusError
	if errors.As(fault, &status) {
		if asked := status.pause(t.time()); asked > longestPause {
			return 0, errors.WithMessagef(fault, "the server wants to be asked again in %v", asked.Round(time.Second))
		} else if asked > 0 {
			wait = asked
		}
	}
	if t.Progress != nil {
		fmt.Fprintf(t.Progress, "%s: %v: asking again in %v\n", t.file.Name, fault, wait.Round(time.Millisecond))
	}
	return wait, nil
}

// pause waits for a time, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
