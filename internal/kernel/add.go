package kernel

// Add writes x + y to z, clipped at zero from below when relu is set.
func Add[T Float](z, x, y []T, relu bool) {
	elements(len(z), func(lo, hi int) {
		z, x, y := z[lo:hi], x[lo:hi], y[lo:hi]
		if relu {
			for i := range z {
				z[i] = max(x[i]+y[i], 0)
			}
			return
		}
		for i := range z {
			z[i] = x[i] + y[i]
		}
	})
}
