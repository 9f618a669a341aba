package kernel

import (
	"math/rand/v2"
	"testing"
)

// testTiles compares the transforms of tiles with the plain ones, for arguments
// that follow from seed.
func testTiles(t *testing.T, k kernels, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	plain := plainKernels()
	columns := r.IntN(40)
	stride := columns + r.IntN(9)
	image := framed(r, values(r, winogradIn*columns+1)).data
	var src lines
	for i := range src {
		src[i] = &image[r.IntN((winogradIn-1)*columns+1)]
	}
	buffer := values(r, (winogradIn-1)*stride+columns)
	both(t, r, "inputRows", buffer,
		func(dst []float32) { k.inputRows(dst, stride, &src, columns) },
		func(dst []float32) { plain.inputRows(dst, stride, &src, columns) })
	both(t, r, "gradRows", buffer,
		func(dst []float32) { k.gradRows(dst, stride, &src, columns) },
		func(dst []float32) { plain.gradRows(dst, stride, &src, columns) })

	low, bias := lowest[float32](r.IntN(2) == 0), float32(r.NormFloat64())
	from := framed(r, buffer).data
	both(t, r, "outputRows", values(r, winogradIn*columns+1),
		func(dst []float32) { k.outputRows(linesIn(dst, columns), from, stride, columns, bias, low) },
		func(dst []float32) { plain.outputRows(linesIn(dst, columns), from, stride, columns, bias, low) })

	tiles := winogradLanes * r.IntN(5)
	plane, line := tiles+r.IntN(20), winogradIn+tiles*winogradOut+r.IntN(9)
	offsets := make([]int, tiles)
	for i, p := range r.Perm(tiles) {
		offsets[i] = p * winogradOut
	}
	planes := values(r, (winogradPlanes-1)*plane+tiles)
	strip := framed(r, values(r, winogradIn*line)).data
	both(t, r, "inputCols", planes,
		func(dst []float32) { k.inputCols(dst, plane, strip, line, offsets) },
		func(dst []float32) { plain.inputCols(dst, plane, strip, line, offsets) })
	both(t, r, "gradCols", planes,
		func(dst []float32) { k.gradCols(dst, plane, strip, line, offsets) },
		func(dst []float32) { plain.gradCols(dst, plane, strip, line, offsets) })
	products := framed(r, planes).data
	both(t, r, "outputCols", strip,
		func(dst []float32) { k.outputCols(dst, line, offsets, products, plane) },
		func(dst []float32) { plain.outputCols(dst, line, offsets, products, plane) })
}

// linesIn are six lines of x.
func linesIn(x []float32, columns int) *lines {
	var l lines
	for i := range l {
		l[i] = &x[i*columns]
	}
	return &l
}

// testWindows is testTiles for the transforms of weights.
func testWindows(t *testing.T, k kernels, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	plain := plainKernels()
	n := r.IntN(40)
	plane := n + r.IntN(20)
	planes := values(r, (winogradPlanes-1)*plane+n)
	w := framed(r, values(r, n*window9)).data
	for _, turn := range []bool{false, true} {
		both(t, r, "windowPlanes", planes,
			func(dst []float32) { k.windowPlanes(dst, plane, w, n, turn) },
			func(dst []float32) { plain.windowPlanes(dst, plane, w, n, turn) })
	}
	u := framed(r, planes).data
	both(t, r, "planesWindow", w,
		func(dst []float32) { k.planesWindow(dst, n, u, plane) },
		func(dst []float32) { plain.planesWindow(dst, n, u, plane) })
}

func TestWinogradKernels(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		for seed := range uint64(300) {
			testTiles(t, k, seed)
			testWindows(t, k, seed)
		}
	})
}

func FuzzWinogradKernels(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		testTiles(t, use, seed)
		testWindows(t, use, seed)
	})
}
