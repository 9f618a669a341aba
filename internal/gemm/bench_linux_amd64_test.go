package gemm_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/layernoise/layernoise/graph/nativeblas"
	"github.com/layernoise/layernoise/internal/cpu"
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/gemm/peak"
	"golang.org/x/sys/unix"
	"gonum.org/v1/gonum/blas"
)

// shape is a product of the project, or a large square.
type shape struct {
	name      string
	transpose string
	m, n, k   int
	planes    int // Winograd's: so many products whose tiles lie side by side
}

var shapes = []shape{
	{"square1024", "NN", 1024, 1024, 1024, 1},
	{"square2048", "NN", 2048, 2048, 2048, 1},
	{"mlp1-784-fwd", "NT", 128, 500, 784, 1},
	{"mlp1-784-dw", "TN", 500, 784, 128, 1},
	{"mlp1-500-fwd", "NT", 128, 500, 500, 1},
	{"mlp1-500-dx", "NN", 128, 500, 500, 1},
	{"mlp1-500-dw", "TN", 500, 500, 128, 1},
	{"out-fwd", "NT", 128, 10, 500, 1},
	{"out-dx", "NN", 128, 500, 10, 1},
	{"out-dw", "TN", 10, 500, 128, 1},
	{"mlp2-1000-fwd", "NT", 128, 1000, 1000, 1},
	{"mlp2-1000-dx", "NN", 128, 1000, 1000, 1},
	{"mlp2-1000-dw", "TN", 1000, 1000, 128, 1},
	{"mlp3-5000-fwd", "NT", 128, 5000, 5000, 1},
	{"mlp3-5000-dx", "NN", 128, 5000, 5000, 1},
	{"mlp3-5000-dw", "TN", 5000, 5000, 128, 1},
	{"winograd64", "NN", 64, 64, 64, 36},
	{"winograd-128", "NN", 128, 64, 128, 36},
	{"winograd-128-dx", "TN", 128, 64, 128, 36},
	{"winograd-128-dw", "NN", 128, 128, 64, 36},
	{"winograd-256", "NN", 256, 64, 256, 36},
	{"winograd-512", "NN", 256, 32, 512, 36},
	{"im2col-64x576", "NN", 64, 512, 576, 1},
	{"im2col-16x27", "NN", 16, 512, 27, 1},
	{"conv1x1", "NN", 128, 256, 64, 1},
	{"small8", "NN", 8, 8, 8, 1},
	{"small32", "NT", 32, 32, 32, 1},
	{"vector-nt", "NT", 1, 500, 784, 1},
	{"vector-nn", "NN", 1, 500, 784, 1},
	{"vector-column", "NN", 500, 1, 784, 1},
	{"four-rows", "NN", 4, 500, 784, 1},
}

type productFunc func(ta, tb blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int)

// BenchmarkGemm measures products in GFLOP/s, in turn with the most multiply-adds that one processor can do with the vectors
// in use, and if a native BLAS is installed with the same products of that: then also the ratio, more than one where package
// gemm is faster. Medians. For one processor, set GOMAXPROCS and OPENBLAS_NUM_THREADS to 1: then the time is that of the
// processor, not of the clock on the wall.
func BenchmarkGemm(b *testing.B) {
	var native productFunc
	if lib, name, err := nativeblas.Open(); err == nil {
		b.Log(name)
		native = lib.Sgemm
	}
	now := func() int64 { return time.Now().UnixNano() }
	if runtime.GOMAXPROCS(0) == 1 {
		now = threadTime
	}
	for _, s := range shapes {
		b.Run(s.name, func(b *testing.B) {
			runtime.LockOSThread()
			product := s.product()
			flop := 2 * float64(s.m) * float64(s.n) * float64(s.k) * float64(s.planes)
			repeat := max(1, int(3e6/flop))
			var own, other, most []float64
			measure := func(f productFunc) float64 {
				start := now()
				for range repeat {
					product(f)
				}
				return flop * float64(repeat) / float64(now()-start)
			}
			product(gemm.Gemm[float32])
			for b.Loop() {
				own = append(own, measure(gemm.Gemm[float32]))
				start := now()
				most = append(most, peak.Run(cpu.Best(), 100_000)/float64(now()-start))
				if native != nil {
					other = append(other, measure(native))
				}
			}
			b.ReportMetric(median(own), "GFLOP/s")
			if most[0] > 0 {
				b.ReportMetric(median(ratios(own, most)), "of-peak")
			}
			if native != nil {
				b.ReportMetric(median(other), "native-GFLOP/s")
				b.ReportMetric(median(ratios(own, other)), "ratio")
			}
		})
	}
}

// threadTime is the time in nanoseconds that a processor has given to this thread.
func threadTime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

func median(x []float64) float64 { return slices.Sorted(slices.Values(x))[len(x)/2] }

// ratios are those of what was measured one after the other, when the machine had the same speed.
func ratios(x, y []float64) []float64 {
	r := make([]float64, len(x))
	for i := range r {
		r[i] = x[i] / y[i]
	}
	return r
}

// product returns a function that computes the product with f.
func (s shape) product() func(f productFunc) {
	r := rand.New(rand.NewPCG(1, 2))
	matrix := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	ta, tb, lda, ldb := blas.NoTrans, blas.NoTrans, s.k, s.n
	if s.transpose[0] == 'T' {
		ta, lda = blas.Trans, s.m
	}
	if s.transpose[1] == 'T' {
		tb, ldb = blas.Trans, s.k
	}
	if s.planes == 1 {
		a, x, c := matrix(s.m*s.k), matrix(s.k*s.n), matrix(s.m*s.n)
		return func(f productFunc) { f(ta, tb, s.m, s.n, s.k, 1, a, lda, x, ldb, 0, c, s.n) }
	}
	ld, plane := s.planes*s.n+16, s.m*s.k+16
	a, x, c := matrix(s.planes*plane), matrix(s.k*ld), matrix(s.m*ld)
	return func(f productFunc) {
		for p := range s.planes {
			f(ta, tb, s.m, s.n, s.k, 1, a[p*plane:], lda, x[p*s.n:], ld, 0, c[p*s.n:], ld)
		}
	}
}
