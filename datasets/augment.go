package datasets

import (
	"math/rand/v2"
	"slices"

	"github.com/pkg/errors"
)

// An Augmentation changes the images of a training batch at random, differently in every pass. The usual one for CIFAR is
// {Pad: 4, Flip: true}. The zero value changes nothing.
type Augmentation struct {
	// Pad is the width in pixels of the border that is added around an image before a window of the image's size is cut out at
	// random: a shift of up to Pad pixels in each direction, all shifts equally likely. It must be less than the image's height
	// and width.
	Pad int

	// Reflect fills the border with the mirrored image, without repeating the edge pixels. By default the border is black (byte
	// 0, before normalisation).
	Reflect bool

	// Flip mirrors an image left to right with probability one half.
	Flip bool
}

// check reports what is wrong with the augmentation for images of shape s.
func (a Augmentation) check(s Shape) error {
	if a.Pad < 0 || a.Pad >= s.Height || a.Pad >= s.Width {
		return errors.Errorf("datasets: augmentation: Pad %d for images of %v", a.Pad, s)
	}
	if a.Reflect && a.Pad == 0 {
		return errors.New("datasets: augmentation: Reflect without Pad")
	}
	return nil
}

// A move is what an Augmentation does to one image in one pass: the window is shifted dx to the right and dy down, and
// mirrored if flip is set.
type move struct {
	dx, dy int
	flip   bool
}

func (a Augmentation) draw(rng *rand.Rand) move {
	var m move
	if a.Pad > 0 {
		m.dx = rng.IntN(2*a.Pad+1) - a.Pad
		m.dy = rng.IntN(2*a.Pad+1) - a.Pad
	}
	if a.Flip {
		m.flip = rng.IntN(2) == 1
	}
	return m
}

// apply writes the augmented image src to dst.
func (a Augmentation) apply(dst, src []byte, s Shape, m move) {
	plane := s.Height * s.Width
	for c := range s.Channels {
		from, to := src[c*plane:(c+1)*plane], dst[c*plane:(c+1)*plane]
		for y := range s.Height {
			row := to[y*s.Width : (y+1)*s.Width]
			source := y + m.dy
			if a.Reflect {
				source = reflectInto(source, s.Height)
			}
			if source < 0 || source >= s.Height {
				clear(row)
				continue
			}
			a.moveRow(row, from[source*s.Width:(source+1)*s.Width], m)
		}
	}
}

// moveRow writes the augmented row src to dst.
func (a Augmentation) moveRow(dst, src []byte, m move) {
	n := len(src)
	lo, hi := max(0, -m.dx), min(n, n-m.dx) // the part of dst inside src
	copy(dst[lo:hi], src[lo+m.dx:])
	if a.Reflect {
		for x := range lo {
			dst[x] = src[reflectInto(x+m.dx, n)]
		}
		for x := hi; x < n; x++ {
			dst[x] = src[reflectInto(x+m.dx, n)]
		}
	} else {
		clear(dst[:lo])
		clear(dst[hi:])
	}
	if m.flip {
		slices.Reverse(dst)
	}
}

// reflectInto mirrors an index that is less than n outside [0, n) into that range.
func reflectInto(i, n int) int {
	if i < 0 {
		return -i
	}
	if i >= n {
		return 2*(n-1) - i
	}
	return i
}
