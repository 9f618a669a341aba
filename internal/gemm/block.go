package gemm

import "unsafe"

// The blocks of a product, for their place in the caches. They change no bit of a result.
const (
	termBytes = 1024    // of a row of op(a) in a block; times a panel's width, most of the first cache
	rowBlock  = 168     // rows of op(a); times termBytes, a part of the second cache
	colBlock  = 480     // columns of op(b), likewise,
	fewRows   = 256     // or so many for a product of one block of rows: the next ones come into the cache meanwhile
	keptBytes = 8 << 20 // of a packed a that is kept for all blocks of columns
	packChunk = 64      // rows of b that are packed for all panels at once: each may lie on another page, and processors remember few
)

// When matrices are packed before they are multiplied: if the copy is used often enough, and the cache would not serve the
// matrix well as it lies. Measured.
const (
	packPanels = 3    // panels that b must have for a to be packed,
	packCols   = 512  // and more columns than this, unless the rows of a
	farA       = 4096 // lie this many bytes apart; and if a is transposed,
	packTerms  = 64   // more terms than this
	packStrips = 6    // strips that a must have for b to be packed,
	packRows   = 256  // and more rows than this, unless the rows of b
	farB       = 2048 // lie this many bytes apart and are more than
	farRows    = 128  // this
)

// A product is computed as its transpose if a has at least turnLeast and at most turnRows rows, b turnTimes as many columns,
// and a sum as many terms as a has rows; but not if b is near, or transposed with rows farA bytes apart. Measured.
const (
	turnLeast = 32
	turnRows  = 256
	turnTimes = 3
)

// block is a product of any type for the kernels of that type. Distances are in bytes.
type block struct {
	*kernels
	m, n, k    int
	ta, tb     bool
	a, b, c    *byte
	aRow, aCol int // between the rows and columns of op(a)
	bRow, bCol int
	cRow       int
	add        int
	near       bool

	shape        int // index of the widest tiles
	packA, packB bool
	keepA        bool              // all of it, packed for the first columns
	next         [mostAheads]ahead // parts of a, b, and with a descent of c and its velocities
	descent      *descent
	space        *workspace
}

// run computes the product on the caller's processor.
func (p *product[T]) run(use *kernels) {
	if use == nil {
		p.plain()
		return
	}
	if p.descent != nil {
		p.blocks(use)
		return
	}
	if p = p.asRow(); p.dotProducts(use) || p.turned(use) {
		return
	}
	p.blocks(use)
}

// blocks computes the product with the kernels of blocks.
func (p *product[T]) blocks(use *kernels) {
	t := block{kernels: use, m: p.m, n: p.n, k: p.k, ta: p.ta, tb: p.tb,
		a: pointer(p.a), b: pointer(p.b), c: pointer(p.c), cRow: p.ldc * use.size, near: p.near, descent: p.descent}
	t.aRow, t.aCol = strides(p.ta, p.lda*use.size, use.size)
	t.bRow, t.bCol = strides(p.tb, p.ldb*use.size, use.size)
	if p.add {
		t.add = 1
	}
	t.run()
}

func pointer[T any](s []T) *byte { return (*byte)(unsafe.Pointer(unsafe.SliceData(s))) }

// at is the address so many bytes behind p.
func at(p *byte, offset int) *byte { return (*byte)(unsafe.Add(unsafe.Pointer(p), offset)) }

func (t *block) run() {
	t.choose()
	terms := evenly(t.k, termBytes/t.size)
	rows := evenly(t.m, rowBlock)
	cols := t.n
	if t.packB {
		cols = evenly(t.n, colBlock)
		if rows == t.m {
			cols = evenly(t.n, fewRows)
		}
		cols = ceil(cols, t.panel(t.shape)) * t.panel(t.shape)
	}
	t.keepA = t.packA && t.m*t.k*t.size <= keptBytes
	t.space = spaces.Get().(*workspace)
	defer spaces.Put(t.space)
	for j := 0; j < t.n; j += cols {
		for p := 0; p < t.k; p += terms {
			n, k := min(cols, t.n-j), min(terms, t.k-p)
			t.next[1] = ahead{}
			if parts := ceil(t.m, rows) * t.panels(n); !t.packB {
				// panel by panel, in tiles
			} else if p+k < t.k {
				t.expectB(p+k, min(terms, t.k-p-k), j, n, parts)
			} else if j+n < t.n {
				t.expectB(0, terms, j+n, min(cols, t.n-j-n), parts)
			}
			t.columns(j, n, p, k, rows)
		}
	}
}

