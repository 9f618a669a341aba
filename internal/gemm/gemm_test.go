package gemm

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/layernoise/layernoise/internal/cpu"
	"github.com/layernoise/layernoise/internal/race"
	"gonum.org/v1/gonum/blas"
)

// special are numbers at which arithmetic changes its ways.
var special = []float64{
	0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(),
	math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, 0x1p-127,
	math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 0x1p-1022, 0x1p-75, -0x1p-74,
}

func TestFMA32(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	number := func() float32 {
		switch r.IntN(6) {
		case 0:
			return float32(special[r.IntN(len(special))])
		case 1: // few bits: half way between two numbers more often
			return float32(math.Ldexp(float64(r.IntN(64)-32), r.IntN(60)-30))
		case 2: // denormal results
			return float32(math.Ldexp(r.NormFloat64(), -r.IntN(150)))
		case 3:
			return 1 + float32(r.IntN(16)-8)*0x1p-23
		}
		return math.Float32frombits(r.Uint32())
	}
	// The sum in float64 lies half way between two denormal numbers, the exact one below.
	x, y, z := float32(0x1p-75+0x1p-98), float32(0x1p-75-0x1p-98), float32(0x1p-130+0x1p-149)
	if got := FMA32(x, y, z); got != z || exactFMA(x, y, z) != z {
		t.Errorf("FMA32(%x, %x, %x) = %x, want %x", x, y, z, got, z)
	}
	n := 2_000_000
	if testing.Short() {
		n = 100_000
	}
	for range n {
		x, y, z := number(), number(), number()
		switch r.IntN(4) {
		case 0: // an addend that makes the sum end half way
			z = float32(-float64(x)*float64(y)) + z
		case 1: // the same among denormal numbers
			x, y, z = x*0x1p-70, y*0x1p-70, float32(r.IntN(1<<20))*0x1p-149
		}
		if got, want := FMA32(x, y, z), exactFMA(x, y, z); !same(got, want) {
			t.Fatalf("FMA32(%x, %x, %x) = %x, want %x", x, y, z, got, want)
		}
	}
}

// exactFMA is x*y + z by arithmetic of any precision.
func exactFMA(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	if s := p + c; s-s != 0 || s == 0 { // no finite number, or exact
		return float32(s)
	}
	sum := new(big.Float).SetPrec(2000).Add(big.NewFloat(p), big.NewFloat(c))
	f, _ := sum.Float32()
	return f
}

// same reports whether two numbers have the same bits or both are none.
func same[T Float](x, y T) bool {
	if x != x || y != y {
		return x != x && y != y
	}
	return x == y && math.Signbit(float64(x)) == math.Signbit(float64(y))
}

// level is a way to compute products.
type level struct {
	name string
	use  *kernels
}

// levels returns the ways that this processor has.
func levels[T Float]() (l []level) {
	of := kernels64Of
	if unsafe.Sizeof(T(0)) == 4 {
		of = kernels32Of
	}
	for c := cpu.Plain; c <= cpu.Best(); c++ {
		l = append(l, level{c.String(), of(c)})
	}
	return l
}

// sample is the arguments of a product.
type sample[T Float] struct {
	ta, tb        blas.Transpose
	m, n, k       int
	alpha, beta   T
	a, b, c       []T
	lda, ldb, ldc int
}

func newSample[T Float](r *rand.Rand, m, n, k int) *sample[T] {
	pick := func(xs ...T) T { return xs[r.IntN(len(xs))] }
	s := &sample[T]{m: m, n: n, k: k, alpha: pick(1, 1, 1, -0.7, 0), beta: pick(0, 1, 1, 1.3)}
	s.ta, s.tb = [...]blas.Transpose{blas.NoTrans, blas.Trans}[r.IntN(2)], [...]blas.Transpose{blas.NoTrans, blas.ConjTrans}[r.IntN(2)]
	odd := r.IntN(3) == 0
	matrix := func(t blas.Transpose, rows, cols int) (x []T, ld int) {
		if t != blas.NoTrans {
			rows, cols = cols, rows
		}
		ld = max(1, cols) + r.IntN(2)*r.IntN(20)
		x = make([]T, max(0, (rows-1)*ld+cols))
		for i := range x {
			x[i] = T(r.NormFloat64())
			if odd && r.IntN(50) == 0 {
				x[i] = T(special[r.IntN(len(special))])
			}
		}
		return x, ld
	}
	s.a, s.lda = matrix(s.ta, m, k)
	s.b, s.ldb = matrix(s.tb, k, n)
	s.c, s.ldc = matrix(blas.NoTrans, m, n)
	if s.beta == 0 && len(s.c) > 0 {
		s.c[0] = T(math.NaN())
	}
	return s
}

