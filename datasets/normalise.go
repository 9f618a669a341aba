package datasets

// tables holds, for each channel, what each of the 256 pixel bytes becomes.
type tables struct {
	float32 [][256]float32
	float64 [][256]float64
}

// newTables tabulates (p/255 - mean) / std, computed in float64 and rounded
// once to float32.
func newTables(mean, std []float64) *tables {
	t := &tables{
		float32: make([][256]float32, len(mean)),
		float64: make([][256]float64, len(mean)),
	}
	for c := range mean {
		for p := range 256 {
			x := (float64(p)/255 - mean[c]) / std[c]
			t.float32[c][p] = float32(x)
			t.float64[c][p] = x
		}
	}
	return t
}

// convert writes the normalised pixels of one image, which has as many
// channels as there are tables.
func convert[T float32 | float64](dst []T, pixels []byte, tables [][256]T) {
	plane := len(pixels) / len(tables)
	for c := range tables {
		table := &tables[c]
		from := pixels[c*plane : (c+1)*plane]
		to := dst[c*plane:][:len(from)]
		for i, p := range from {
			to[i] = table[p]
		}
	}
}
