package gemm

import (
	"sync"
	"unsafe"
)

// workspace is the memory of one goroutine for packed matrices and for a tile.
type workspace struct {
	a, b, c space
	rows    [dotRows]*byte // of which transpose writes the columns
	regions regions        // that are fetched meanwhile
}

var spaces = sync.Pool{New: func() any { return new(workspace) }}

type space []uint64

// room returns the address of size bytes, and of a vector more that kernels may read or write, at a multiple of the size of
// a line of the cache.
func (s *space) room(size int) *byte {
	const line = 64
	if words := size/8 + 3*line/8; len(*s) < words {
		*s = make([]uint64, words+words/4)
	}
	p := pointer(*s)
	return at(p, -int(uintptr(unsafe.Pointer(p)))&(line-1))
}

// packPanel copies k rows of width columns of op(b) to rows as long as a panel. In the columns that are left over stands
// anything.
func (t *block) packPanel(shape int, dst, src *byte, k, width int) {
	row := t.panel(shape) * t.size
	switch s := &t.shapes[shape]; {
	case t.tb:
		for v := 0; v < width; v += t.lanes {
			t.packTransposed(at(dst, v*t.size), row, at(src, v*t.bCol), t.bCol, k, min(t.lanes, width-v))
		}
	case s.copyRows != nil:
		s.copyRows(dst, row, src, t.bRow, k, width)
	default:
		for p := range k {
			copyBytes(at(dst, p*row), at(src, p*t.bRow), width*t.size)
		}
	}
}

// packStrip copies k columns of a strip of op(a), one after the other.
func (t *block) packStrip(dst, src *byte, k, rows int) {
	column, vectors := rows*t.size, ceil(rows, t.lanes)
	switch {
	case !t.ta:
		t.packTransposed(dst, column, src, t.aRow, k, rows)
	case vectors <= 2 && t.shapes[vectors-1].copyRows != nil:
		t.shapes[vectors-1].copyRows(dst, column, src, t.aCol, k, rows) // writes over the next column's place
	default:
		for p := range k {
			copyBytes(at(dst, p*column), at(src, p*t.aCol), column)
		}
	}
}

// packTransposed writes the k columns of some rows, which lie srcRow apart, to rows of dst, dstRow apart. It writes whole
// vectors, also over the beginning of the next row: so the last vectors of all rows come first.
func (t *block) packTransposed(dst *byte, dstRow int, src *byte, srcRow, k, rows int) {
	from := 0
	if t.transpose != nil {
		group := 16 / t.size
		if from = k / group * group; from > 0 {
			for v := (rows - 1) / t.lanes * t.lanes; v >= 0; v -= t.lanes {
				for i := range t.lanes {
					t.space.rows[i] = at(src, min(v+i, rows-1)*srcRow)
				}
				t.transpose(at(dst, v*t.size), dstRow, &t.space.rows, k/group, rows*srcRow)
			}
		}
	}
	t.transposeRest(dst, dstRow, src, srcRow, from, k, rows)
}

// transposeRest is packTransposed for the columns behind those that the kernel wrote, and writes nothing else.
func (t *block) transposeRest(dst *byte, dstRow int, src *byte, srcRow, from, k, rows int) {
	if t.size == 4 {
		transposeWords[uint32](dst, dstRow, src, srcRow, from, k, rows)
	} else {
		transposeWords[uint64](dst, dstRow, src, srcRow, from, k, rows)
	}
}

func transposeWords[T uint32 | uint64](dst *byte, dstRow int, src *byte, srcRow, from, k, rows int) {
	size := int(unsafe.Sizeof(T(0)))
	for p := from; p < k; p++ {
		for i := range rows {
			*(*T)(unsafe.Pointer(at(dst, p*dstRow+i*size))) = *(*T)(unsafe.Pointer(at(src, i*srcRow+p*size)))
		}
	}
}
