package kernel

// planes are the planes of a channel in a batch: count of them, of size elements,
// each a stride from the one before.
type planes = struct{ size, stride, count int }

// moments returns the sums of x - pivot and of its square. As all sums over
// planes, they are in float64, and made of eight as that of sum is.
func moments[T Float](x []T, p planes, pivot T) (total, square float64) {
	var s, q [8]float64
	for k := range p.count {
		for i, v := range x[k*p.stride:][:p.size] {
			d := float64(v - pivot)
			s[i%8] += d
			q[i%8] += float64(d * d)
		}
	}
	return fold(s), fold(q)
}

// normForward writes a*(x - mean) + b to y, clipped at low.
func normForward[T Float](y, x []T, p planes, mean, a, b, low T) {
	for k := range p.count {
		y, x := y[k*p.stride:][:p.size], x[k*p.stride:][:p.size]
		for i, v := range x {
			y[i] = max(T(a*(v-mean))+b, low)
		}
	}
}

// normJoin writes a*(x - mean) + b + residual to y, clipped at low.
func normJoin[T Float](y, x, residual []T, p planes, mean, a, b, low T) {
	for k := range p.count {
		y, x, residual := y[k*p.stride:][:p.size], x[k*p.stride:][:p.size], residual[k*p.stride:][:p.size]
		for i, v := range x {
			y[i] = max(T(a*(v-mean))+b+residual[i], low)
		}
	}
}

// normSums returns the sums of g and of g*(x - mean), where g is dy, or unless
// keep is set, zero where a*(x - mean) + b is not positive.
func normSums[T Float](dy, x []T, p planes, mean, a, b T, keep uint32) (total, moment float64) {
	var s, m [8]float64
	for k := range p.count {
		dy, x := dy[k*p.stride:][:p.size], x[k*p.stride:][:p.size]
		for i, v := range x {
			d, g := v-mean, dy[i]
			if keep == 0 {
				g = keepPositive(g, T(a*d)+b)
			}
			s[i%8] += float64(g)
			m[i%8] += float64(float64(g) * float64(d))
		}
	}
	return fold(s), fold(m)
}

// normGrad writes a*(g - dyMean - slope*(x - mean)) to dx, with g as in normSums.
func normGrad[T Float](dx, dy, x []T, p planes, mean, a, b, dyMean, slope T, keep uint32) {
	for k := range p.count {
		dx, dy, x := dx[k*p.stride:][:p.size], dy[k*p.stride:][:p.size], x[k*p.stride:][:p.size]
		for i, v := range x {
			d, g := v-mean, dy[i]
			if keep == 0 {
				g = keepPositive(g, T(a*d)+b)
			}
			dx[i] = a * (g - dyMean - T(slope*d))
		}
	}
}
