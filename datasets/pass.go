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

// A slot holds one batch while it is prepared and while it is in use. Its buffers are allocated once.
type slot struct {
	full  *tensor.Dense // as many images as the largest batch has
	short *tensor.Dense // a view of the first images of full, as many as a smaller last batch has; nil if there is none
	write func(i int, pixels []byte)
	moved []byte        // scratch for one augmented image
	ready chan struct{} // receives a value when a batch is ready

	images *tensor.Dense // the batch: full or short
	labels []int
	valid  int
}

// newSlot makes a slot for a loader whose other fields are set.
func newSlot(l *Loader) *slot {
	capacity := l.share.capacity()
	s := &slot{
		full:   tensor.New(tensor.Of(l.config.Dtype), tensor.WithShape(l.batchShape(capacity)...)),
		moved:  make([]byte, l.data.shape.Size()),
		ready:  make(chan struct{}, 1),
		labels: make([]int, capacity),
	}
	switch values := s.full.Data().(type) {
	case []float32:
		s.short = shortTensor(l, values)
		s.write = writer(values, l.tables.float32)
	case []float64:
		s.short = shortTensor(l, values)
		s.write = writer(values, l.tables.float64)
	}
	return s
}

// shortTensor returns a tensor of the images of the last batch in the buffer of the largest, or nil if it is as large.
func shortTensor[T float32 | float64](l *Loader, values []T) *tensor.Dense {
	if l.count == 0 || l.share.size(l.count-1) == l.share.capacity() {
		return nil
	}
	shape := l.batchShape(l.share.size(l.count - 1))
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values[:shape.TotalSize()]))
}

// writer returns the function that writes image i of a batch.
func writer[T float32 | float64](values []T, tables [][256]T) func(i int, pixels []byte) {
	return func(i int, pixels []byte) {
		convert(values[i*len(pixels):(i+1)*len(pixels)], pixels, tables)
	}
}

// wait returns when the batch in preparation is ready.
func (s *slot) wait() { <-s.ready }

// begin starts preparing batch number batch of the pass.
func (s *slot) begin(p *pass, batch int) {
	share := p.loader.share
	n, first := share.size(batch), share.first(batch)
	s.valid = share.valid(batch)
	s.images = s.full
	if n < share.capacity() {
		s.images = s.short
	}
	s.labels = s.labels[:n]
	go func() {
		for i := range s.labels {
			s.prepare(p, i, (first+i)%len(p.order))
		}
		s.ready <- struct{}{}
	}()
}

// prepare writes the image at the given position of the pass to index i of the batch.
func (s *slot) prepare(p *pass, i, position int) {
	data := p.loader.data
	image := p.order[position]
	pixels := data.images[image]
	if p.moves != nil {
		p.loader.config.Augment.apply(s.moved, pixels, data.shape, p.moves[position])
		pixels = s.moved
	}
	s.write(i, pixels)
	s.labels[i] = data.labels[image]
}
