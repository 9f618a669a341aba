package distributed

import (
	"sync"
	"testing"
	"time"

	"github.com/pkg/errors"
)

// A post carries messages between worlds in one process, as MPI does between processes: in order for a pair of ranks and a tag.
type post struct {
	mu    sync.Mutex
	boxes map[route][]*letter
}

type route struct{ from, to, tag int }

// letter is a message on its way: sent, or waited for.
type letter struct {
	sent, received []byte
}

// wire is a rank's end of the post.
type wire struct {
	post *post
	rank int
}

func (w wire) find(r route, free func(*letter) bool) *letter {
	for _, l := range w.post.boxes[r] {
		if free(l) {
			return l
		}
	}
	l := new(letter)
	w.post.boxes[r] = append(w.post.boxes[r], l)
	return l
}

func (w wire) send(data []byte, to, tag int) (pending, error) {
	w.post.mu.Lock()
	defer w.post.mu.Unlock()
	l := w.find(route{w.rank, to, tag}, func(l *letter) bool { return l.sent == nil })
	l.sent = append([]byte{}, data...)
	return nil, nil
}

type receipt struct {
	route
	*letter
}

func (w wire) receive(data []byte, from, tag int) (pending, error) {
	w.post.mu.Lock()
	defer w.post.mu.Unlock()
	r := route{from, w.rank, tag}
	l := w.find(r, func(l *letter) bool { return l.received == nil })
	l.received = data
	return receipt{r, l}, nil
}

func (w wire) done(p pending) (bool, error) {
	if p == nil {
		return true, nil
	}
	w.post.mu.Lock()
	defer w.post.mu.Unlock()
	r := p.(receipt)
	if r.sent == nil {
		return false, nil
	}
	if len(r.sent) > len(r.received) {
		return false, errors.Errorf("a message of %d bytes for %d", len(r.sent), len(r.received))
	}
	copy(r.received, r.sent)
	box := w.post.boxes[r.route]
	for i, l := range box {
		if l == r.letter {
			w.post.boxes[r.route] = append(box[:i:i], box[i+1:]...)
		}
	}
	return true, nil
}

func (wire) stop() error { return nil }
func (wire) kill(int)    {}

// ranks runs f as each rank of a world of n, and returns their errors.
func ranks(t *testing.T, n int, timeout time.Duration, f func(w *World) error) []error {
	t.Helper()
	p := &post{boxes: make(map[route][]*letter)}
	errs := make([]error, n)
	var all sync.WaitGroup
	for rank := range n {
		w := &World{rank: rank, size: n, timeout: timeout, block: 4096, wire: wire{p, rank}}
		if err := w.listen(); err != nil {
			t.Fatal(err)
		}
		all.Go(func() { errs[rank] = f(w) })
	}
	all.Wait()
	return errs
}

// everyRank is ranks for an f without an error.
func everyRank(t *testing.T, n int, f func(w *World) error) {
	t.Helper()
	for rank, err := range ranks(t, n, time.Minute, f) {
		if err != nil {
			t.Fatalf("rank %d of %d: %v", rank, n, err)
		}
	}
}