func (s *sample[T]) String() string {
	return fmt.Sprintf("%c%c %dx%dx%d, ld %d %d %d, alpha %v, beta %v", s.ta, s.tb, s.m, s.n, s.k, s.lda, s.ldb, s.ldc, s.alpha, s.beta)
}

// want computes the product by the definition.
func (s *sample[T]) want() []T {
	c := append([]T(nil), s.c...)
	for i := range s.m {
		for j := range s.n {
			v := &c[i*s.ldc+j]
			switch s.beta {
			case 0:
				*v = 0
			case 1:
			default:
				*v *= s.beta
			}
			for p := range s.k {
				x, y := s.at(s.a, s.ta, s.lda, i, p), s.at(s.b, s.tb, s.ldb, p, j)
				if s.alpha != 0 {
					*v = fma(T(s.alpha*x), y, *v)
				}
			}
		}
	}
	return c
}

func (s *sample[T]) at(x []T, t blas.Transpose, ld, i, j int) T {
	if t != blas.NoTrans {
		i, j = j, i
	}
	return x[i*ld+j]
}

func (s *sample[T]) product(c []T) product[T] {
	return product[T]{ta: s.ta != blas.NoTrans, tb: s.tb != blas.NoTrans, m: s.m, n: s.n, k: s.k, a: s.a, lda: s.lda, b: s.b, ldb: s.ldb, c: c, ldc: s.ldc}
}

// compare computes the product in each way, with arguments that end where their memory does or begin at odd addresses.
func (s *sample[T]) compare(t *testing.T) {
	t.Helper()
	want := s.want()
	for _, l := range levels[T]() {
		for name, run := range map[string]func(p *product[T]){
			"serial":   func(p *product[T]) { p.run(l.use) },
			"parallel": func(p *product[T]) { p.parallel(l.use) },
		} {
			c := append(make([]T, 3, 3+len(s.c)), s.c...)[3:]
			p := s.product(c)
			p.add = true
			p.check(s.ta, s.tb)
			if p.reduce(s.alpha, s.beta) {
				run(&p)
			}
			for i, x := range c {
				if !same(x, want[i]) {
					t.Fatalf("%s, %s, %v: c[%d][%d] = %v, want %v", l.name, name, s, i/s.ldc, i%s.ldc, x, want[i])
				}
			}
		}
	}
}

func TestProducts(t *testing.T) {
	t.Run("float32", testProducts[float32])
	t.Run("float64", testProducts[float64])
}

func testProducts[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	sizes := []int{0, 1, 2, 3, 5, 7, 8, 13, 14, 15, 16, 17, 31, 32, 33, 45, 64, 65, 100, 129, 150}
	count := 500
	if testing.Short() {
		count = 150
	}
	for range count {
		newSample[T](r, sizes[r.IntN(len(sizes))], sizes[r.IntN(len(sizes))], sizes[r.IntN(len(sizes))]).compare(t)
	}
	for m := range 30 { // every height of a tile, narrow and wide
		newSample[T](r, m, 40, 9).compare(t)
		newSample[T](r, m, 150, 5).compare(t)
		newSample[T](r, 20, m, 7).compare(t)
	}
	for range 100 { // computed as their transposes, of any transposed matrices
		newSample[T](r, 33, 110, 45).compare(t)
	}
	// The first has several blocks of rows, of columns and of terms.
	large := [][3]int{{180, 530, 300}, {400, 70, 33}, {20, 600, 700}, {33, 40, 1500}, {350, 300, 20}, {1, 700, 400}, {700, 1, 30}, {3, 300, 350}, {128, 10, 500}, {64, 513, 100}, {129, 1300, 9}, {128, 500, 300}}
	if testing.Short() {
		large = large[:5]
	}
	for _, d := range large {
		newSample[T](r, d[0], d[1], d[2]).compare(t)
	}
}

func FuzzProducts(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(40), uint8(20))
	f.Add(uint64(2), uint8(200), uint8(33), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, m, n, k uint8) {
		newSample[float32](rand.New(rand.NewPCG(seed, 5)), int(m), int(n), int(k)).compare(t)
		newSample[float64](rand.New(rand.NewPCG(seed, 6)), int(m), int(n), int(k)).compare(t)
	})
}

