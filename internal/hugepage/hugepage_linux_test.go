package hugepage

import (
	"bufio"
	"fmt"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Linux says of each part of the memory how much lies on huge pages. Where it has none to give, or gives them to nobody,
// memory from outside of Go's heap that asks for them does not get any either.
func TestHuge(t *testing.T) {
	const pages = 8
	outside, err := unix.Mmap(-1, 0, pages*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(outside)
	_ = unix.Madvise(outside, unix.MADV_HUGEPAGE)
	for i := range outside {
		outside[i] = 1
	}
	if hugeBytes(t, uintptr(unsafe.Pointer(&outside[0]))) == 0 {
		t.Skip("the system gives no huge pages")
	}
	s := Make[float32](pages * size / 4)
	for i := range s {
		s[i] = 1
	}
	if got := hugeBytes(t, uintptr(unsafe.Pointer(&s[0]))); got == 0 {
		t.Errorf("none of %d bytes lie on huge pages", pages*size)
	}
}

// hugeBytes is how much of the part with an address lies on huge pages.
func hugeBytes(t *testing.T, address uintptr) int {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	found := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var low, high uintptr
		var kilobytes int
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &low, &high); n == 2 {
			found = low <= address && address < high
		}
		if n, _ := fmt.Sscanf(lines.Text(), "AnonHugePages: %d kB", &kilobytes); n == 1 && found {
			return kilobytes << 10
		}
	}
	t.Skip("/proc/self/smaps does not tell")
	return 0
}
