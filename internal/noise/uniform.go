package noise

// uniformStep times an odd integer between -2^24 and 2^24, which a float32 holds exactly, is a
// uniform of unit variance: symmetric, never zero, and below sqrt(3) after rounding.
const uniformStep = 1.7320508 / (1 << 24)

// uniform makes an element of one word; element j of a group comes from word j.
func uniform(w uint32) float32 { return float32(int32(w)>>7|1) * uniformStep }
