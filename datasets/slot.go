package datasets

import (
	"gorgonia.org/tensor"
)

// A slot holds one batch while it is prepared and while it is in use.
type slot struct {
	full   *tensor.Dense // buffer of Batch images
	images *tensor.Dense // the batch: full, or a shorter view of it
	labels []int
	valid  int
	moved  []byte        // scratch for one augmented image
	ready  chan struct{} // holds a value when a preparation has ended
}

func newSlot(c LoaderConfig, shape Shape) *slot {
	return &slot{
		full:   tensor.New(tensor.Of(c.DType), tensor.WithShape(batchShape(c, shape, c.Batch)...)),
		labels: make([]int, c.Batch),
		moved:  make([]byte, shape.Size()),
		ready:  make(chan struct{}, 1),
	}
}

// batchShape is the shape of a tensor of n images.
func batchShape(c LoaderConfig, s Shape, n int) tensor.Shape {
	if c.Flat {
		return tensor.Shape{n, s.Size()}
	}
	return tensor.Shape{n, s.Channels, s.Height, s.Width}
}

// wait returns when the preparation that was begun last has ended.
func (s *slot) wait() { <-s.ready }

// begin starts the preparation of the batch whose first image is the one at
// position first of the pass.
func (s *slot) begin(l *Loader, first int) {
	valid := min(l.config.Batch, len(l.order)-first)
	n := valid
	if l.config.Last == LastPad {
		n = l.config.Batch
	}
	s.resize(l, n)
	s.valid = valid
	go func() {
		for i := range n {
			s.prepare(l, i, (first+i)%len(l.order))
		}
		s.ready <- struct{}{}
	}()
}

// resize makes the slot one of n images.
func (s *slot) resize(l *Loader, n int) {
	s.labels = s.labels[:n]
	if n == l.config.Batch {
		s.images = s.full
		return
	}
	shape := batchShape(l.config, l.data.shape, n)
	switch buffer := s.full.Data().(type) {
	case []float32:
		s.images = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(buffer[:shape.TotalSize()]))
	case []float64:
		s.images = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(buffer[:shape.TotalSize()]))
	}
}

// prepare writes the image at a position of the pass into place i of the batch.
func (s *slot) prepare(l *Loader, i, position int) {
	image := l.order[position]
	pixels, size := l.data.images[image], l.data.shape.Size()
	s.labels[i] = l.data.labels[image]
	if l.moves != nil {
		l.config.Augment.apply(s.moved, pixels, l.data.shape, l.moves[position])
		pixels = s.moved
	}
	switch buffer := s.full.Data().(type) {
	case []float32:
		convert(buffer[i*size:(i+1)*size], pixels, l.tables.float32)
	case []float64:
		convert(buffer[i*size:(i+1)*size], pixels, l.tables.float64)
	}
}
