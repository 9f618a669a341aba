package datasets

import "gorgonia.org/tensor"

// A Pass is one pass over the batches of a [Loader], for one goroutine at a time:
//
//	pass, err := loader.Pass(epoch, 0)
//	defer pass.Close()
//	for pass.Next() {
//		use(pass.Images(), pass.Labels())
//	}
//
// The methods are those of Loader of the same names. A Loader's pass also has a method Whole.
type Pass = interface {
	// Next advances to the next batch and reports whether there is one.
	Next() bool

	// Images returns the batch, valid until the next call of Next or Close.
	Images() *tensor.Dense

	// Labels returns the classes of the batch.
	Labels() []int

	// Valid returns how many images of the batch are new in this pass, on any rank; they come first.
	Valid() int

	// Err returns what ended the pass early, nil at its regular end.
	Err() error

	// Close ends the pass, finished or not.
	Close() error
}

// A pass is the Pass of a Loader.
type pass struct {
	loader *Loader
	order  []int  // the images in the order of this pass
	moves  []move // the augmentation of each, nil for none
	slots  []*slot
	begun  int // the next batch to prepare
	given  int // the next batch to return
	batch  *slot
	err    error
}

func (l *Loader) newPass(epoch, first int) (*pass, error) {
	slots, err := l.takeSlots()
	if err != nil {
		return nil, err
	}
	p := &pass{loader: l, slots: slots, begun: first, given: first}
	p.deal(uint64(epoch))
	for range l.config.Workers {
		p.begin()
	}
	return p, nil
}

// deal draws the order and the augmentation of the pass.
func (p *pass) deal(epoch uint64) {
	n, c := p.loader.data.Len(), p.loader.config
	p.order = make([]int, n)
	for i := range p.order {
		p.order[i] = i
	}
	if c.Shuffle {
		stream("shuffle", c.Seed, epoch).Shuffle(n, func(i, j int) {
			p.order[i], p.order[j] = p.order[j], p.order[i]
		})
	}
	if c.Augment != (Augmentation{}) {
		random := stream("augmentation", c.Seed, epoch)
		p.moves = make([]move, n)
		for i := range p.moves {
			p.moves[i] = c.Augment.draw(random)
		}
	}
}

func (p *pass) Next() bool {
	p.batch = nil
	if p.err != nil || p.given == p.loader.count {
		return false
	}
	p.begin() // in the slot of the previous batch, which is free now
	p.batch = p.slots[p.given%len(p.slots)]
	p.batch.wait()
	p.given++
	return true
}

func (p *pass) Images() *tensor.Dense {
	if p.batch == nil {
		return nil
	}
	return p.batch.images
}

func (p *pass) Labels() []int {
	if p.batch == nil {
		return nil
	}
	return p.batch.labels
}

func (p *pass) Valid() int {
	if p.batch == nil {
		return 0
	}
	return p.batch.valid
}

// Whole is Loader.Whole.
func (p *pass) Whole() bool { return p.batch != nil && p.loader.share.whole(p.given-1) }

func (p *pass) Err() error { return p.err }

func (p *pass) Close() error {
	for ; p.given < p.begun; p.given++ {
		p.slots[p.given%len(p.slots)].wait()
	}
	if p.err == nil {
		p.loader.giveSlots(p.slots)
	}
	p.slots, p.batch, p.err = nil, nil, ErrClosed
	return nil
}

// begin starts preparing the next batch, if any is left.
func (p *pass) begin() {
	if p.begun == p.loader.count {
		return
	}
	p.slots[p.begun%len(p.slots)].begin(p, p.begun)
	p.begun++
}

func (l *Loader) newSlots() []*slot {
	slots := make([]*slot, l.config.Workers+1)
	for i := range slots {
		slots[i] = newSlot(l)
	}
	return slots
}

// takeSlots returns buffers for a pass.
func (l *Loader) takeSlots() ([]*slot, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == ErrClosed {
		return nil, ErrClosed
	}
	if n := len(l.idle); n > 0 {
		slots := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return slots, nil
	}
	return l.newSlots(), nil
}

// giveSlots takes back the buffers of a pass.
func (l *Loader) giveSlots(slots []*slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != ErrClosed {
		l.idle = append(l.idle, slots)
	}
}
