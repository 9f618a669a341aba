package noise

import (
	"sync"

	"github.com/layernoise/layernoise/internal/cpu"
)

// kernels are the inner loops for one element type. They work on whole groups: words holds some, and the other slices hold
// as many elements as are made from those.
type kernels[T Float] struct {
	// groups makes the words of consecutive groups for the counters (block, c1, c2, c3), starting with group number first.
	groups func(words []uint32, k *keys, c1, c2, c3, first uint32)
	// add sets dst, which may be src, to src + scale*eps; one for each Dist.
	add [dists]func(dst, src []T, words []uint32, scale T)
}

// engine is shared by all draws of one element type.
type engine[T Float] struct {
	kernels[T]
	draws     sync.Pool // of *draw[T]
	scratches sync.Pool // of *scratch[T]
}

var (
	engine32 = engine[float32]{kernels: kernels32(cpu.Best())}
	engine64 = engine[float64]{kernels: kernels64(cpu.Best())}
)

// engineOf returns the engine of the element type.
func engineOf[T Float]() *engine[T] {
	if e, ok := any(&engine32).(*engine[T]); ok {
		return e
	}
	return any(&engine64).(*engine[T])
}

// plainKernels returns the kernels in Go, which define the results of all others.
func plainKernels[T Float]() kernels[T] {
	return kernels[T]{
		groups: groupsPlain,
		add:    [dists]func(dst, src []T, words []uint32, scale T){addGaussian[T], addRademacher[T], addUniform[T]},
	}
}
