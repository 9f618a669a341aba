package kernel

// A word of picks stands for eight windows of 2x2 in a row, a byte of it for one
// of their four elements: a bit is set if that element is the result of the
// window. No bit is, if a rectifier has cut the result off. Bit i is for window
// pickOrder[i], as a shuffle of registers leaves the windows.
var pickOrder = [8]int{0, 1, 4, 5, 2, 3, 6, 7}

// pickWords is the number of words for a row of windows of an image's width.
func pickWords(width int) int { return ceilDiv(width/2, len(pickOrder)) }

// maxHalves writes the largest elements of windows of 2x2 to y, and the picks, for
// rows of windows and x of the given width. Results that are not positive become
// zero unless keep has all bits set. Of a window with a NaN the last element is picked.
func maxHalves[T Float](y []T, picks []uint32, x []T, width, rows int, keep uint32) {
	n, words := width/2, pickWords(width)
	for r := range rows {
		out, row := y[r*n:][:n], picks[r*words:][:words]
		top, bottom := x[2*r*width:][:2*n], x[(2*r+1)*width:][:2*n]
		clear(row)
		for c := range out {
			m := max(max(top[2*c], top[2*c+1]), max(bottom[2*c], bottom[2*c+1]))
			if m <= 0 && keep == 0 {
				out[c] = 0
				continue
			}
			out[c] = m
			isA := one[uint32](top[2*c] == m)
			isB := one[uint32](top[2*c+1] == m) &^ isA
			isC := one[uint32](bottom[2*c] == m) &^ (isA | isB)
			isD := 1 &^ (isA | isB | isC)
			row[c/8] |= (isA | isB<<8 | isC<<16 | isD<<24) << pickOrder[c%8]
		}
	}
}

// unpoolHalves writes the elements of dy to dx where the picks say, and zero to
// the other elements of the windows.
func unpoolHalves[T Float](dx []T, picks []uint32, dy []T, width, rows int) {
	switch dx := any(dx).(type) {
	case []float32:
		unpoolBits(bits[uint32](dx), picks, bits[uint32](any(dy).([]float32)), width, rows)
	case []float64:
		unpoolBits(bits[uint64](dx), picks, bits[uint64](any(dy).([]float64)), width, rows)
	}
}

// unpoolBits picks by masks: which element it is cannot be predicted.
func unpoolBits[U uint32 | uint64](dx []U, picks []uint32, dy []U, width, rows int) {
	n, words := width/2, pickWords(width)
	for r := range rows {
		row := picks[r*words:][:words]
		top, bottom := dx[2*r*width:][:2*n], dx[(2*r+1)*width:][:2*n]
		for c, g := range dy[r*n:][:n] {
			pick := U(row[c/8] >> pickOrder[c%8])
			top[2*c], top[2*c+1] = g&-(pick&1), g&-(pick>>8&1)
			bottom[2*c], bottom[2*c+1] = g&-(pick>>16&1), g&-(pick>>24&1)
		}
	}
}

func one[U uint32 | uint64](b bool) U {
	if b {
		return 1
	}
	return 0
}
