package kernel

import "sync"

// maps are a batch of images (n, channels, h, w) whose tiles are transformed.
type maps struct {
	channels, h, w int
	ph, pw         int // what the first tile sees begins at (-ph, -pw), in the column beside its own
	lines          int // that a tile takes

	rows func(dst []float32, stride, pitch int, src []float32, lines []int, zeros []float32, n int)
	cols func(r *tileRows, dst []float32, plane int)
}

// input is the images that the convolution takes.
func (g *winograd) input() maps {
	return maps{g.in, g.h, g.w, g.ph, g.pw, winogradIn, use.inputRows, (*tileRows).inputCols}
}

// gradient is the gradient of the images that it gives.
func (g *winograd) gradient() maps {
	return maps{g.out, g.outH, g.outW, 0, 1, winogradOut, use.gradRows, (*tileRows).gradCols}
}

// gather transforms the tiles of channels c0 to c1 of x in the rows q0 to q1 into v.
func (g *winograd) gather(v []float32, m maps, x source, c0, c1, q0, q1 int) {
	r := g.borrowRows(q0, q1, m.pw == 0)
	defer r.giveBack()
	i0, i1 := q0/g.rows, (q1-1)/g.rows+1
	y0, y1 := m.span(g.rows, q0, q1)
	step := m.channels * m.h // lines between images
	var unpooled []float32
	if x.picks != nil {
		step = m.h
		unpooled = borrow[float32]((i1 - i0) * m.h * m.w)
		defer giveBack(unpooled)
	}
	for q := q0; q < q1; q++ {
		for i := range m.lines {
			if y := q%g.rows*winogradOut - m.ph + i; 0 <= y && y < m.h {
				r.lines = append(r.lines, ((q/g.rows-i0)*step+y)*m.w)
			} else {
				r.lines = append(r.lines, -1)
			}
		}
	}
	l := lines{(i0*m.channels+c0)*m.h + y0, y1 - y0, i1 - i0, m.channels * m.h}
	for c := c0; c < c1; c++ {
		from := unpooled
		if x.picks == nil {
			from = x.x[(i0*m.channels+c)*m.h*m.w:]
		} else {
			x.unpool(unpooled[y0*m.w:], m.w, m.h, l, m.w)
		}
		m.rows(r.buf[r.first+m.pw:], r.stride, r.pitch, from, r.lines, r.zeros, m.w)
		if l.first += m.h; c+1 < c1 {
			x.fetch(l, m.w)
		}
		m.cols(r, v[c*g.channel():], g.tiles)
	}
}

// span is which lines of an image the rows of tiles from q0 to q1 take, of so many in an image: all, if those are rows of
// several images. Both are even, for a pool.
func (m maps) span(rows, q0, q1 int) (y0, y1 int) {
	if q0/rows != (q1-1)/rows {
		return 0, m.h
	}
	y0 = max(0, q0%rows*winogradOut-m.ph) &^ 1
	y1 = min(m.h, (q1-1)%rows*winogradOut-m.ph+m.lines+1) &^ 1
	return y0, y1
}

// fetchTarget fetches where the rows q0 to q1 of output channel o will be written.
func (g *winograd) fetchTarget(y target, o, q0, q1 int) {
	i0, i1 := q0/g.rows, (q1-1)/g.rows
	l := lines{(i0*g.out + o) * g.outH, g.outH, i1 - i0 + 1, g.out * g.outH}
	if i0 == i1 {
		y0 := q0 % g.rows * winogradOut
		l.first += y0
		l.n = min(((q1-1)%g.rows+1)*winogradOut, g.outH) - y0
	}
	y.fetch(l, g.outW)
}

// scatter transforms m, which holds output channels o0 to o1 of the rows q0 to q1, to y.
func (g *winograd) scatter(y target, m []float32, o0, o1, q0, q1 int) {
	if y.picks != nil {
		g.scatterPooled(y, m, o0, o1, q0, q1)
		return
	}
	r := g.borrowRows(q0, q1, false)
	defer r.giveBack()
	for q := q0; q < q1; q++ {
		for i := range winogradOut {
			y := min(q%g.rows*winogradOut+i, g.outH-1)
			r.lines = append(r.lines, ((q/g.rows-q0/g.rows)*g.out*g.outH+y)*g.outW)
		}
	}
	for o := o0; o < o1; o++ {
		g.fetchTarget(y, o, q0, q1)
		use.outputCols(r.buf, r.stride, m[(o-o0)*g.channel():], g.tiles, len(r.left))
		use.outputRows(y.y[(q0/g.rows*g.out+o)*g.outH*g.outW:], r.lines, r.buf, r.stride, r.pitch, g.outW, at(y.b, o), y.low())
	}
}

