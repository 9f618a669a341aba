package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// Images is n images of so many channels and pixels, or n sequences of a position for each pixel.
type Images struct{ N, Channels, Pixels int }

// starts are where the pixels of an image begin as positions.
func (m Images) starts() []int {
	starts := scratchInts.borrow(m.Pixels)
	for i := range starts {
		starts[i] = i * m.Channels
	}
	return starts
}

// each calls f for each image, with where its numbers begin.
func (m Images) each(f func(at int)) {
	size := m.Channels * m.Pixels
	parallel.For(m.N, 1+1<<14/size, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i * size)
		}
	})
}

// ToSequence writes images (N, Channels, Pixels) to y as sequences (N, Pixels, Channels).
func ToSequence[T Float](m Images, y, x []T) {
	l, starts := loopsFor[T](), m.starts()
	defer scratchInts.giveBack(starts)
	m.each(func(at int) { l.toChannelsLast(y[at:], starts, x[at:], m.Pixels, m.Channels) })
}

// FromSequence is the reverse of ToSequence.
func FromSequence[T Float](m Images, y, x []T) {
	l, starts := loopsFor[T](), m.starts()
	defer scratchInts.giveBack(starts)
	m.each(func(at int) { l.fromChannelsLast(y[at:], m.Pixels, m.Channels, x[at:], starts) })
}

// MeanRows writes the mean of the rows of each sequence of x to y, (N, Channels).
func MeanRows[T Float](m Images, y, x []T) {
	l, scale := loopsFor[T](), 1/T(m.Pixels)
	m.each(func(at int) {
		row := y[at/m.Pixels:][:m.Channels]
		SumRows(row, x[at:][:m.Channels*m.Pixels])
		l.times(row, row, scale)
	})
}

// SpreadRows writes to all rows of the sequences of dx what they have of dy: the gradient of MeanRows.
func SpreadRows[T Float](m Images, dx, dy []T) {
	l, scale := loopsFor[T](), 1/T(m.Pixels)
	m.each(func(at int) {
		row := dy[at/m.Pixels:][:m.Channels]
		for i := range m.Pixels {
			l.times(dx[at+i*m.Channels:][:m.Channels], row, scale)
		}
	})
}
