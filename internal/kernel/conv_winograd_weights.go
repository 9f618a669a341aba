package kernel

const window9 = 9 // elements of a window

// winogradScale is D, which scales the rows and columns of E3 g E3'.
var winogradScale = [winogradIn]float32{1. / 4, -1. / 6, -1. / 6, 1. / 24, 1. / 24, 1}

// winogradScales is the product of D for a row and for a column, of each plane.
var winogradScales = func() (s [winogradPlanes]float32) {
	for i, a := range winogradScale {
		for j, b := range winogradScale {
			s[i*winogradIn+j] = a * b
		}
	}
	return s
}()

// windowPlanes writes G g G' for the n windows g of w to the 36 planes of u, with the windows rotated by 180 degrees if
// rotate is set.
func windowPlanes(u []float32, plane int, w []float32, n int, rotate bool) {
	for k := range n {
		g := *(*[window9]float32)(w[k*window9:])
		if rotate {
			g = [window9]float32{g[8], g[7], g[6], g[5], g[4], g[3], g[2], g[1], g[0]}
		}
		var t [3][winogradIn]float32 // E3 g, by columns
		for j := range t {
			t[j][0], t[j][1], t[j][2], t[j][3], t[j][4], t[j][5] = winogradE(g[j], g[3+j], g[6+j])
		}
		for i := range winogradIn {
			var r [winogradIn]float32
			r[0], r[1], r[2], r[3], r[4], r[5] = winogradE(t[0][i], t[1][i], t[2][i])
			for j, v := range r {
				p := i*winogradIn + j
				u[p*plane+k] = v * winogradScales[p]
			}
		}
	}
}

// planesWindow writes G' u G for the n windows in the 36 planes of u to dw.
func planesWindow(dw []float32, n int, u []float32, plane int) {
	for k := range n {
		var t [3][winogradIn]float32 // u G, by columns
		for i := range winogradIn {
			var r [winogradIn]float32
			for j := range r {
				p := i*winogradIn + j
				r[j] = float32(u[p*plane+k] * winogradScales[p])
			}
			t[0][i], t[1][i], t[2][i] = winogradET(r[0], r[1], r[2], r[3], r[4], r[5])
		}
		g := (*[window9]float32)(dw[k*window9:])
		for j, c := range t {
			g[j], g[3+j], g[6+j] = winogradET(c[0], c[1], c[2], c[3], c[4], c[5])
		}
	}
}

// winogradE is E3 g.
func winogradE(g0, g1, g2 float32) (u0, u1, u2, u3, u4, u5 float32) {
	a, b := g0+g2, g0+4*g2
	return g0, a + g1, a - g1, b + 2*g1, b - 2*g1, g2
}

// winogradET is E3' u.
func winogradET(u0, u1, u2, u3, u4, u5 float32) (g0, g1, g2 float32) {
	a, b := u1+u2, u1-u2
	c, d := u3+u4, u3-u4
	return u0 + a + c, b + 2*d, a + 4*c + u5
}
