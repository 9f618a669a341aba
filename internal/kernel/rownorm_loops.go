package kernel

// rowNorm writes (a*(x - mean) + c)*gain + bias to y.
func rowNorm[T Float](y, x, gain, bias []T, mean, a, c T) {
	x, gain, bias = x[:len(y)], gain[:len(y)], bias[:len(y)]
	for i, v := range x {
		h := T(a*(v-mean)) + c
		y[i] = T(h*gain[i]) + bias[i]
	}
}

// rowNormSums returns the sums of g = dy*gain and of g*(a*(x - mean) + c), in float64, each made of eight as that of sum is.
func rowNormSums[T Float](dy, x, gain []T, mean, a, c T) (total, moment float64) {
	x, gain = x[:len(dy)], gain[:len(dy)]
	var s, m [8]float64
	for i, v := range x {
		g, h := dy[i]*gain[i], T(a*(v-mean))+c
		s[i%8] += float64(g)
		m[i%8] += float64(float64(g) * float64(h))
	}
	return fold(s), fold(m)
}

// rowNormGrad writes a*(g - mean1 - h*mean2) to dx, with g and h as in rowNormSums, and adds dy*h to dgain and dy to dbias.
func rowNormGrad[T Float](dx, dy, x, gain, dgain, dbias []T, mean, a, c, mean1, mean2 T) {
	dy, x, gain, dgain, dbias = dy[:len(dx)], x[:len(dx)], gain[:len(dx)], dgain[:len(dx)], dbias[:len(dx)]
	for i, v := range x {
		u, h := dy[i], T(a*(v-mean))+c
		dgain[i] += T(u * h)
		dbias[i] += u
		dx[i] = a * (T(u*gain[i]) - mean1 - T(h*mean2))
	}
}
