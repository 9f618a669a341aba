package kernel

// MaxPool writes the largest element of each window of x to y. Of several NaN
// and other values a NaN is the largest.
func MaxPool[T Float](p Pool, y, x []T) {
	eachPlane(p, x, y, func(x, y []T) {
		if p.halves() {
			maxHalves(p.Window, y, x)
			return
		}
		p.areas(func(place int, a area) { y[place] = x[largest(x, p.W, a)] })
	})
}

// MaxPoolGrad writes to dx the elements of dy, each added up where the result y
// of its window of x comes from, the first of equal elements, and zero elsewhere.
func MaxPoolGrad[T Float](p Pool, dx, x, y, dy []T) {
	size, places := p.H*p.W, p.OutH()*p.OutW()
	p.each(func(i int) {
		dx, x, y, dy := dx[i*size:][:size], x[i*size:][:size], y[i*places:][:places], dy[i*places:][:places]
		if p.halves() {
			maxHalvesGrad(p.Window, dx, x, y, dy)
			return
		}
		clear(dx)
		p.areas(func(place int, a area) { dx[largest(x, p.W, a)] += dy[place] })
	})
}

// largest returns where in x, with rows of the given width, the largest element
// of an area is.
func largest[T Float](x []T, width int, a area) int {
	best := a.r0*width + a.c0
	for r := a.r0; r < a.r1; r++ {
		for i := r*width + a.c0; i < r*width+a.c1; i++ {
			if x[i] > x[best] || x[i] != x[i] && x[best] == x[best] {
				best = i
			}
		}
	}
	return best
}

// maxHalves is MaxPool of a plane for windows of 2x2.
func maxHalves[T Float](w Window, y, x []T) {
	l, outW := loopsFor[T](), w.OutW()
	for ; len(y) > 0; y, x = y[outW:], x[min(2*w.W, len(x)):] {
		l.maxHalvesRow(y[:outW], x[:2*outW], x[w.W:][:2*outW])
	}
}

// maxHalvesRow is maxHalves for a row of windows.
func maxHalvesRow[T Float](y, top, bottom []T) {
	top, bottom = top[:2*len(y)], bottom[:2*len(y)]
	for c := range y {
		y[c] = max(max(top[2*c], top[2*c+1]), max(bottom[2*c], bottom[2*c+1]))
	}
}

// maxHalvesGrad is MaxPoolGrad of a plane for windows of 2x2.
func maxHalvesGrad[T Float](w Window, dx, x, y, dy []T) {
	l, outW := loopsFor[T](), w.OutW()
	for ; len(dy) > 0; y, dy = y[outW:], dy[outW:] {
		l.unpoolHalvesRow(dx[:2*outW], dx[w.W:][:2*outW], x[:2*outW], x[w.W:][:2*outW], y[:outW], dy[:outW])
		clear(dx[2*outW : w.W])
		clear(dx[w.W+2*outW : 2*w.W])
		x, dx = x[2*w.W:], dx[2*w.W:]
	}
	clear(dx) // the last row of an odd number
}

// unpoolHalvesRow is maxHalvesGrad for a row of windows.
func unpoolHalvesRow[T Float](dTop, dBottom, top, bottom, y, dy []T) {
	switch dTop := any(dTop).(type) {
	case []float32:
		unpoolBits(bits[uint32](dTop), bits[uint32](any(dBottom).([]float32)), top, bottom, y, bits[uint32](any(dy).([]float32)))
	case []float64:
		unpoolBits(bits[uint64](dTop), bits[uint64](any(dBottom).([]float64)), top, bottom, y, bits[uint64](any(dy).([]float64)))
	}
}

// unpoolBits picks the element that gets the gradient by masks of bits: which of
// the four it is cannot be predicted. Where y is NaN that is the last one.
func unpoolBits[T Float, U uint32 | uint64](dTop, dBottom []U, top, bottom, y []T, dy []U) {
	n := len(dy)
	top, bottom, dTop, dBottom, y = top[:2*n], bottom[:2*n], dTop[:2*n], dBottom[:2*n], y[:n]
	for i, g := range dy {
		isA := one[U](top[2*i] == y[i])
		isB := one[U](top[2*i+1] == y[i]) &^ isA
		isC := one[U](bottom[2*i] == y[i]) &^ (isA | isB)
		isD := 1 &^ (isA | isB | isC)
		dTop[2*i], dTop[2*i+1] = g&-isA, g&-isB
		dBottom[2*i], dBottom[2*i+1] = g&-isC, g&-isD
	}
}

func one[U uint32 | uint64](b bool) U {
	if b {
		return 1
	}
	return 0
}
