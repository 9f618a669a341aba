package hugepage

import "golang.org/x/sys/unix"

// advise requests huge pages: for pages not in use yet when they are first used, and for others, which the garbage collector
// had used before, by collapsing them, which Linux can do since 6.1. It is only advice, so errors do not matter.
func advise(pages []byte) {
	_ = unix.Madvise(pages, unix.MADV_HUGEPAGE)
	_ = unix.Madvise(pages, unix.MADV_COLLAPSE)
}
