package kernel

import "math"

// Dropout writes x times scale to y where the random word is at least threshold, and zero elsewhere. It is its own gradient.
func Dropout[T Float](y, x []T, words []uint32, threshold uint32, scale T) {
	loopsFor[T]().dropout(y, x, words, threshold, scale)
}

func dropout[T Float](y, x []T, words []uint32, threshold uint32, scale T) {
	x, words = x[:len(y)], words[:len(y)]
	for i, v := range x {
		if words[i] < threshold {
			v = 0
		} else {
			v *= scale
		}
		y[i] = v
	}
}

// DropoutThreshold is the threshold that a random word falls below with probability p.
func DropoutThreshold(p float64) uint32 {
	return uint32(min(math.Round(p*(1<<32)), math.MaxUint32))
}
