package kernel

// im2col writes rows k0 to k1 of the matrix whose product with the weights is
// the convolution, for the rows of output from r0 to r1. Row k of the matrix
// stands for element (c, i, j) of the window, k = (c*KH + i)*KW + j, and holds
// what that element sees at each place of the output. dst has ld elements
// between rows; x is one image (C, H, W).
func im2col[T Float](dst []T, ld int, x []T, w Window, k0, k1, r0, r1 int) {
	outW := w.OutW()
	for k := k0; k < k1; k++ {
		row := dst[(k-k0)*ld:][:(r1-r0)*outW]
		plane := x[k/(w.KH*w.KW)*w.H*w.W:][:w.H*w.W]
		i, j := k/w.KW%w.KH, k%w.KW
		lo, hi := clip(w.OutH(), w.H, w.SH, w.PH, i)
		lo, hi = min(max(lo, r0), r1), max(min(hi, r1), r0)
		left, right := clip(outW, w.W, w.SW, w.PW, j)
		if lo >= hi || left >= right {
			clear(row)
			continue
		}
		clear(row[:(lo-r0)*outW])
		clear(row[(hi-r0)*outW:])
		row = row[(lo-r0)*outW : (hi-r0)*outW]
		from := (lo*w.SH+i-w.PH)*w.W + j - w.PW // in plane, of column 0
		switch {
		case w.SH == 1 && w.SW == 1 && outW == w.W:
			shiftPlane(row, plane, from, outW, left, right)
		case w.SW == 1:
			for ; len(row) > 0; row, from = row[outW:], from+w.SH*w.W {
				clear(row[:left])
				copy(row[left:right], plane[from+left:])
				clear(row[right:outW])
			}
		default:
			for ; len(row) > 0; row, from = row[outW:], from+w.SH*w.W {
				clear(row[:left])
				for p := left; p < right; p++ {
					row[p] = plane[from+p*w.SW]
				}
				clear(row[right:outW])
			}
		}
	}
}

// shiftPlane fills rows of the width of the plane, whose first column comes
// from plane[from] (which may lie before it): one move for all of them, and then
// the columns outside of left to right are cleared.
func shiftPlane[T Float](row, plane []T, from, width, left, right int) {
	copy(row[left:], plane[from+left:from+len(row)-width+right])
	for ; len(row) > 0; row = row[width:] {
		clear(row[:left])
		clear(row[right:width])
	}
}

// col2im is the adjoint of im2col: it adds what im2col would have copied from x
// back into x.
func col2im[T Float](x []T, cols []T, ld int, w Window, k0, k1, r0, r1 int) {
	outW := w.OutW()
	for k := k0; k < k1; k++ {
		row := cols[(k-k0)*ld:][:(r1-r0)*outW]
		plane := x[k/(w.KH*w.KW)*w.H*w.W:][:w.H*w.W]
		i, j := k/w.KW%w.KH, k%w.KW
		lo, hi := clip(w.OutH(), w.H, w.SH, w.PH, i)
		left, right := clip(outW, w.W, w.SW, w.PW, j)
		if left >= right {
			continue
		}
		for r := max(lo, r0); r < min(hi, r1); r++ {
			src := row[(r-r0)*outW:][left:right]
			from := (r*w.SH+i-w.PH)*w.W + left*w.SW + j - w.PW
			if w.SW == 1 {
				dst := plane[from:][:len(src)]
				for p, v := range src {
					dst[p] += v
				}
				continue
			}
			for _, v := range src {
				plane[from] += v
				from += w.SW
			}
		}
	}
}
