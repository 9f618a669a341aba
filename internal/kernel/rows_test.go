package kernel

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// TestSumRows: each column's sum goes from the first row to the last, however many processors share the columns.
func TestSumRows(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	r := rand.New(rand.NewPCG(1, 10))
	for _, shape := range [][2]int{{0, 3}, {1, 1}, {7, 70}, {600, 63}, {600, 64}, {600, 65}, {600, 300}, {40, 5000}} {
		rows, cols := shape[0], shape[1]
		x := make([]float32, rows*cols)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		want := make([]float32, cols)
		for i, v := range x {
			want[i%cols] += v
		}
		for _, n := range []int{1, 2, 3, 8} {
			runtime.GOMAXPROCS(n)
			got := slices.Repeat([]float32{7}, cols)
			if SumRows(got, x); !slices.Equal(got, want) {
				t.Errorf("%d rows of %d, %d threads: %v, want %v", rows, cols, n, got, want)
			}
		}
	}
	SumRows[float32](nil, nil)
}
