package nativeblas

import (
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/internal/race"
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	G "gorgonia.org/gorgonia"
)

// native opens the library of this machine, or skips the test.
func native(t testing.TB) *BLAS {
	b, name, err := Open()
	if err != nil {
		t.Skip(err)
	}
	t.Log(name)
	return b
}

// random returns a product of random matrices with padded rows.
func random[T float32 | float64](rng *rand.Rand, ta, tb blas.Transpose, m, n, k int) product[T] {
	matrix := func(t blas.Transpose, rows, cols int) ([]T, int) {
		if t == blas.Trans {
			rows, cols = cols, rows
		}
		ld := max(1, cols+rng.IntN(4))
		x := make([]T, rows*ld)
		for i := range x {
			x[i] = T(rng.NormFloat64())
		}
		return x, ld
	}
	p := product[T]{ta: ta, tb: tb, m: m, n: n, k: k, alpha: T(rng.NormFloat64()), beta: T(rng.NormFloat64())}
	p.a, p.lda = matrix(ta, m, k)
	p.b, p.ldb = matrix(tb, k, n)
	p.c, p.ldc = matrix(blas.NoTrans, m, n)
	return p
}

func TestProductsAgreeWithGonum(t *testing.T) {
	l := native(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][3]int{{1, 1, 1}, {3, 5, 2}, {7, 300, 11}, {300, 7, 40}, {1, 9, 0}, {130, 520, 140}, {1100, 40, 150}, {50, 130, 300}, {100, 260, 170}} {
		for _, ta := range []blas.Transpose{blas.NoTrans, blas.Trans} {
			for _, tb := range []blas.Transpose{blas.NoTrans, blas.Trans} {
				p := random[float64](rng, ta, tb, size[0], size[1], size[2])
				want := append([]float64(nil), p.c...)
				gonum.Implementation{}.Dgemm(ta, tb, p.m, p.n, p.k, p.alpha, p.a, p.lda, p.b, p.ldb, p.beta, want, p.ldc)
				l.Dgemm(ta, tb, p.m, p.n, p.k, p.alpha, p.a, p.lda, p.b, p.ldb, p.beta, p.c, p.ldc)
				for i, w := range want {
					if math.Abs(p.c[i]-w) > 1e-11 {
						t.Fatalf("%v %c%c: element %d is %v, want %v", size, ta, tb, i, p.c[i], w)
					}
				}
				q := random[float32](rng, ta, tb, size[0], size[1], size[2])
				want32 := append([]float32(nil), q.c...)
				gonum.Implementation{}.Sgemm(ta, tb, q.m, q.n, q.k, q.alpha, q.a, q.lda, q.b, q.ldb, q.beta, want32, q.ldc)
				l.Sgemm(ta, tb, q.m, q.n, q.k, q.alpha, q.a, q.lda, q.b, q.ldb, q.beta, q.c, q.ldc)
				for i, w := range want32 {
					if math.Abs(float64(q.c[i]-w)) > 1e-3 {
						t.Fatalf("%v %c%c: element %d is %v, want %v", size, ta, tb, i, q.c[i], w)
					}
				}
			}
		}
	}
}

func TestBadArgumentsPanic(t *testing.T) {
	l := native(t)
	x := make([]float64, 6)
	for name, call := range map[string]func(){
		"short a":       func() { l.Dgemm(blas.NoTrans, blas.NoTrans, 3, 2, 3, 1, x, 3, x, 2, 0, x, 2) },
		"short b":       func() { l.Dgemm(blas.NoTrans, blas.Trans, 1, 3, 3, 1, x, 3, x, 3, 0, x, 3) },
		"short c":       func() { l.Dgemm(blas.NoTrans, blas.NoTrans, 2, 2, 1, 1, x, 1, x, 2, 0, x, 5) },
		"row too short": func() { l.Dgemm(blas.NoTrans, blas.NoTrans, 1, 2, 2, 1, x, 1, x, 2, 0, x, 2) },
		"overflow":      func() { l.Dgemm(blas.NoTrans, blas.NoTrans, 1<<33+1, 1, 2, 1, x, 1<<31, x, 1, 0, x, 1<<31) },
		"transpose":     func() { l.Dgemm('x', blas.NoTrans, 1, 1, 1, 1, x, 1, x, 1, 0, x, 1) },
		"negative":      func() { l.Dgemm(blas.NoTrans, blas.NoTrans, -1, 1, 1, 1, x, 1, x, 1, 0, x, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}

func TestProductsDoNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector empties pools at random")
	}
	l := native(t)
	for _, size := range []int{8, 130} {
		p := random[float32](rand.New(rand.NewPCG(5, 6)), blas.NoTrans, blas.NoTrans, size, size, size)
		if n := testing.AllocsPerRun(100, func() {
			l.Sgemm(p.ta, p.tb, p.m, p.n, p.k, p.alpha, p.a, p.lda, p.b, p.ldb, p.beta, p.c, p.ldc)
		}); n > 0 {
			t.Errorf("%v allocations for size %d", n, size)
		}
	}
}

func TestUse(t *testing.T) {
	before := G.WhichBLAS()
	defer G.Use(before)
	t.Setenv(Variable, "/nowhere/libblas.so")
	if name, err := Use(); name != "" || !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "/nowhere/") {
		t.Errorf("no such file: %q, %v", name, err)
	}
	if G.WhichBLAS() != before {
		t.Error("the BLAS has changed without a library")
	}
	if os.Unsetenv(Variable); native(t) == nil {
		return
	}
	if name, err := Use(); err != nil || G.WhichBLAS() == before {
		t.Errorf("%q, %v: not in use", name, err)
	}
}
