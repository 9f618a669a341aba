package kernel

import "math"

// SGD makes one step of stochastic gradient descent, in one pass, and clears the gradient:
//
//	d = g + decay*w
//	v = momentum*v + d
//	w -= rate * (d + momentum*v)  with nesterov
//	w -= rate * v                 without
//	g = 0
//
// v is nil without momentum: then w -= rate*d. All slices have the length of w. Products are rounded before they are added.
func SGD[T Float](w, g, v []T, rate, momentum, decay T, nesterov bool) {
	l := loopsFor[T]()
	switch {
	case v == nil:
		l.sgd(w, g, rate, decay)
	case nesterov:
		l.nesterov(w, g, v, rate, momentum, decay)
	default:
		l.momentum(w, g, v, rate, momentum, decay)
	}
}

// sgd is SGD without momentum.
func sgd[T Float](w, g []T, rate, decay T) {
	g = g[:len(w)]
	for i, x := range w {
		d := g[i] + T(decay*x)
		w[i] = x - T(rate*d)
		g[i] = 0
	}
}

// sgdMomentum is SGD with momentum.
func sgdMomentum[T Float](w, g, v []T, rate, momentum, decay T) {
	g, v = g[:len(w)], v[:len(w)]
	for i, x := range w {
		d := g[i] + T(decay*x)
		u := T(momentum*v[i]) + d
		v[i] = u
		w[i] = x - T(rate*u)
		g[i] = 0
	}
}

// sgdNesterov is SGD with Nesterov's momentum.
func sgdNesterov[T Float](w, g, v []T, rate, momentum, decay T) {
	g, v = g[:len(w)], v[:len(w)]
	for i, x := range w {
		d := g[i] + T(decay*x)
		u := T(momentum*v[i]) + d
		v[i] = u
		w[i] = x - T(rate*(d+T(momentum*u)))
		g[i] = 0
	}
}

// AdamStep holds the numbers of one step of Adam that are the same for all elements.
type AdamStep[T Float] struct {
	Rate         T // learning rate by 1 - beta1^t
	Beta1, Beta2 T
	Omit1, Omit2 T // 1 - beta1, 1 - beta2
	Root2        T // square root of 1 - beta2^t
	Eps          T
	Decay        T // weight decay added to the gradient
	Shrink       T // factor of the weights before the step, for decoupled decay; 1 without
}

// Adam makes one step of Adam, in one pass, and clears the gradient:
//
//	w *= shrink
//	d = g + decay*w
//	m = beta1*m + (1-beta1)*d
//	v = beta2*v + (1-beta2)*d*d
//	w -= rate * m / (sqrt(v)/root2 + eps)
//	g = 0
//
// All slices have the length of w. Products are rounded before they are added.
func Adam[T Float](w, g, m, v []T, s AdamStep[T]) { loopsFor[T]().adam(w, g, m, v, &s) }

func adam[T Float](w, g, m, v []T, s *AdamStep[T]) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i, x := range w {
		x = T(x * s.Shrink)
		d := g[i] + T(s.Decay*x)
		first := T(s.Beta1*m[i]) + T(s.Omit1*d)
		second := T(s.Beta2*v[i]) + T(T(s.Omit2*d)*d)
		m[i], v[i] = first, second
		w[i] = x - T(s.Rate*first)/(T(math.Sqrt(float64(second)))/s.Root2+s.Eps)
		g[i] = 0
	}
}
