package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// once uses a manner for the first request and then serves correctly.
func once(m manner) []manner { return []manner{m, good} }

// resets closes the connection, with a reset, after n bytes of the body; before the header if n is negative.
func resets(n int) manner {
	return func(w http.ResponseWriter, r *http.Request, content []byte) {
		if n >= 0 {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.WriteHeader(http.StatusOK)
			w.Write(content[:n])
			w.(http.Flusher).Flush()
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
}

// closes sends the beginning of an answer and closes the connection.
func closes(begin string) manner {
	return func(w http.ResponseWriter, r *http.Request, content []byte) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(c, strings.ReplaceAll(begin, "SIZE", fmt.Sprint(len(content))))
		c.Close()
	}
}

// busy answers with a status and a Retry-After.
func busy(status int, retryAfter string) manner {
	return func(w http.ResponseWriter, r *http.Request, content []byte) {
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(status)
	}
}

// TestFault has servers that fail once, in every way, and then succeed: it checks which failures are retried, how often, and
// after which pauses.
func TestFault(t *testing.T) {
	content, f := testFile(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	type fault struct {
		manners []manner
		pauses  []time.Duration // nil where the first answer is the end
		want    string          // of the error then
	}
	faults := map[string]fault{
		"reset before the answer":      {once(resets(-1)), []time.Duration{firstPause}, ""},
		"reset before the first byte":  {once(resets(0)), []time.Duration{firstPause}, ""},
		"closed in the status line":    {once(closes("HTTP/1.1 2")), []time.Duration{firstPause}, ""},
		"closed in the head":           {once(closes("HTTP/1.1 200 OK\r\nContent-Le")), []time.Duration{firstPause}, ""},
		"closed after the head":        {once(closes("HTTP/1.1 200 OK\r\nContent-Length: SIZE\r\n\r\n")), []time.Duration{firstPause}, ""},
		"reset half way":               {once(resets(1000)), []time.Duration{progressPause}, ""},
		"short body":                   {once(drops(1000)), []time.Duration{progressPause}, ""},
		"long body":                    {once(chunked(len(content) + 100)), nil, "more than"},
		"slow, but never silent":       {once(trickles), []time.Duration{}, ""},
		"Retry-After in seconds":       {once(busy(429, "7")), []time.Duration{7 * time.Second}, ""},
		"Retry-After as a date":        {once(busy(503, now.Add(9*time.Second).Format(http.TimeFormat))), []time.Duration{9 * time.Second}, ""},
		"Retry-After that is past":     {once(busy(503, now.Add(-time.Hour).Format(http.TimeFormat))), []time.Duration{firstPause}, ""},
		"Retry-After that is nonsense": {once(busy(503, "soon")), []time.Duration{firstPause}, ""},
		"Retry-After of an hour":       {once(busy(503, "3600")), nil, "wants to be asked again in 1h0m0s"},
		"Retry-After for ever":         {once(busy(503, "99999999999999999999")), []time.Duration{firstPause}, ""},
		"Retry-After of a 404":         {once(busy(404, "1")), nil, "404"},
		"three faults in a row": {[]manner{busy(503, ""), busy(504, ""), busy(502, ""), good},
			[]time.Duration{firstPause, 2 * firstPause, 4 * firstPause}, ""},
		"faults with progress in between": {[]manner{busy(503, ""), drops(1000), busy(500, ""), good},
			[]time.Duration{firstPause, progressPause, firstPause}, ""},
	}
	again := []int{408, 425, 429, 500, 502, 503, 504}
	for status := 400; status < 600; status++ {
		c := fault{manners: once(busy(status, ""))}
		if slices.Contains(again, status) {
			c.pauses = []time.Duration{firstPause}
		} else {
			c.want = fmt.Sprint("status ", status)
		}
		faults[fmt.Sprint("status ", status)] = c
	}
	for name, c := range faults {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, content, c.manners...)
			var said bytes.Buffer
			pauses := []time.Duration{}
			d := Fetcher{Stall: time.Second, Progress: &said, now: func() time.Time { return now },
				pause: func(ctx context.Context, p time.Duration) error { pauses = append(pauses, p); return ctx.Err() }}
			path, err := d.Fetch(t.Context(), t.TempDir(), []string{server.URL}, f)
			if c.pauses == nil {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), server.URL) || len(pauses) > 0 {
					t.Errorf("path %q, error %v after pauses %v, want one with %q at once", path, err, pauses, c.want)
				}
				return
			}
			if err != nil || !slices.Equal(pauses, c.pauses) {
				t.Fatalf("error %v, pauses %v, want %v", err, pauses, c.pauses)
			}
			for _, p := range pauses {
				if told := fmt.Sprint("asking again in ", p); p != progressPause && !strings.Contains(said.String(), told) {
					t.Errorf("nobody was told %q: %q", told, said.String())
				}
			}
		})
	}
}

// TestFaultCancelled: cancelling ends a pause immediately.
func TestFaultCancelled(t *testing.T) {
	content, f := testFile(t)
	server := newServer(t, content, busy(503, "50"))
	ctx, cancel := context.WithCancel(t.Context())
	d := Fetcher{Progress: writerFunc(cancel)}
	began := make(chan error, 1)
	go func() {
		_, err := d.Fetch(ctx, t.TempDir(), []string{server.URL}, f)
		began <- err
	}()
	select {
	case err := <-began:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	case <-time.After(30 * time.Second):
		t.Error("the download went on waiting")
	}
}

// writerFunc is called for each line that is written to it.
type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}
