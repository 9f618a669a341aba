package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// Gather copies the rows of table, of so many columns, that have the numbers in at to y.
func Gather[T Float](y, table []T, at []int, cols int) {
	parallel.For(len(at), 1+1<<14/cols, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			copy(y[i*cols:][:cols], table[at[i]*cols:])
		}
	})
}

// Scatter is the gradient of [Gather]: it writes to each row of dtable the sum, in order, of the rows of dy that were copied
// from it. Processors share the columns.
func Scatter[T Float](dtable, dy []T, at []int, cols int) {
	clear(dtable)
	parallel.For(cols, 1+1<<16/(len(at)+1), func(lo, hi int) {
		for i, row := range at {
			accumulate(dtable[row*cols+lo:row*cols+hi], dy[i*cols+lo:])
		}
	})
}

// AddRows adds the vector b, which may be longer than a row, to each of the rows of x, of so many columns, and writes the sums
// to y.
func AddRows[T Float](y, x, b []T, cols int) {
	l, low := loopsFor[T](), lowest[T](false)
	parallel.For(len(x)/cols, 1+1<<14/cols, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			l.sumClip(y[i*cols:][:cols], x[i*cols:][:cols], b[:cols], low)
		}
	})
}
