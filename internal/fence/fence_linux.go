package fence

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Slice returns a slice of n zeros, one or more, that begins behind a page of memory without access if begin is set, and ends
// before one otherwise. It lives as long as the test.
func Slice[T any](t testing.TB, n int, begin bool) []T {
	page, size := os.Getpagesize(), n*int(unsafe.Sizeof(*new(T)))
	pages := (size+page-1)/page + 2
	memory, err := unix.Mmap(-1, 0, pages*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(memory) })
	for _, fence := range [][]byte{memory[:page], memory[(pages-1)*page:]} {
		if err := unix.Mprotect(fence, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	first := page
	if !begin {
		first = (pages-1)*page - size
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&memory[first])), n)
}
