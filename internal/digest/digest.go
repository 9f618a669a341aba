// Package digest hashes the values of parameters, so that processes can compare them without sending them.
package digest

import "math"

// Of returns a hash (FNV-1a, by words) of the bits of a []float32 or []float64, and that of no values for anything else.
func Of(values any) uint64 {
	const prime = 1099511628211
	h := uint64(14695981039346656037)
	switch x := values.(type) {
	case []float32:
		for _, v := range x {
			h = (h ^ uint64(math.Float32bits(v))) * prime
		}
	case []float64:
		for _, v := range x {
			h = (h ^ math.Float64bits(v)) * prime
		}
	}
	return h
}
