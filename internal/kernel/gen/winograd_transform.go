package main

// The transforms of one dimension, operation by operation as in package kernel.

// winogradB is B' d.
func (g *generator) winogradB(d [6]vector) [6]vector {
	a, b := g.subTimes(d[4], 4, d[2]), g.subTimes(d[3], 4, d[1])
	c, e := g.Sub(d[4], d[2]), g.Sub(d[3], d[1])
	return [6]vector{
		g.addTimes(c, 4, g.Sub(d[0], d[2])), g.Add(a, b), g.Sub(a, b),
		g.addTimes(c, 2, e), g.subTimes(c, 2, e), g.subTimes(g.Sub(d[5], d[3]), 4, e),
	}
}

// winogradA is A y.
func (g *generator) winogradA(y [4]vector) [6]vector {
	a, b := g.Add(y[0], y[2]), g.Add(y[1], y[3])
	c, d := g.addTimes(y[0], 4, y[2]), g.addTimes(y[1], 4, y[3])
	return [6]vector{y[0], g.Add(a, b), g.Sub(a, b), g.addTimes(c, 2, d), g.subTimes(c, 2, d), y[3]}
}

// winogradAT is A' m.
func (g *generator) winogradAT(m [6]vector) [4]vector {
	a, b := g.Add(m[1], m[2]), g.Sub(m[1], m[2])
	c, d := g.Add(m[3], m[4]), g.Sub(m[3], m[4])
	return [4]vector{
		g.Add(g.Add(m[0], a), c), g.addTimes(b, 2, d),
		g.addTimes(a, 4, c), g.Add(g.addTimes(b, 8, d), m[5]),
	}
}

// winogradE hands the elements of E3 g to f, each as soon as it is made.
func (g *generator) winogradE(w [3]vector, f func(i int, v vector)) {
	f(0, w[0])
	f(5, w[2])
	a := g.Add(w[0], w[2])
	f(1, g.Add(a, w[1]))
	f(2, g.Sub(a, w[1]))
	b := g.addTimes(w[0], 4, w[2])
	f(3, g.addTimes(b, 2, w[1]))
	f(4, g.subTimes(b, 2, w[1]))
}

// winogradET is E3' u.
func (g *generator) winogradET(u [6]vector) [3]vector {
	a, b := g.Add(u[1], u[2]), g.Sub(u[1], u[2])
	c, d := g.Add(u[3], u[4]), g.Sub(u[3], u[4])
	return [3]vector{g.Add(g.Add(u[0], a), c), g.addTimes(b, 2, d), g.Add(g.addTimes(a, 4, c), u[5])}
}
