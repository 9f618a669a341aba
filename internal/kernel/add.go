package kernel

// Add writes x + y to z, clipped at zero from below when relu is set.
func Add[T Float](z, x, y []T, relu bool) {
	l, low := loopsFor[T](), lowest[T](relu)
	elements(len(z), func(lo, hi int) { l.sumClip(z[lo:hi], x[lo:hi], y[lo:hi], low) })
}

// accumulate adds the first elements of src to dst.
func accumulate[T Float](dst, src []T) {
	loopsFor[T]().sumClip(dst, dst, src[:len(dst)], lowest[T](false))
}

// sumClip writes x + y to z, clipped at low. A sum of -0 is 0.
func sumClip[T Float](z, x, y []T, low T) {
	x, y = x[:len(z)], y[:len(z)]
	for i, v := range x {
		z[i] = max(v+y[i]+0, low)
	}
}
