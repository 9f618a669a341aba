package layers

// convert copies src to dst, of which each is a []float32 or a []float64, as far as the shorter one reaches.
func convert(dst, src interface{}) {
	switch dst := dst.(type) {
	case []float32:
		convertTo(dst, src)
	case []float64:
		convertTo(dst, src)
	}
}

func convertTo[D float32 | float64](dst []D, src interface{}) {
	switch src := src.(type) {
	case []float32:
		convertFrom(dst, src)
	case []float64:
		convertFrom(dst, src)
	}
}

func convertFrom[D, S float32 | float64](dst []D, src []S) {
	if same, ok := any(src).([]D); ok {
		copy(dst, same)
		return
	}
	for i := range min(len(dst), len(src)) {
		dst[i] = D(src[i])
	}
}
