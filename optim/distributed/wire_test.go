package distributed

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pkg/errors"
)

// A post carries messages between worlds in one process, as MPI does between processes: in order for a pair of ranks and a
// tag, each after a time of its own, small ones from a copy and large ones out of the sender's memory when the receiver is
// ready. Memory is read and written on goroutines of its own, so the race detector finds a world that touches what it has
// given away.
type post struct {
	mu     sync.Mutex
	routes map[route]*traffic
	delay  func() time.Duration // of a message; nil for none
	lost   func(route) bool     // messages that never arrive; nil for none
	failed func(route) bool     // messages that end with an error; nil for none
	over   bool                 // the time of the test: every call fails
	mixed  int                  // receives that began while another one of the same route waited
}

type route struct{ from, to, tag int }

// traffic is the messages of a route that are not carried yet, in order.
type traffic struct {
	sent     []*letter
	expected []*letter
}

// letter is a message, seen from one of its two ends.
type letter struct {
	route
	data     []byte
	eager    bool // data is a copy, and the sender may go on
	arrived  bool
	finished bool
	err      error
}

// errUnreachable is what a library says that knows that a rank has died.
var errUnreachable = errors.New("endpoint timeout")

// eager is how long a message may be to be copied.
const eager = 256

// wire is a rank's end of the post.
type wire struct {
	post *post
	rank int
}

func newPost() *post { return &post{routes: make(map[route]*traffic)} }

func (p *post) traffic(r route) *traffic {
	if p.routes[r] == nil {
		p.routes[r] = new(traffic)
	}
	return p.routes[r]
}

func (w wire) send(data []byte, to, tag int) (pending, error) {
	p, r := w.post, route{w.rank, to, tag}
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &letter{route: r, data: data}
	if p.failed != nil && p.failed(r) {
		return nil, errUnreachable
	}
	if len(data) <= eager {
		l.data, l.eager, l.finished = slices.Clone(data), true, true
	}
	if p.lost != nil && p.lost(r) {
		return l, nil
	}
	t := p.traffic(r)
	t.sent = append(t.sent, l)
	if p.delay == nil {
		l.arrived = true
		t.carry()
		return l, nil
	}
	time.AfterFunc(p.delay(), func() { p.arrive(t) })
	return l, nil
}

// arrive lets the next message of a route arrive.
func (p *post) arrive(t *traffic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range t.sent {
		if !l.arrived {
			l.arrived = true
			break
		}
	}
	t.carry()
}

func (w wire) receive(data []byte, from, tag int) (pending, error) {
	p := w.post
	p.mu.Lock()
	defer p.mu.Unlock()
	r := route{from, w.rank, tag}
	t, l := p.traffic(r), &letter{route: r, data: data}
	if p.failed != nil && p.failed(r) {
		return nil, errUnreachable
	}
	if len(t.expected) > 0 {
		p.mixed++
	}
	t.expected = append(t.expected, l)
	t.carry()
	return l, nil
}

// carry gives the messages that have arrived to those who expect them.
func (t *traffic) carry() {
	for len(t.sent) > 0 && len(t.expected) > 0 && t.sent[0].arrived {
		from, to := t.sent[0], t.expected[0]
		t.sent, t.expected = t.sent[1:], t.expected[1:]
		if len(from.data) > len(to.data) {
			to.err = errors.Errorf("a message of %d bytes for %d", len(from.data), len(to.data))
		}
		copy(to.data, from.data)
		from.finished, to.finished = true, true
	}
}

func (w wire) done(p pending) (bool, error) {
	w.post.mu.Lock()
	defer w.post.mu.Unlock()
	if w.post.over {
		return false, errors.New("the test's time is over")
	}
	l := p.(*letter)
	if !l.finished && w.post.failed != nil && w.post.failed(l.route) {
		return false, errUnreachable
	}
	return l.finished, l.err
}

// unfinished returns how many messages were sent and not received, or expected and not sent.
func (p *post) unfinished() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.routes {
		n += len(t.sent) + len(t.expected)
	}
	return n
}

func (wire) stop() error          { return nil }
func (wire) kill(int)             {}
func (wire) idle(d time.Duration) { time.Sleep(max(d, 1)) }

// world returns a rank's world.
func (p *post) world(t *testing.T, rank, ranks int, timeout time.Duration) *World {
	t.Helper()
	w := &World{rank: rank, size: ranks, hosts: ranks, timeout: timeout, block: 4096, spins: 64, wire: wire{p, rank}}
	if err := w.listen(); err != nil {
		t.Fatal(err)
	}
	return w
}

// run runs f as each rank of a world of n, and returns their errors. A rank that does not come to an end long after its
// timeout fails the test.
func (p *post) run(t *testing.T, n int, timeout time.Duration, f func(w *World) error) []error {
	t.Helper()
	limit := time.AfterFunc(20*timeout+10*moment, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.over = true
		t.Error("not all ranks came to an end")
	})
	defer limit.Stop()
	errs := make([]error, n)
	var all sync.WaitGroup
	for rank := range n {
		w := p.world(t, rank, n, timeout)
		all.Go(func() { errs[rank] = f(w) })
	}
	all.Wait()
	return errs
}

// everyRank is run over a wire without delays, for an f without an error.
func everyRank(t *testing.T, n int, f func(w *World) error) {
	t.Helper()
	for rank, err := range newPost().run(t, n, time.Minute, f) {
		if err != nil {
			t.Fatalf("rank %d of %d: %v", rank, n, err)
		}
	}
}

// slow makes messages late at random, some of them much.
func (p *post) slow(rng *rand.Rand) {
	p.delay = func() time.Duration {
		d := time.Duration(rng.ExpFloat64() * float64(100*time.Microsecond))
		if rng.IntN(20) == 0 {
			d *= 20
		}
		return d
	}
}
