package kernel

import "sync"

// maps are a batch of images (n, channels, h, w) whose tiles are transformed.
type maps struct {
	channels, h, w int
	ph, pw         int // element (0, 0) of the first tile is (-ph, -pw)
	stride         int // between lines: what the tiles of a row cover, at least

	rows func(dst []float32, stride int, src *lines, n int)
	cols func(dst []float32, plane int, src []float32, stride int, offsets []int)
}

// input is the images that the convolution takes.
func (g *winograd) input() maps {
	return maps{g.in, g.h, g.w, g.ph, g.pw, winogradOut*g.cols + winogradOut, use.inputRows, use.inputCols}
}

// gradient is the gradient of the images that it gives.
func (g *winograd) gradient() maps {
	return maps{g.out, g.outH, g.outW, 0, 0, winogradOut * g.cols, use.gradRows, use.gradCols}
}

// gather transforms the tiles of channels c0 to c1 of x in strips s0 to s1 into
// the planes of v.
func (g *winograd) gather(v []float32, m maps, x []float32, c0, c1, s0, s1 int) {
	s := g.borrowStrip(m.stride, m.w)
	defer s.giveBack()
	n := len(s.offsets)
	for c := c0; c < c1; c++ {
		for strip := s0; strip < s1; strip++ {
			for r := range g.strip {
				dst := s.lines[r*winogradIn*m.stride:]
				image, y, ok := g.row(strip*g.strip + r)
				if !ok {
					clear(dst[:winogradIn*m.stride])
					continue
				}
				s.seek(x[(image*m.channels+c)*m.h*m.w:], y-m.ph, m.h, m.w)
				m.rows(dst[m.pw:], m.stride, &s.image, m.w)
			}
			m.cols(v[c*g.tiles(0, g.chunk)+(strip-s0)*n:], g.plane(m.channels), s.lines, m.stride, s.offsets)
		}
	}
}

// scatter transforms the planes of m, which hold output channels o0 to o1 of the
// strips from s0 to s1, into y, adds the bias b of each channel, which may be nil,
// and clips at zero from below when relu is set.
func (g *winograd) scatter(y, m []float32, b []float32, relu bool, o0, o1, s0, s1 int) {
	stride := winogradOut * g.cols
	s := g.borrowStrip(stride, g.outW)
	defer s.giveBack()
	n := len(s.offsets)
	low := lowest[float32](relu)
	for o := o0; o < o1; o++ {
		bias := at(b, o)
		for strip := s0; strip < s1; strip++ {
			use.outputCols(s.lines, stride, s.offsets, m[(o-o0)*g.tiles(0, g.chunk)+(strip-s0)*n:], g.plane(o1-o0))
			for r := range g.strip {
				image, top, ok := g.row(strip*g.strip + r)
				if !ok {
					break
				}
				s.seek(y[(image*g.out+o)*g.outH*g.outW:], top, g.outH, g.outW)
				use.outputRows(&s.image, s.lines[r*winogradIn*stride:], stride, g.outW, bias, low)
			}
		}
	}
}

// winogradStrip is what a goroutine needs to transform a strip.
type winogradStrip struct {
	lines   []float32 // six for each row of tiles
	offsets []int     // where in lines each tile begins
	spare   []float32 // a line: of zeros, or to write what nobody reads
	image   lines     // that a row of tiles comes from or goes to
}

var winogradStrips = sync.Pool{New: func() any { return new(winogradStrip) }}

// borrowStrip returns space for a strip with lines of so many elements, all
// zero, and for images of so many columns.
func (g *winograd) borrowStrip(stride, columns int) *winogradStrip {
	s := winogradStrips.Get().(*winogradStrip)
	n := g.strip * winogradIn * stride
	buf := borrow[float32](n + columns)
	clear(buf)
	s.lines, s.spare = buf[:n], buf[n:]
	s.offsets = s.offsets[:0]
	for r := range g.strip {
		for t := range g.cols {
			s.offsets = append(s.offsets, r*winogradIn*stride+t*winogradOut)
		}
	}
	return s
}

func (s *winogradStrip) giveBack() {
	giveBack(s.lines)
	s.lines, s.spare, s.image = nil, nil, lines{}
	winogradStrips.Put(s)
}

// seek sets s.image to six lines of an image h by w, from row y on. For those
// outside of the image it takes the spare one.
func (s *winogradStrip) seek(image []float32, y, h, w int) {
	for i := range s.image {
		if s.image[i] = &s.spare[0]; y+i >= 0 && y+i < h {
			s.image[i] = &image[(y+i)*w]
		}
	}
}
