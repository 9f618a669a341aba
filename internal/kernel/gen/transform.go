package main

// The transforms of one dimension, operation by operation as in package kernel.

// winogradB is B' d.
func (g *generator) winogradB(d [6]vector) [6]vector {
	a, b := g.subTimes(d[4], 4, d[2]), g.subTimes(d[3], 4, d[1])
	c, e := g.sub(d[4], d[2]), g.sub(d[3], d[1])
	return [6]vector{
		g.addTimes(c, 4, g.sub(d[0], d[2])), g.add(a, b), g.sub(a, b),
		g.addTimes(c, 2, e), g.subTimes(c, 2, e), g.subTimes(g.sub(d[5], d[3]), 4, e),
	}
}

// winogradA is A y.
func (g *generator) winogradA(y [4]vector) [6]vector {
	a, b := g.add(y[0], y[2]), g.add(y[1], y[3])
	c, d := g.addTimes(y[0], 4, y[2]), g.addTimes(y[1], 4, y[3])
	return [6]vector{y[0], g.add(a, b), g.sub(a, b), g.addTimes(c, 2, d), g.subTimes(c, 2, d), y[3]}
}

// winogradAT is A' m.
func (g *generator) winogradAT(m [6]vector) [4]vector {
	a, b := g.add(m[1], m[2]), g.sub(m[1], m[2])
	c, d := g.add(m[3], m[4]), g.sub(m[3], m[4])
	return [4]vector{
		g.add(g.add(m[0], a), c), g.addTimes(b, 2, d),
		g.addTimes(a, 4, c), g.add(g.addTimes(b, 8, d), m[5]),
	}
}

// winogradE hands the elements of E3 g to f, each as soon as it is made.
func (g *generator) winogradE(w [3]vector, f func(i int, v vector)) {
	f(0, w[0])
	f(5, w[2])
	a := g.add(w[0], w[2])
	f(1, g.add(a, w[1]))
	f(2, g.sub(a, w[1]))
	b := g.addTimes(w[0], 4, w[2])
	f(3, g.addTimes(b, 2, w[1]))
	f(4, g.subTimes(b, 2, w[1]))
}

// winogradET is E3' u.
func (g *generator) winogradET(u [6]vector) [3]vector {
	a, b := g.add(u[1], u[2]), g.sub(u[1], u[2])
	c, d := g.add(u[3], u[4]), g.sub(u[3], u[4])
	return [3]vector{g.add(g.add(u[0], a), c), g.addTimes(b, 2, d), g.add(g.addTimes(a, 4, c), u[5])}
}
