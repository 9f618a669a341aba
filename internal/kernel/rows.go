package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// AddRow adds the vector b to each of the rows of y (rows, len(b)), and clips
// the sums at zero from below when relu is set. A nil b adds nothing; cols is
// the length of a row.
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

// SumRows writes the sum of the rows of x (rows, len(dst)) to dst.
func SumRows[T Float](dst, x []T) {
	clear(dst)
	for ; len(x) > 0; x = x[len(dst):] {
		accumulate(dst, x)
	}
}
