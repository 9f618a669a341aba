package kernel

import "math"

// The transforms of tiles work in two passes, for one channel of a chunk. The pass over rows combines whole lines of the
// images; its other side is a buffer with six lines, stride apart, that hold the rows of tiles one after the other, a pitch
// from each to the next. The pass over columns takes the tiles out of the buffer, or puts them there: four columns for each.
// lines says where the lines that belong to each row of tiles begin in the images.

// inputRows writes B' d for n columns of six lines each. A negative number stands for a line of zeros.
func inputRows(dst []float32, stride, pitch int, src []float32, lines []int, zeros []float32, n int) {
	for at := 0; len(lines) > 0; lines, at = lines[winogradIn:], at+pitch {
		dst := dst[at:]
		s0, s1, s2 := line(src, lines[0], zeros, n), line(src, lines[1], zeros, n), line(src, lines[2], zeros, n)
		s3, s4, s5 := line(src, lines[3], zeros, n), line(src, lines[4], zeros, n), line(src, lines[5], zeros, n)
		t0, t1, t2, t3, t4, t5 := dst[:n], dst[stride:][:n], dst[2*stride:][:n], dst[3*stride:][:n], dst[4*stride:][:n], dst[5*stride:][:n]
		for i := range n {
			t0[i], t1[i], t2[i], t3[i], t4[i], t5[i] = winogradB(s0[i], s1[i], s2[i], s3[i], s4[i], s5[i])
		}
	}
}

func line(src []float32, from int, zeros []float32, n int) []float32 {
	if from < 0 {
		return zeros[:n]
	}
	return src[from:][:n]
}

// inputCols writes the tiles (B' d) B to the 36 planes of dst. Each tile sees a column on either side of its own, the first of
// which are those from src[1] on. Masks say whether there is anything in it, or zeros. It may read what the buffer has behind
// the tiles.
func inputCols(dst []float32, plane int, src []float32, stride int, left, right []uint32) {
	n := len(left)
	for e := range winogradIn {
		src, dst := src[e*stride:], dst[e*winogradIn*plane:]
		t0, t1, t2, t3, t4, t5 := dst[:n], dst[plane:][:n], dst[2*plane:][:n], dst[3*plane:][:n], dst[4*plane:][:n], dst[5*plane:][:n]
		for i := range n {
			d := (*[winogradIn]float32)(src[i*winogradOut:])
			first, last := masked(d[0], left[i]), masked(d[5], right[i])
			t0[i], t1[i], t2[i], t3[i], t4[i], t5[i] = winogradB(first, d[1], d[2], d[3], d[4], last)
		}
	}
}

func masked(x float32, mask uint32) float32 { return math.Float32frombits(math.Float32bits(x) & mask) }

// gradRows writes A dy for n columns of four lines each, as inputRows does.
func gradRows(dst []float32, stride, pitch int, src []float32, lines []int, zeros []float32, n int) {
	for at := 0; len(lines) > 0; lines, at = lines[winogradOut:], at+pitch {
		dst := dst[at:]
		s0, s1, s2, s3 := line(src, lines[0], zeros, n), line(src, lines[1], zeros, n), line(src, lines[2], zeros, n), line(src, lines[3], zeros, n)
		t0, t1, t2, t3, t4, t5 := dst[:n], dst[stride:][:n], dst[2*stride:][:n], dst[3*stride:][:n], dst[4*stride:][:n], dst[5*stride:][:n]
		for i := range n {
			t0[i], t1[i], t2[i], t3[i], t4[i], t5[i] = winogradA(s0[i], s1[i], s2[i], s3[i])
		}
	}
}

// gradCols writes n tiles (A dy) A' to the 36 planes of dst. n is a multiple of sixteen, as for outputCols.
func gradCols(dst []float32, plane int, src []float32, stride, n int) {
	for e := range winogradIn {
		src, dst := src[e*stride:], dst[e*winogradIn*plane:]
		t0, t1, t2, t3, t4, t5 := dst[:n], dst[plane:][:n], dst[2*plane:][:n], dst[3*plane:][:n], dst[4*plane:][:n], dst[5*plane:][:n]
		for i := range n {
			d := (*[winogradOut]float32)(src[i*winogradOut:])
			t0[i], t1[i], t2[i], t3[i], t4[i], t5[i] = winogradA(d[0], d[1], d[2], d[3])
		}
	}
}

// outputCols writes the n tiles of the 36 planes of src, times A, to the lines.
func outputCols(dst []float32, stride int, src []float32, plane, n int) {
	for e := range winogradIn {
		src, dst := src[e*winogradIn*plane:], dst[e*stride:]
		s0, s1, s2, s3, s4, s5 := src[:n], src[plane:][:n], src[2*plane:][:n], src[3*plane:][:n], src[4*plane:][:n], src[5*plane:][:n]
		for i := range n {
			d := (*[winogradOut]float32)(dst[i*winogradOut:])
			d[0], d[1], d[2], d[3] = winogradAT(s0[i], s1[i], s2[i], s3[i], s4[i], s5[i])
		}
	}
}

// outputRows writes A' m plus the bias for n columns, clipped at low from below, to four lines each. Lines are written from
// the last to the first: one that lies outside of its image may name the last one inside.
func outputRows(dst []float32, lines []int, src []float32, stride, pitch, n int, bias, low float32) {
	for at := 0; len(lines) > 0; lines, at = lines[winogradOut:], at+pitch {
		src := src[at:]
		t0, t1, t2, t3 := dst[lines[0]:][:n], dst[lines[1]:][:n], dst[lines[2]:][:n], dst[lines[3]:][:n]
		s0, s1, s2, s3, s4, s5 := src[:n], src[stride:][:n], src[2*stride:][:n], src[3*stride:][:n], src[4*stride:][:n], src[5*stride:][:n]
		for i := range n {
			y0, y1, y2, y3 := winogradAT(s0[i], s1[i], s2[i], s3[i], s4[i], s5[i])
			t3[i], t2[i], t1[i], t0[i] = max(y3+bias, low), max(y2+bias, low), max(y1+bias, low), max(y0+bias, low)
		}
	}
}

// winogradB is B' d.
func winogradB(d0, d1, d2, d3, d4, d5 float32) (t0, t1, t2, t3, t4, t5 float32) {
	a, b := d4-4*d2, d3-4*d1
	c, e := d4-d2, d3-d1
	return c + 4*(d0-d2), a + b, a - b, c + 2*e, c - 2*e, (d5 - d3) - 4*e
}

// winogradA is A y.
func winogradA(y0, y1, y2, y3 float32) (z0, z1, z2, z3, z4, z5 float32) {
	a, b := y0+y2, y1+y3
	c, d := y0+4*y2, y1+4*y3
	return y0, a + b, a - b, c + 2*d, c - 2*d, y3
}

// winogradAT is A' m.
func winogradAT(m0, m1, m2, m3, m4, m5 float32) (y0, y1, y2, y3 float32) {
	a, b := m1+m2, m1-m2
	c, d := m3+m4, m3-m4
	return m0 + a + c, b + 2*d, a + 4*c, b + 8*d + m5
}
