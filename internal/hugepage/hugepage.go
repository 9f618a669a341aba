// Package hugepage allocates memory on huge pages.
//
// A processor caches the addresses of some two thousand pages. Ordinary pages of 4 KB then cover 8 MB, and a pass over more
// than that looks up every page anew, in the tables of both guest and host if the machine is virtual. Huge pages of 2 MB
// cover 4 GB. Go's heap gets ordinary pages if Linux provides huge ones only on request (madvise in
// /sys/kernel/mm/transparent_hugepage/enabled).
package hugepage

import "unsafe"

// size of a huge page in bytes; if the actual size differs, the advice has less effect or none.
const size = 2 << 20

// Make returns n zeros in garbage-collected memory. If they fill at least one huge page, they start on a page boundary, and
// the system is asked to use huge pages. On systems other than Linux, or if none are available, they are on ordinary pages.
func Make[T float32 | float64](n int) []T {
	width := int(unsafe.Sizeof(T(0)))
	if n*width < size {
		return make([]T, n)
	}
	room := make([]T, n+size/width-1)
	skip := int(-uintptr(unsafe.Pointer(&room[0]))%size) / width
	s := room[skip : skip+n : skip+n]
	advise(unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), n*width/size*size))
	return s
}
