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
	{"gpt-qkv-fwd", "NT", 1024, 384, 128, 1},
	{"gpt-qkv-dx", "NN", 1024, 128, 384, 1},
	{"gpt-qkv-dw", "TN", 384, 128, 1024, 1},
	{"gpt-out-fwd", "NT", 1024, 128, 128, 1},
	{"gpt-out-dx", "NN", 1024, 128, 128, 1},
	{"gpt-out-dw", "TN", 128, 128, 1024, 1},
	{"gpt-up-fwd", "NT", 1024, 512, 128, 1},
	{"gpt-up-dx", "NN", 1024, 128, 512, 1},
	{"gpt-up-dw", "TN", 512, 128, 1024, 1},
	{"gpt-down-fwd", "NT", 1024, 128, 512, 1},
	{"gpt-down-dx", "NN", 1024, 512, 128, 1},
	{"gpt-down-dw", "TN", 128, 512, 1024, 1},
	{"vit-qkv-fwd", "NT", 2048, 384, 128, 1},
	{"vit-qkv-dx", "NN", 2048, 128, 384, 1},
	{"vit-qkv-dw", "TN", 384, 128, 2048, 1},
	{"vit-out-fwd", "NT", 2048, 128, 128, 1},
	{"vit-out-dx", "NN", 2048, 128, 128, 1},
	{"vit-out-dw", "TN", 128, 128, 2048, 1},
	{"vit-up-fwd", "NT", 2048, 512, 128, 1},
	{"vit-up-dx", "NN", 2048, 128, 512, 1},
	{"vit-up-dw", "TN", 512, 128, 2048, 1},
	{"vit-down-fwd", "NT", 2048, 128, 512, 1},
	{"vit-down-dx", "NN", 2048, 512, 128, 1},
	{"vit-down-dw", "TN", 128, 512, 2048, 1},
	{"attention-scores", "NT", 64, 64, 32, 1},
	{"attention-values", "NN", 64, 32, 64, 1},
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
// gemm is faster. Medians. Those called cold multiply other matrices each time, which come from the memory as most do in a
// training. For one processor, set GOMAXPROCS and OPENBLAS_NUM_THREADS to 1: then the time is that of the
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
	run := func(name string, s shape, bytes int) {
		b.Run(name, func(b *testing.B) {
			runtime.LockOSThread()
			product := s.product(bytes)
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
	for _, s := range shapes {
		run(s.name, s, 0)
		run("cold/"+s.name, s, 256<<20)
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

// product returns a function that computes the product with f, each time of the next of several matrices that fill so many
// bytes, or of the same ones.
func (s shape) product(bytes int) func(f productFunc) {
	ta, tb, lda, ldb, ldc := blas.NoTrans, blas.NoTrans, s.k, s.n, s.n
	if s.transpose[0] == 'T' {
		ta, lda = blas.Trans, s.m
	}
	if s.transpose[1] == 'T' {
		tb, ldb = blas.Trans, s.k
	}
	plane := s.m * s.k
	if s.planes > 1 {
		ldb, ldc, plane = s.planes*s.n+16, s.planes*s.n+16, plane+16
	}
	r := rand.New(rand.NewPCG(1, 2))
	matrix := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	b := matrix(s.k * ldb)
	if tb != blas.NoTrans {
		b = matrix(s.n * ldb)
	}
	all := [][3][]float32{{matrix(s.planes * plane), b, matrix(s.m * ldc)}}
	for len(all)*4*(s.planes*plane+len(b)+s.m*ldc) < bytes {
		all = append(all, [3][]float32{slices.Clone(all[0][0]), slices.Clone(b), slices.Clone(all[0][2])})
	}
	next := 0
	return func(f productFunc) {
		x := all[next]
		next = (next + 1) % len(all)
		for p := range s.planes {
			f(ta, tb, s.m, s.n, s.k, 1, x[0][p*plane:], lda, x[1][p*s.n:], ldb, 0, x[2][p*s.n:], ldc)
		}
	}
}
