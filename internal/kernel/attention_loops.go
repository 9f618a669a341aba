package kernel

import "math"

// top returns the largest element of x that is not NaN, -Inf if there is none.
func top[T Float](x []T) T {
	m := T(math.Inf(-1))
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

// times writes a*x to y.
func times[T Float](y, x []T, a T) {
	x = x[:len(y)]
	for i, v := range x {
		y[i] = a * v
	}
}

// slope writes p*(dp - d) to ds.
func slope[T Float](ds, p, dp []T, d T) {
	p, dp = p[:len(ds)], dp[:len(ds)]
	for i, v := range p {
		ds[i] = v * (dp[i] - d)
	}
}