// Many goroutines multiply at once, on any number of processors.
func TestConcurrent(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	s := newSample[float32](rand.New(rand.NewPCG(7, 8)), 90, 130, 70)
	s.alpha, s.beta = 1, 1
	want := s.want()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for i := range 10 {
				c := append([]float32(nil), s.c...)
				multiply := Gemm[float32]
				if i%2 == 0 {
					multiply = Serial[float32]
				}
				multiply(s.ta, s.tb, s.m, s.n, s.k, 1, s.a, s.lda, s.b, s.ldb, 1, c, s.ldc)
				for i := range c {
					if !same(c[i], want[i]) {
						t.Errorf("element %d is %v, want %v", i, c[i], want[i])
						return
					}
				}
			}
		})
	}
	wait.Wait()
}

// The functions of the tiles fetch all that is expected, a line at a time, and nothing else.
func TestAhead(t *testing.T) {
	for _, use := range []*kernels{use32, use64} {
		if use == nil || !use.fetches {
			t.Skip("these kernels fetch nothing")
		}
		const rows, strips, k, row = 3, 4, 8 * termsAhead, 1 << 12
		w, width := new(workspace), use.lanes*use.size
		a, b, c := w.a.room(strips*rows*k*use.size), w.b.room(k*width), w.c.room(strips*rows*width)
		var next [mostAheads]ahead
		next[0].set(a, 5, row, 2*64-1, 1)
		next[1].set(b, 7, row, 3*64-1, 1)
		w.regions.expect(&next, strips, k) // ten lines of a and 21 of b, and time for 32
		want := w.regions
		for i, left := range []struct{ rows, left, from int }{{1, 2, 4 * row}, {5, 3, 2 * row}, {3, 1, 4*row + 2*64}, {0, 3, 7 * row}} {
			use.shapes[0].tile[rows-1](k, a, k*use.size, use.size, b, width, c, width, use.lanes, 0, 1, 0, w.regions.next(), nil)
			r := &want[min(i, 1)]
			r.rows, r.left = left.rows, left.left
			r.from = uintptr(unsafe.Pointer([]*byte{a, b}[min(i, 1)])) + uintptr(left.from)
			if i == 1 {
				want[0].rows, want[0].from = 0, uintptr(unsafe.Pointer(a))+5*row
			}
			if w.regions != want {
				t.Errorf("%d strips: got %+v, want %+v", i+1, w.regions, want)
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector empties pools at random")
	}
	for _, size := range []int{8, 130} {
		s := newSample[float32](rand.New(rand.NewPCG(9, 9)), size, size, size)
		if n := testing.AllocsPerRun(100, func() {
			Serial(s.ta, blas.Trans, size, size, size, 1, s.a, s.lda, s.a, s.lda, 1, s.c, s.ldc)
		}); n > 0 {
			t.Errorf("size %d: %v allocations", size, n)
		}
	}
}

func TestBadArguments(t *testing.T) {
	type arguments struct {
		ta, tb        blas.Transpose
		m, n, k       int
		a, lda        int
		b, ldb, c, ld int
	}
	good := arguments{blas.NoTrans, blas.Trans, 2, 3, 4, 8, 4, 12, 4, 6, 3}
	call := func(g arguments) {
		Gemm(g.ta, g.tb, g.m, g.n, g.k, 1, make([]float32, g.a), g.lda, make([]float32, g.b), g.ldb, 0, make([]float32, g.c), g.ld)
	}
	call(good)
	for name, change := range map[string]func(g *arguments){
		"a is too short":             func(g *arguments) { g.a-- },
		"b is too short":             func(g *arguments) { g.b-- },
		"c is too short":             func(g *arguments) { g.c-- },
		"negative size of a":         func(g *arguments) { g.m = -1 },
		"negative size of b":         func(g *arguments) { g.n = -1 },
		"bad leading dimension of a": func(g *arguments) { g.lda = 3 },
		"bad leading dimension of b": func(g *arguments) { g.ldb = 3 },
		"bad leading dimension of c": func(g *arguments) { g.ld = 2 },
		"bad transpose of a":         func(g *arguments) { g.ta = 'x' },
		"b is too short, with overflow": func(g *arguments) {
			g.tb, g.k, g.ldb, g.lda, g.ta, g.a = blas.NoTrans, 5, math.MaxInt/2, 2, blas.Trans, 10
		},
	} {
		g := good
		change(&g)
		func() {
			defer func() {
				if r, want := recover(), strings.Split("gemm: "+name, ",")[0]; r != want {
					t.Errorf("panic %v, want %q", r, want)
				}
			}()
			call(g)
		}()
	}
}
