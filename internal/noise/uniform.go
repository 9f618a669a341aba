package noise

// uniformStep times an odd integer between -2^24 and 2^24, which a float32 holds exactly, is a
// uniform of unit variance: symmetric, never zero, and below sqrt(3) after rounding.
const uniformStep = 1.7320508 / (1 << 24)

// uniform makes a draw of one word.
func uniform(w uint32) float32 { return float32(int32(w)>>7|1) * uniformStep }

// addUniform makes element j of a group from its word j.
func addUniform[T Float](dst, src []T, words []uint32, scale T) {
	dst, src = dst[:len(words)], src[:len(words)]
	for i, w := range words {
		dst[i] = src[i] + T(scale*T(uniform(w)))
	}
}
