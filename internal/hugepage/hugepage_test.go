package hugepage

import (
	"testing"
	"unsafe"
)

func TestMake(t *testing.T) {
	t.Run("float32", testMake[float32])
	t.Run("float64", testMake[float64])
}

func testMake[T float32 | float64](t *testing.T) {
	page := size / int(unsafe.Sizeof(T(0)))
	for _, n := range []int{0, 1, page - 1, page, page + 1, 2*page - 1, 3*page + 17} {
		used := make([]T, n+page) // what Make gets may be memory that was in use
		for i := range used {
			used[i] = 1
		}
		s := Make[T](n)
		if len(s) != n || cap(s) != n {
			t.Fatalf("Make(%d): length %d, capacity %d", n, len(s), cap(s))
		}
		if n >= page && uintptr(unsafe.Pointer(&s[0]))%size != 0 {
			t.Errorf("Make(%d) begins at %p", n, s)
		}
		for i, x := range s {
			if x != 0 {
				t.Fatalf("Make(%d): element %d is %v", n, i, x)
			}
			s[i] = T(i)
		}
	}
}
