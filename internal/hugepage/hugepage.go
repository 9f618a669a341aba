// Package hugepage allocates memory that lies on huge pages.
//
// A processor remembers where some two thousand pages lie. Ordinary ones of 4 KB cover 8 MB then, and a pass over more than
// that looks up every page anew, in the tables of the guest and of the host where the machine is virtual. Huge ones of 2 MB
// cover 4 GB. Go's heap gets ordinary ones where Linux gives huge ones only on request (madvise in
// /sys/kernel/mm/transparent_hugepage/enabled).
package hugepage

import "unsafe"

// size of a huge page in bytes; where it is another one, the advice does less or nothing.
const size = 2 << 20

// Make returns n zeros of the garbage collector's memory. If they fill a huge page or more, they begin at the start of one,
// and the system is asked to put them there; elsewhere than on Linux, and where there are none to be had, they lie on
// ordinary pages.
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
