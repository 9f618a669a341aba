package kernel

import (
	"unsafe"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// Dense is the shape of a fully connected layer: x (N, In), w (Out, In), result (N, Out).
type Dense struct{ N, In, Out int }

// DenseForward computes y = x w' + b, clipped at zero from below when relu is set. b may be nil.
func DenseForward[T Float](d Dense, y, x, w, b []T, relu bool) {
	gemm.Gemm(blas.NoTrans, blas.Trans, d.N, d.Out, d.In, 1, x, d.In, w, d.In, 0, y, d.Out)
	AddRow(y, b, d.Out, relu)
}

// DenseGELU is DenseForward followed by GELU, whose slopes it writes to slope unless that is nil.
func DenseGELU[T Float](d Dense, y, slope, x, w, b []T) {
	DenseForward(d, y, x, w, nil, false)
	l, low := loopsFor[T](), lowest[T](false)
	block := 1 + 1<<11/d.Out // of rows, which stay in the cache from the sums to the function
	parallel.For(d.N, 1+1<<13/d.Out, func(lo, hi int) {
		for ; lo < hi; lo += block {
			from, to := lo*d.Out, min(lo+block, hi)*d.Out
			for i := from; b != nil && i < to; i += d.Out {
				row := y[i:][:d.Out]
				l.sumClip(row, row, b, low)
			}
			if slope == nil {
				elementary.LoopsFor[T]().GELU(y[from:to], y[from:to])
			} else {
				elementary.LoopsFor[T]().GELUSlope(y[from:to], slope[from:to], y[from:to])
			}
		}
	})
}

// DenseGradX computes dx = dy w.
func DenseGradX[T Float](d Dense, dx, dy, w []T) {
	gemm.Gemm(blas.NoTrans, blas.NoTrans, d.N, d.In, d.Out, 1, dy, d.Out, w, d.In, 0, dx, d.In)
}

// The sizes from which on DenseDescend pays. With fewer terms to add up, the weights do not come from the memory in time; small
// layers' gradients stay in the cache. Measured.
const (
	descendRows  = 40
	descendWidth = 32
)

// DenseDescends reports whether [DenseDescend] can compute layers of this type and shape, and pays.
func DenseDescends[T Float](d Dense) bool {
	var x T
	return unsafe.Sizeof(x) == 4 && d.N >= descendRows && min(d.In, d.Out) >= descendWidth && gemm.Descends(d.Out, d.In, d.N)
}

// DenseDescend makes a step of w with momentum, as [SGD] does with the gradient of DenseGradW, in one pass over w.
func DenseDescend(d Dense, w, v, dy, x []float32, step gemm.Descent) {
	gemm.Descend(blas.Trans, blas.NoTrans, d.Out, d.In, d.N, dy, d.Out, x, d.In, w, v, step)
}

// DenseGradW computes dw = dy' x.
func DenseGradW[T Float](d Dense, dw, dy, x []T) {
	gemm.Gemm(blas.Trans, blas.NoTrans, d.Out, d.In, d.N, 1, dy, d.Out, x, d.In, 0, dw, d.In)
}
