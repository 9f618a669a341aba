package kernel

import (
	"math/rand/v2"
	"testing"
)

// testTiles compares the transforms of tiles with the plain ones, for arguments that follow from seed.
func testTiles(t *testing.T, k kernels, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	plain := plainKernels()
	rows, columns := r.IntN(4), r.IntN(40)
	pitch := columns + r.IntN(9)
	stride := rows*pitch + r.IntN(9)
	image := framed(r, values(r, 100+columns)).data
	zeros := framed(r, values(r, columns)).data
	buffer := values(r, (winogradIn-1)*stride+rows*pitch)
	lines := make([]int, rows*winogradIn)
	for i := range lines {
		lines[i] = r.IntN(101+20) - 20
	}
	both(t, r, "inputRows", buffer,
		func(dst []float32) { k.inputRows(dst, stride, pitch, image, lines, zeros, columns) },
		func(dst []float32) { plain.inputRows(dst, stride, pitch, image, lines, zeros, columns) })
	both(t, r, "gradRows", buffer,
		func(dst []float32) { k.gradRows(dst, stride, pitch, image, lines[:rows*winogradOut], zeros, columns) },
		func(dst []float32) {
			plain.gradRows(dst, stride, pitch, image, lines[:rows*winogradOut], zeros, columns)
		})

	low, bias := lowest[float32](r.IntN(2) == 0), float32(r.NormFloat64())
	from := framed(r, buffer).data
	lines = lines[:rows*winogradOut]
	for i := range lines {
		lines[i] = i * columns
		if i%winogradOut > 0 && r.IntN(3) == 0 {
			lines[i] = lines[i-1]
		}
	}
	both(t, r, "outputRows", values(r, rows*winogradOut*columns),
		func(dst []float32) { k.outputRows(dst, lines, from, stride, pitch, columns, bias, low) },
		func(dst []float32) { plain.outputRows(dst, lines, from, stride, pitch, columns, bias, low) })

	tiles := winogradLanes * r.IntN(5)
	plane, line := tiles+r.IntN(20), tiles*winogradOut+r.IntN(9)
	planes := values(r, (winogradPlanes-1)*plane+tiles)
	strip := framed(r, values(r, winogradIn*line)).data
	both(t, r, "gradCols", planes,
		func(dst []float32) { k.gradCols(dst, plane, strip, line, tiles) },
		func(dst []float32) { plain.gradCols(dst, plane, strip, line, tiles) })
	products := framed(r, planes).data
	both(t, r, "outputCols", strip,
		func(dst []float32) { k.outputCols(dst, line, products, plane, tiles) },
		func(dst []float32) { plain.outputCols(dst, line, products, plane, tiles) })

	tiles = max(0, tiles-r.IntN(20))
	plane, line = tiles+r.IntN(20), (tiles+winogradLanes)*winogradOut+r.IntN(9)
	planes, strip = values(r, (winogradPlanes-1)*plane+tiles), framed(r, values(r, winogradIn*line)).data
	left, right := make([]uint32, tiles), make([]uint32, tiles)
	for i := range tiles {
		left[i], right[i] = -uint32(r.IntN(2)), -uint32(r.IntN(2))
	}
	both(t, r, "inputCols", planes,
		func(dst []float32) { k.inputCols(dst, plane, strip, line, left, right) },
		func(dst []float32) { plain.inputCols(dst, plane, strip, line, left, right) })
}

// testWindows is testTiles for the transforms of weights.
func testWindows(t *testing.T, k kernels, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	plain := plainKernels()
	n := r.IntN(40)
	plane := n + r.IntN(20)
	planes := values(r, (winogradPlanes-1)*plane+n)
	w := framed(r, values(r, n*window9)).data
	for _, rotate := range []bool{false, true} {
		both(t, r, "windowPlanes", planes,
			func(dst []float32) { k.windowPlanes(dst, plane, w, n, rotate) },
			func(dst []float32) { plain.windowPlanes(dst, plane, w, n, rotate) })
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
