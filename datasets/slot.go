package datasets

import (
	"gorgonia.org/tensor"
)

// A slot holds one batch while it is prepared and while it is in use. Its buffers are allocated once.
type slot struct {
	full  *tensor.Dense // Batch images
	short *tensor.Dense // a view of the first images of full, as many as a short last batch has
	write func(i int, pixels []byte)
	moved []byte        // scratch for one augmented image
	ready chan struct{} // receives a value when a batch is ready

	images *tensor.Dense // the batch: full or short
	labels []int
	valid  int
}

// newSlot makes a slot for a loader whose other fields are set.
func newSlot(l *Loader) *slot {
	s := &slot{
		full:   tensor.New(tensor.Of(l.config.Dtype), tensor.WithShape(l.batchShape(l.config.Batch)...)),
		moved:  make([]byte, l.data.shape.Size()),
		ready:  make(chan struct{}, 1),
		labels: make([]int, l.config.Batch),
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

// shortTensor returns a tensor of the images of a short last batch, in the buffer of a full one, or nil if there is no short
// batch.
func shortTensor[T float32 | float64](l *Loader, values []T) *tensor.Dense {
	n := 0
	if l.count > 0 {
		n = l.share.size(l.count - 1)
	}
	if n == 0 || n == l.config.Batch {
		return nil
	}
	shape := l.batchShape(n)
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
	if n < p.loader.config.Batch {
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