// expectA says which rows and columns of op(a) are needed next, after the next panels.
func (t *block) expectA(i, m, p, k, panels int) {
	rows, row, cols := m, t.aRow, k
	if t.ta {
		rows, row, cols = k, t.aCol, m
	}
	t.next[0].set(at(t.a, i*t.aRow+p*t.aCol), rows, row, cols*t.size, panels)
}

// expectB is expectA for op(b).
func (t *block) expectB(p, k, j, n, panels int) {
	rows, row, cols := k, t.bRow, n
	if t.tb {
		rows, row, cols = n, t.bCol, k
	}
	t.next[1].set(at(t.b, p*t.bRow+j*t.bCol), rows, row, cols*t.size, panels)
}

// expectTile is expectA for the first tile of the panel that comes after q of n columns, whose weights and velocities do not
// come with the tile above it.
func (t *block) expectTile(i, m, j, n, q int) {
	if q == n {
		i, q = i+m, 0
	}
	if i == t.m {
		return // the next columns: too rare
	}
	rows, bytes := min(len(t.shapes[t.shape].tile), t.m-i), min(t.panel(t.shape), n-q)*t.size
	t.next[2].set(at(t.c, i*t.cRow+(j+q)*t.size), rows, t.cRow, bytes, 1)
	t.next[3] = t.next[2]
	t.next[3].from += t.descent.velocity
}

// choose chooses the shape of the tiles and what is packed.
func (t *block) choose() {
	for t.shape = len(t.shapes) - 1; t.shape > 0; t.shape-- {
		s := t.shapes[t.shape]
		if (s.vectors <= 2 || t.m <= len(s.tile) && t.descent == nil) && t.n > (s.vectors-1)*t.lanes {
			break
		}
	}
	panels, strips := t.panels(t.n), t.strips(t.m)
	t.packA = t.packed || panels >= packPanels && (t.n > packCols || !t.ta && t.aRow >= farA) && (!t.ta || t.k > packTerms)
	t.packB = t.packed || t.tb || strips >= packStrips && (t.m > packRows || t.bRow >= farB && t.k > farRows)
}

// panel is the number of columns in a panel of tiles of a shape.
func (t *block) panel(shape int) int { return t.shapes[shape].vectors * t.lanes }

// panels is how many of the widest tiles lie beside each other in n columns, and strips how many of them in m rows.
func (t *block) panels(n int) int { return ceil(n, t.panel(t.shape)) }
func (t *block) strips(m int) int { return ceil(m, len(t.shapes[t.shape].tile)) }

// run is strips of as many rows, one below the other.
type run struct{ first, rows, strips int }

// runs cuts m rows into as few strips as tiles need, of which the first have a row more than the others.
func (t *block) runs(m int) [2]run {
	strips := t.strips(m)
	low := m / strips
	high := m % strips
	return [2]run{{0, low + 1, high}, {high * (low + 1), low, strips - high}}
}

// fit returns the shape and the width of the next panel when n columns are left.
func (t *block) fit(n int) (shape, width int) {
	for shape = t.shape; shape > 0 && n <= t.panel(shape)-t.lanes; shape-- {
	}
	return shape, min(n, t.panel(shape))
}

// columns multiplies n columns of op(b) from j and k terms from p, rows of op(a) at a time.
func (t *block) columns(j, n, p, k, rows int) {
	b := at(t.b, p*t.bRow+j*t.bCol)
	if t.packB {
		packed := t.space.b.room((n + t.panel(t.shape)) * k * t.size)
		chunk := k
		if !t.tb {
			chunk = min(k, packChunk)
		}
		for r := 0; r < k; r += chunk {
			for q := 0; q < n; {
				shape, width := t.fit(n - q)
				dst := at(packed, (q*k+r*t.panel(shape))*t.size)
				t.packPanel(shape, dst, at(b, q*t.bCol+r*t.bRow), min(chunk, k-r), width)
				q += width
			}
		}
		b = packed
	}
	add := t.add
	if p > 0 {
		add = 1
	}
	for i := 0; i < t.m; i += rows {
		m := min(rows, t.m-i)
		switch t.next[0] = (ahead{}); {
		case t.keepA && j > 0:
		case i+m < t.m:
			t.expectA(i+m, min(rows, t.m-i-m), p, k, t.panels(n))
		case p+k < t.k:
			t.expectA(0, rows, p+k, min(k, t.k-p-k), t.panels(n))
		}
		t.tiles(i, m, b, j, n, p, k, add)
	}
}