// scatterPooled is scatter through the pool of y.
func (g *winograd) scatterPooled(y target, m []float32, o0, o1, q0, q1 int) {
	r := g.borrowRows(q0, q1, false)
	defer r.giveBack()
	row := winogradOut * g.outW // of tiles
	whole := borrow[float32]((q1 - q0) * row)
	defer giveBack(whole)
	for i := range (q1 - q0) * winogradOut {
		r.lines = append(r.lines, i*g.outW)
	}
	for o := o0; o < o1; o++ {
		g.fetchTarget(y, o, q0, q1)
		use.outputCols(r.buf, r.stride, m[(o-o0)*g.channel():], g.tiles, len(r.left))
		use.outputRows(whole, r.lines, r.buf, r.stride, r.pitch, g.outW, at(y.b, o), y.low())
		for q := q0; q < q1; {
			first, rows, images := q%g.rows*winogradOut, min(g.rows-q%g.rows, q1-q), 1
			if rows == g.rows {
				images = (q1 - q) / g.rows
			}
			l := lines{(q/g.rows*g.out+o)*g.outH + first, min(rows*winogradOut, g.outH-first), images, g.out * g.outH}
			y.pool(whole[(q-q0)*row:], g.outW, g.rows*winogradOut, 0, l, g.outW)
			q += rows * images
		}
	}
}

// tileRows is what a goroutine needs to transform rows of tiles of one channel.
type tileRows struct {
	buf   []float32 // six lines, zero at first
	zeros []float32 // a line of zeros, at the end of buf
	lines []int     // where in the images the lines of each row begin

	stride, pitch int // between the lines of buf, and between the rows of tiles in them
	rows, cols    int // of tiles
	first         int // where in a line of inputs the first tile begins, with the column that it sees beside its own

	// Masks for the columns that each tile sees beside its own. Rows of tiles lie close together: what is there belongs to
	// the neighbour, or to another row, where there is padding instead. Behind the rows are tiles of zeros, which fill the
	// last register up.
	left, right []uint32
}

var tileRowsPool = sync.Pool{New: func() any { return new(tileRows) }}

// borrowRows returns space for the rows q0 to q1. With apart set they have room between them for columns that the last tile
// sees beyond its own.
func (g *winograd) borrowRows(q0, q1 int, apart bool) *tileRows {
	const line = 16 // numbers in a line of the cache
	r := tileRowsPool.Get().(*tileRows)
	r.rows, r.cols, r.pitch, r.first = q1-q0, g.cols, winogradOut*g.cols, line-1
	if apart {
		r.pitch += winogradOut
	}
	n := g.width(q0, q1)
	r.stride = line + roundUp(r.rows*r.pitch+(n-r.rows*r.cols)*winogradOut, line) + line + winogradOut*line
	r.buf = borrow[float32](winogradIn*r.stride + max(g.w, g.outW))
	r.zeros = r.buf[winogradIn*r.stride:]
	clear(r.buf)
	r.lines, r.left, r.right = r.lines[:0], r.left[:0], r.right[:0]
	for range r.rows {
		for t := range r.cols {
			r.left = append(r.left, -one[uint32](apart || t > 0))
			r.right = append(r.right, -one[uint32](apart || t < r.cols-1))
		}
	}
	for len(r.left) < n {
		r.left, r.right = append(r.left, 0), append(r.right, 0)
	}
	return r
}

// inputCols takes the tiles out of the lines.
func (r *tileRows) inputCols(dst []float32, plane int) {
	if r.pitch == winogradOut*r.cols {
		use.inputCols(dst, plane, r.buf[r.first:], r.stride, r.left, r.right)
		return
	}
	for q := range r.rows {
		at := q * r.cols
		use.inputCols(dst[at:], plane, r.buf[r.first+q*r.pitch:], r.stride, r.left[at:][:r.cols], r.right[at:][:r.cols])
	}
	at := r.rows * r.cols
	use.inputCols(dst[at:], plane, r.buf[r.first+r.rows*r.pitch:], r.stride, r.left[at:], r.right[at:])
}

func (r *tileRows) gradCols(dst []float32, plane int) {
	use.gradCols(dst, plane, r.buf[r.first+1:], r.stride, len(r.left))
}

func (r *tileRows) giveBack() {
	giveBack(r.buf)
	r.buf, r.zeros = nil, nil
	tileRowsPool.Put(r)
}
