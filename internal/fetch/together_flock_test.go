//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package fetch

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestFetchTogether fetches one file by several concurrent calls: one request is made, and if its connection breaks half
// way, one for the rest.
func TestFetchTogether(t *testing.T) {
	content, f := testFile(t)
	dir := t.TempDir()
	begun, more := make(chan bool), make(chan bool)
	server := newServer(t, content, func(w http.ResponseWriter, r *http.Request, content []byte) {
		close(begun)
		<-more
		drops(50000)(w, r, content)
	}, good)
	fetch := func(d Fetcher) {
		path, err := d.Fetch(t.Context(), dir, []string{server.URL}, f)
		if want := filepath.Join(dir, "file.gz"); err != nil || path != want {
			t.Errorf("path %q, error %v, want %q", path, err, want)
		}
	}
	var calls sync.WaitGroup
	calls.Go(func() { fetch(Fetcher{}) })
	<-begun
	waiting := make(chan string, 100)
	for range 3 {
		calls.Go(func() { fetch(Fetcher{Progress: lineWriter(waiting)}) })
	}
	for range 3 {
		if line := <-waiting; line != "file.gz: waiting for another download of it\n" {
			t.Errorf("progress %q", line)
		}
	}
	close(more)
	calls.Wait()
	checkFetched(t, dir, filepath.Join(dir, "file.gz"), content)
	if got := server.asked(); !slices.Equal(got, []string{"", "bytes=50000-"}) {
		t.Errorf("asked for %q", got)
	}
	if len(waiting) > 0 {
		t.Errorf("progress %q of a call that waited only", <-waiting)
	}
}

// A lineWriter sends each line that is written to it.
type lineWriter chan<- string

func (w lineWriter) Write(line []byte) (int, error) {
	w <- string(line)
	return len(line), nil
}

// TestFetchWaitCancelled ends the context of a waiting call, and lets the next one continue after a failure.
func TestFetchWaitCancelled(t *testing.T) {
	content, f := testFile(t)
	dir := t.TempDir()
	unlock, err := lock(t.Context(), filepath.Join(dir, "file.gz.lock"), func() {})
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, content, good)
	ctx, cancel := context.WithCancel(t.Context())
	d := Fetcher{Progress: writerFunc(cancel)}
	if path, err := d.Fetch(ctx, dir, []string{server.URL}, f); !errors.Is(err, context.Canceled) || path != "" {
		t.Errorf("path %q, error %v", path, err)
	}
	if got := server.asked(); got != nil {
		t.Errorf("asked for %q", got)
	}
	unlock()
	var lines bytes.Buffer
	path, err := (&Fetcher{Progress: &lines}).Fetch(t.Context(), dir, []string{server.URL}, f)
	if err != nil {
		t.Fatal(err)
	}
	checkFetched(t, dir, path, content)
	if strings.Contains(lines.String(), "waiting") {
		t.Errorf("progress %q, and nobody else was at it", &lines)
	}
}
