package kernel

import (
	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/layernoise/layernoise/internal/parallel"
)

// AddRow adds the vector b to each of the rows of y (rows, len(b)), and clips the sums at zero from below when relu is set.
// A nil b adds nothing; cols is the length of a row.
func AddRow[T Float](y, b []T, cols int, relu bool) {
	switch {
	case b != nil:
		l, low := loopsFor[T](), lowest[T](relu)
		parallel.For(len(y)/cols, 1+1<<14/cols, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				row := y[i*cols:][:cols]
				l.sumClip(row, row, b, low)
			}
		})
	case relu:
		ReLU(y, y)
	}
}

// SumRows writes the sum of the rows of x (rows, len(dst)) to dst. Each column is one sum, from the first row to the last.
func SumRows[T Float](dst, x []T) {
	eachColumns(len(dst), len(x), func(lo, hi int) {
		sum := dst[lo:hi]
		clear(sum)
		for i := lo; i < len(x); i += len(dst) {
			accumulate(sum, x[i:])
		}
	})
}

// MultiplyRows multiplies the elements of z (rows, len(sums)) by those of y and writes the sums of the rows to sums, as SumRows
// does. A nil sums is none.
func MultiplyRows[T Float](z, sums, y []T) {
	if sums == nil {
		Multiply(z, z, y)
		return
	}
	product := elementary.LoopsFor[T]().Product
	eachColumns(len(sums), len(z), func(lo, hi int) {
		sum := sums[lo:hi]
		clear(sum)
		for i := lo; i < len(z); i += len(sums) {
			row := z[i:][:hi-lo]
			product(row, row, y[i:][:hi-lo])
			accumulate(sum, row)
		}
	})
}

// eachColumns calls f for ranges of the columns of a matrix of so many elements, at once where there are processors.
func eachColumns(cols, elements int, f func(lo, hi int)) {
	const vectors = 64 // whole ones of any set of instructions, and lines of the cache
	rows := elements / max(1, cols)
	grain := max(1, 1<<15/max(1, vectors*rows)) // of so many columns
	parallel.For((cols+vectors-1)/vectors, grain, func(lo, hi int) { f(lo*vectors, min(hi*vectors, cols)) })
}