// tiles computes the tiles of c that begin with rows i to i+m and columns j to j+n.
func (t *block) tiles(i, m int, b *byte, j, n, p, k, add int) {
	runs := t.runs(m)
	a := at(t.a, i*t.aRow+p*t.aCol)
	if t.packA {
		packed := t.space.a.room((m*k + 16) * t.size)
		if t.keepA {
			packed = at(t.space.a.room((t.m*t.k+16)*t.size), (p*t.m+i*k)*t.size)
		}
		if j == 0 || !t.keepA {
			for _, r := range runs {
				for s := range r.strips {
					lo := r.first + s*r.rows
					t.packStrip(at(packed, lo*k*t.size), at(a, lo*t.aRow), k, r.rows)
				}
			}
		}
		a = packed
	}
	for q := 0; q < n; {
		shape, width := t.fit(n - q)
		if t.packB || t.near || i > 0 {
			// there, or on its way
		} else if q+width < n {
			t.expectB(p, k, q+width, min(width, n-q-width), 1)
		} else if p+k < t.k {
			t.expectB(p+k, min(k, t.k-p-k), 0, min(t.panel(t.shape), n), 1)
		}
		if t.descent != nil {
			t.expectTile(i, m, j, n, q+width)
		}
		if t.fetches {
			t.space.regions.expect(&t.next, t.strips(m), k)
		}
		panel, bRow := t.panelOf(b, q, shape, width, k)
		c := at(t.c, i*t.cRow+(j+q)*t.size)
		for _, r := range runs {
			if r.strips == 0 {
				continue
			}
			row, aRow, aCol := t.aRow, t.aRow, t.aCol // row: between the rows of a that strips begin with
			if t.packA {
				row, aRow, aCol = k*t.size, t.size, r.rows*t.size
			}
			strip, aStrip := at(a, r.first*row), r.rows*row
			c := at(c, r.first*t.cRow)
			if t.packed && width < t.panel(shape) {
				t.edge(r, k, strip, aRow, aCol, aStrip, panel, bRow, c, shape, width, add)
				continue
			}
			t.shapes[shape].tile[r.rows-1](k, strip, aRow, aCol, panel, bRow, c, t.cRow, width, add, r.strips, aStrip, t.space.regions.next(), (*byte)(unsafe.Pointer(t.descent)))
		}
		q += width
	}
}

// panelOf returns the panel of b that begins with column q, and the distance between its rows. Kernels with vectors of 32
// bytes need whole ones of b.
func (t *block) panelOf(b *byte, q, shape, width, k int) (panel *byte, row int) {
	switch {
	case t.packB:
		return at(b, q*k*t.size), t.panel(shape) * t.size
	case t.lanes*t.size == 32 && width < t.panel(shape):
		packed := t.space.b.room(t.panel(shape) * k * t.size)
		t.packPanel(shape, packed, at(b, q*t.bCol), k, width)
		return packed, t.panel(shape) * t.size
	}
	return at(b, q*t.bCol), t.bRow
}

// edge computes tiles with columns that c does not have, beside c.
func (t *block) edge(r run, k int, a *byte, aRow, aCol, aStrip int, b *byte, bRow int, c *byte, shape, width, add int) {
	row, rows := t.panel(shape)*t.size, r.strips*r.rows
	whole := t.space.c.room(rows * row)
	for i := range rows {
		copyBytes(at(whole, i*row), at(c, i*t.cRow), width*t.size)
	}
	t.shapes[shape].tile[r.rows-1](k, a, aRow, aCol, b, bRow, whole, row, t.panel(shape), add, r.strips, aStrip, nil, nil)
	for i := range rows {
		copyBytes(at(c, i*t.cRow), at(whole, i*row), width*t.size)
	}
}

func copyBytes(dst, src *byte, n int) { copy(unsafe.Slice(dst, n), unsafe.Slice(src, n)) }

func ceil(a, b int) int { return (a + b - 1) / b }

// evenly is the size of the parts when n is cut into the fewest of at most size.
func evenly(n, size int) int { return ceil(n, ceil(n, size)) }
