package kernel

import "github.com/layernoise/layernoise/internal/parallel"

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
	const vectors = 64 // whole ones of any set of instructions, and lines of the cache
	rows := len(x) / max(1, len(dst))
	grain := max(1, 1<<15/max(1, vectors*rows)) // of so many columns
	parallel.For((len(dst)+vectors-1)/vectors, grain, func(lo, hi int) {
		sumColumns(dst, x, lo*vectors, min(hi*vectors, len(dst)))
	})
}

// sumColumns writes the sums of the columns from lo to hi.
func sumColumns[T Float](dst, x []T, lo, hi int) {
	sum := dst[lo:hi]
	clear(sum)
	for i := lo; i < len(x); i += len(dst) {
		accumulate(sum, x[i:])
	}
}
