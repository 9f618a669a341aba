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

// Prepend writes a row, and behind it the positions of x, to each sequence of y, (N, 1+Pixels, Channels).
func Prepend[T Float](m Images, y, x, row []T) {
	m.each(func(at int) {
		sequence := y[at+at/m.Pixels:][:(m.Pixels+1)*m.Channels]
		copy(sequence, row[:m.Channels])
		copy(sequence[m.Channels:], x[at:])
	})
}

// PrependGradX writes the gradient with respect to the x of [Prepend] to dx.
func PrependGradX[T Float](m Images, dx, dy []T) {
	m.each(func(at int) { copy(dx[at:][:m.Pixels*m.Channels], dy[at+at/m.Pixels+m.Channels:]) })
}

// PrependGradRow writes the gradient with respect to the row of [Prepend] to drow: the sum, in order, over the sequences.
func PrependGradRow[T Float](m Images, drow, dy []T) {
	clear(drow)
	for i := range m.N {
		accumulate(drow, dy[i*(m.Pixels+1)*m.Channels:])
	}
}

// FirstRows writes the first position of each sequence of x to y, (N, Channels).
func FirstRows[T Float](m Images, y, x []T) {
	m.each(func(at int) { copy(y[at/m.Pixels:][:m.Channels], x[at:]) })
}

// FirstRowsGrad writes dy to the first positions of dx, and zero to the others.
func FirstRowsGrad[T Float](m Images, dx, dy []T) {
	m.each(func(at int) {
		sequence := dx[at:][:m.Pixels*m.Channels]
		clear(sequence[copy(sequence, dy[at/m.Pixels:][:m.Channels]):])
	})
}
