package gemm

import (
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
)

// TestDescend expects the weights and velocities of a product and a step by themselves.
func TestDescend(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	sizes := []int{1, 2, 6, 13, 15, 16, 17, 32, 33, 65, 150, 256}
	size := func() int { return sizes[r.IntN(len(sizes))] }
	for range 150 {
		testDescend(t, r, size(), size(), size())
	}
	for m := 1; m < 30; m++ { // every height of a tile
		testDescend(t, r, m, 45, 9)
	}
	testDescend(t, r, 360, 530, 130) // several blocks of rows and columns
	testDescend(t, r, 530, 500, 40)
}

func testDescend(t *testing.T, r *rand.Rand, m, n, k int) {
	t.Helper()
	s := newSample[float32](r, m, n, k)
	s.alpha, s.beta, s.ldc = 1, 0, n
	s.c = make([]float32, m*n)
	gradient := s.want()
	w, v := make([]float32, m*n), make([]float32, m*n)
	for i := range w {
		w[i], v[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	d := Descent{Rate: 0.1, Momentum: []float32{0, 0.9}[r.IntN(2)], Decay: []float32{0, 5e-4}[r.IntN(2)]}
	wantW, wantV := make([]float32, m*n), make([]float32, m*n)
	for i, g := range gradient {
		wantV[i] = float32(d.Momentum*v[i]) + float32(g+float32(d.Decay*w[i]))
		wantW[i] = w[i] - float32(d.Rate*wantV[i])
	}
	for _, l := range levels[float32]() {
		if l.use == nil || !l.use.descends {
			continue
		}
		for name, run := range map[string]func(p *product[float32]){
			"serial":   func(p *product[float32]) { p.run(l.use) },
			"parallel": func(p *product[float32]) { p.parallel(l.use) },
		} {
			gotW, gotV := append(make([]float32, 3), w...)[3:], append(make([]float32, 2), v...)[2:]
			p := s.product(gotW)
			p.setDescent(gotV, d)
			run(&p)
			for i := range w {
				if !same(gotW[i], wantW[i]) || !same(gotV[i], wantV[i]) {
					t.Fatalf("%s, %s, %v, %+v: element %d: weight %v and velocity %v, want %v and %v", l.name, name, s, d, i, gotW[i], gotV[i], wantW[i], wantV[i])
				}
			}
		}
	}
}

// TestDescends: a gradient is used where it is computed only if no sum is continued.
func TestDescends(t *testing.T) {
	if !Descends(10, 10, 10) {
		t.Skip("no kernels for it")
	}
	for _, d := range [][3]int{{0, 9, 9}, {9, 0, 9}, {9, 9, 0}, {9, 9, 257}} {
		if Descends(d[0], d[1], d[2]) {
			t.Errorf("a descent of %v", d)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for sums of 257 terms")
		}
	}()
	x := make([]float32, 257)
	Descend(blas.Trans, blas.NoTrans, 1, 1, 257, x, 1, x, 1, x[:1], x[1:2], Descent{})
}

// TestDescendOnStack: velocities of a caller's array are found where they are, also if the stack moves meanwhile.
func TestDescendOnStack(t *testing.T) {
	if !Descends(40, 40, 64) {
		t.Skip("no kernels for it")
	}
	w, a, b := make([]float32, 40*40), make([]float32, 64*40), make([]float32, 64*40)
	for i := range a {
		a[i], b[i] = 1, 1
	}
	for depth := range 200 {
		velocity := make(chan float32)
		go func() { velocity <- deep(depth, w, a, b) }()
		if v := <-velocity; v != 64 {
			t.Fatalf("%d calls deep: velocity %v, want 64", depth, v)
		}
	}
}

// deep calls Descend with an array so many calls deep, so that some call needs a larger stack.
//
//go:noinline
func deep(calls int, w, a, b []float32) float32 {
	var v [40 * 40]float32
	if calls > 0 {
		v[calls] = 1
		return deep(calls-1, w, a, b) + v[0]
	}
	Descend(blas.Trans, blas.NoTrans, 40, 40, 64, a, 40, b, 40, w, v[:], Descent{Rate: 0.1, Momentum: 0.9})
	return v[0]
}
