package kernel

// AddRow adds the vector b to each of the rows of y (rows, len(b)), and clips
// the sums at zero from below when relu is set. A nil b adds nothing; cols is
// the length of a row.
func AddRow[T Float](y, b []T, cols int, relu bool) {
	switch {
	case b != nil && relu:
		for ; len(y) > 0; y = y[cols:] {
			row := y[:len(b)]
			for j, v := range b {
				row[j] = max(row[j]+v, 0)
			}
		}
	case b != nil:
		for ; len(y) > 0; y = y[cols:] {
			row := y[:len(b)]
			for j, v := range b {
				row[j] += v
			}
		}
	case relu:
		ReLU(y, y)
	}
}

// SumRows writes the sum of the rows of x (rows, len(dst)) to dst.
func SumRows[T Float](dst, x []T) {
	clear(dst)
	for ; len(x) > 0; x = x[len(dst):] {
		row := x[:len(dst)]
		for j, v := range row {
			dst[j] += v
		}
	}
}
