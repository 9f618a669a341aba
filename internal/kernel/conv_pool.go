package kernel

import "math"

// ConvPool is a convolution with a max pool of 2x2 without overlap behind it, whose output has even sides, and a rectifier
// or none. Results and gradients have the bits of a convolution and a MaxPool apart.
//
// What the convolution makes is four times as large as the result, and would go through memory six times in a training step.
// Winograd's and the sliding algorithm pool each piece in the cache, and take the gradient apart there; the others work
// through a whole output that is gone after each pass.
type ConvPool[T Float] struct {
	Conv
	ReLU  bool
	picks []uint32 // see maxHalves
}

// target is where a convolution's output goes, plus the bias b of each channel, which may be nil, and through a rectifier with
// relu set: to y, or through a max pool of 2x2 to y if there is room for its picks.
type target struct {
	y, b  []float32
	relu  bool
	picks []uint32
}

// source is where a convolution takes images, or gradients of its output: x itself, or with picks what a max pool of 2x2 makes
// of the gradient x of its result.
type source struct {
	x     []float32
	picks []uint32
}

// Forward writes the convolution of x with w, plus the bias b of each output channel, which may be nil, through the pool to y
// (N, Out, OutH/2, OutW/2).
func (p *ConvPool[T]) Forward(y, x, w, b []T) {
	if p.picks == nil {
		p.picks = make([]uint32, p.N*p.Out*p.OutH()/2*pickWords(p.OutW()))
	}
	y32, single := any(y).([]float32)
	if single && p.forwardInPieces(target{y32, any(b).([]float32), p.ReLU, p.picks}, source{x: any(x).([]float32)}, any(w).([]float32)) {
		return
	}
	whole := borrow[T](p.N * p.Out * p.pixels())
	defer giveBack(whole)
	ConvForward(p.Conv, whole, x, w, b, false)
	p.maxPool().Forward(y, whole)
}

// GradX writes the gradient with respect to the images to dx, from the gradient dy of the result. It belongs to the last Forward.
func (p *ConvPool[T]) GradX(dx, dy, w []T) {
	dx32, single := any(dx).([]float32)
	if single && p.gradXInPieces(dx32, source{any(dy).([]float32), p.picks}, any(w).([]float32)) {
		return
	}
	p.unpooled(dy, func(dy []T) { ConvGradX(p.Conv, dx, dy, w) })
}

// GradW is GradX for the gradient with respect to the weights.
func (p *ConvPool[T]) GradW(dw, dy, x []T) {
	dw32, single := any(dw).([]float32)
	if single && p.gradWInPieces(dw32, source{any(dy).([]float32), p.picks}, source{x: any(x).([]float32)}) {
		return
	}
	p.unpooled(dy, func(dy []T) { ConvGradW(p.Conv, dw, dy, x) })
}

// GradB is GradX for the gradient with respect to the bias: the sum of dy over the images and pixels, without those whose
// result y the rectifier has cut off.
func (p *ConvPool[T]) GradB(db, dy, y []T) {
	if !p.ReLU {
		y = nil
	}
	ConvGradB(db, dy, y, p.pixels()/4)
}

// maxPool is the pool by itself.
func (p *ConvPool[T]) maxPool() *MaxPool[T] {
	window := Window{H: p.OutH(), W: p.OutW(), KH: 2, KW: 2, SH: 2, SW: 2}
	return &MaxPool[T]{Pool: Pool{Window: window, Planes: p.N * p.Out}, ReLU: p.ReLU, picks: p.picks}
}

// unpooled calls f with the gradient of the convolution's whole output.
func (p *ConvPool[T]) unpooled(dy []T, f func(dy []T)) {
	whole := borrow[T](p.N * p.Out * p.pixels())
	defer giveBack(whole)
	p.maxPool().Backward(whole, nil, nil, dy)
	f(whole)
}

// low is the least number that the convolution writes.
func (t target) low() float32 { return lowest[float32](t.relu && t.picks == nil) }

// lines are n of those of each of count images, from number first on among all of a batch's. Images are apart lines apart.
type lines struct{ first, n, count, apart int }

// halved is the lines behind a pool. Their numbers are even before it.
func (l lines) halved() lines { return lines{l.first / 2, l.n / 2, l.count, l.apart / 2} }

// pool writes the maxima of x + v, where lines of w columns lie a pitch apart and images stride lines, to the lines l.
func (t target) pool(x []float32, pitch, stride int, v float32, l lines, w int) {
	var keep uint32
	if !t.relu {
		keep = math.MaxUint32
	}
	l = l.halved()
	loops32.maxHalves(t.y[l.first*(w/2):], t.picks[l.first*pickWords(w):], x, w, pitch, pooled{l.n, l.count, l.apart, stride}, v, keep)
}

// unpool writes the lines l of the source, of w columns, to dst, where lines lie a pitch apart and images stride lines.
func (s source) unpool(dst []float32, pitch, stride int, l lines, w int) {
	l = l.halved()
	loops32.unpoolHalves(dst, s.picks[l.first*pickWords(w):], s.x[l.first*(w/2):], w, pitch, pooled{l.n, l.count, l.apart, stride})
}

// fetch fetches where lines of w columns will be written, pooled or not, into the cache.
func (t target) fetch(l lines, w int) { fetch(t.y, l, w, t.picks != nil) }

// fetch fetches what unpool will read, or lines of the images.
func (s source) fetch(l lines, w int) { fetch(s.x, l, w, s.picks != nil) }

func fetch(x []float32, l lines, w int, pooled bool) {
	if pooled {
		l, w = l.halved(), w/2
	}
	if l.n > 0 {
		use.fetch(x[l.first*w:], l.n*w, l.apart*w, l.count)
	}
}
