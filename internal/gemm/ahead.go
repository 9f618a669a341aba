package gemm

import "unsafe"

// termsAhead is after how many terms of a tile its function, which package gen makes, fetches the next lines.
const termsAhead = 4

// mostAhead is how many lines at a time do not delay the terms. If there are more, all are fetched at once.
const mostAhead = 16

// ahead is a part of a matrix, as it lies in memory, that will be needed next. It is fetched into the second cache bit by bit
// while what came before is multiplied.
type ahead struct {
	from      uintptr // not a pointer: without rows it may lie behind the matrix
	rows, row int     // left to be fetched, and the bytes between them
	lines     int     // of the cache in a row
	each      int     // rows that are fetched at a time
}

// set begins with rows of so many bytes, to be fetched in so many parts.
func (a *ahead) set(from *byte, rows, row, bytes, parts int) {
	*a = ahead{uintptr(unsafe.Pointer(from)), rows, row, bytes/64 + 1, ceil(rows, parts)}
}

// part moves the next part to a region, and returns how many lines it has.
func (a *ahead) part(r *region) (lines int) {
	rows := min(a.each, a.rows)
	*r = region{from: a.from, left: a.lines, rows: rows, lines: a.lines, skip: a.row - a.lines*64}
	a.from, a.rows = a.from+uintptr(rows*a.row), a.rows-rows
	return rows * a.lines
}

// region is what a tile's function fetches of one matrix. It counts down, and knows the fields by their places.
type region struct {
	from  uintptr // the next line
	left  int     // lines of its row,
	rows  int     // and rows with it
	lines int     // of a row
	skip  int     // bytes between the lines of a row and those of the next
	each  int     // lines that are fetched at a time
}

// regions are what is fetched with one panel, one after the other. The last has no rows.
type regions [mostAheads + 1]region

// mostAheads is how many matrices are fetched at a time: a, b, weights and velocities.
const mostAheads = 4

// expect sets the regions to the next parts of the matrices, which are fetched with so many strips of a and so many terms.
func (r *regions) expect(matrices *[mostAheads]ahead, strips, terms int) {
	*r = regions{}
	n, lines := 0, 0
	for i := range matrices {
		if x := &matrices[i]; x.rows > 0 {
			lines += x.part(&r[n])
			n++
		}
	}
	each := ceil(lines, strips*ceil(terms, termsAhead))
	if each > mostAhead {
		each = lines
	}
	for i := range r {
		r[i].each = each
	}
}

// next returns the regions that are left.
func (r *regions) next() *byte {
	i := 0
	for i < len(r)-1 && r[i].rows == 0 {
		i++
	}
	return (*byte)(unsafe.Pointer(&r[i]))
}
