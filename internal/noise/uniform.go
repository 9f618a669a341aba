package noise

import "github.com/layernoise/layernoise/internal/noise/coef"

// uniform makes a draw from one word: an odd integer between -2^24 and 2^24, which float32 represents exactly, times a step.
// It is symmetric, never zero, and below sqrt(3) after rounding.
func uniform(w uint32) float32 { return float32(int32(w)>>7|1) * coef.UniformStep }

// addUniform makes element j of a group from its word j.
func addUniform[T Float](dst, src []T, words []uint32, scale T) {
	dst, src = dst[:len(words)], src[:len(words)]
	for i, w := range words {
		dst[i] = src[i] + T(scale*T(uniform(w)))
	}
}
