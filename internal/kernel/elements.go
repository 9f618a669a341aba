package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// elements calls f for ranges of n elements that do not depend on each other, at
// once where there are processors and enough elements.
func elements(n int, f func(lo, hi int)) { parallel.For(n, 1<<14, f) }
