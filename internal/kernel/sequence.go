package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// Images is n images of so many channels and pixels, or n sequences of a position for each pixel.
type Images struct{ N, Channels, Pixels int }

// places are where the pixels of an image begin as positions.
func (m Images) places() []int {
	places := scratchInts.borrow(m.Pixels)
	for i := range places {
		places[i] = i * m.Channels
	}
	return places
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
	l, places := loopsFor[T](), m.places()
	defer scratchInts.giveBack(places)
	m.each(func(at int) { l.toRows(y[at:], places, x[at:], m.Pixels, m.Channels) })
}

// FromSequence is the reverse of ToSequence.
func FromSequence[T Float](m Images, y, x []T) {
	l, places := loopsFor[T](), m.places()
	defer scratchInts.giveBack(places)
	m.each(func(at int) { l.fromRows(y[at:], m.Pixels, m.Channels, x[at:], places) })
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
