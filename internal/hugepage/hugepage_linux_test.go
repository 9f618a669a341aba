package hugepage

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// Linux says of each part of the memory how much lies on huge pages.
func TestHuge(t *testing.T) {
	if text, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil || strings.Contains(string(text), "[never]") {
		t.Skip("no huge pages here: ", err, string(text))
	}
	const pages = 8
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
