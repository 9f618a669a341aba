package kernel

import (
	"unsafe"

	"github.com/layernoise/layernoise/internal/parallel"
)

// elements calls f for ranges of n elements that do not depend on each other, at once where there are processors and enough
// elements.
func elements(n int, f func(lo, hi int)) { parallel.For(n, 1<<14, f) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// roundUp is the smallest multiple of unit that is n or more.
func roundUp(n, unit int) int { return ceilDiv(n, unit) * unit }

// bits are the elements of x as the integers of their bit patterns, in the same memory.
func bits[U uint32 | uint64, T Float](x []T) []U {
	return unsafe.Slice((*U)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
