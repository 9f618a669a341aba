package hugepage

import "golang.org/x/sys/unix"

// advise asks for huge pages: those that are not in use yet are to come as such, and those that are, because the garbage
// collector had the memory before, are to be moved together, which Linux can do since 6.1. It is advice: no error matters.
func advise(pages []byte) {
	_ = unix.Madvise(pages, unix.MADV_HUGEPAGE)
	_ = unix.Madvise(pages, unix.MADV_COLLAPSE)
}
