package kernel

import "gonum.org/v1/gonum/blas/gonum"

// accumulate adds the first elements of src to dst. Long ones go to gonum's
// vector code.
func accumulate[T Float](dst, src []T) {
	if len(dst) < 16 {
		for i, v := range src[:len(dst)] {
			dst[i] += v
		}
		return
	}
	switch dst := any(dst).(type) {
	case []float32:
		gonum.Implementation{}.Saxpy(len(dst), 1, any(src).([]float32), 1, dst, 1)
	case []float64:
		gonum.Implementation{}.Daxpy(len(dst), 1, any(src).([]float64), 1, dst, 1)
	}
}
