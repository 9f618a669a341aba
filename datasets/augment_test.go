package datasets

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// framed returns the value at (x, y) of a plane with a border around it, by the definition of zero and reflection padding.
func framed(plane []byte, h, w, x, y int, reflect bool) byte {
	if reflect {
		if x < 0 {
			x = -x
		}
		if y < 0 {
			y = -y
		}
		if x >= w {
			x = w - 1 - (x - (w - 1))
		}
		if y >= h {
			y = h - 1 - (y - (h - 1))
		}
	}
	if x < 0 || x >= w || y < 0 || y >= h {
		return 0
	}
	return plane[y*w+x]
}

func TestAugmentationAllMoves(t *testing.T) {
	s := Shape{2, 5, 4}
	src := make([]byte, s.Size())
	for i := range src {
		src[i] = byte(i + 1)
	}
	got := make([]byte, s.Size())
	for _, reflect := range []bool{false, true} {
		a := Augmentation{Pad: 3, Reflect: reflect, Flip: true}
		for dx := -3; dx <= 3; dx++ {
			for dy := -3; dy <= 3; dy++ {
				for _, flip := range []bool{false, true} {
					for i := range got {
						got[i] = 200 // left over from a previous image
					}
					a.apply(got, src, s, move{dx, dy, flip})
					for i, v := range got {
						c, y, x := i/20, i%20/4, i%4
						if flip {
							x = 3 - x
						}
						if want := framed(src[c*20:(c+1)*20], 5, 4, x+dx, y+dy, reflect); v != want {
							t.Fatalf("reflect %v, shift (%d, %d), flip %v: pixel %d is %d, want %d", reflect, dx, dy, flip, i, v, want)
						}
					}
				}
			}
		}
	}
}

// TestAugmentationDraws checks by a chi-square test that all moves are equally likely.
func TestAugmentationDraws(t *testing.T) {
	a := Augmentation{Pad: 4, Flip: true}
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 162 * 500
	counts := make(map[move]float64)
	for range n {
		counts[a.draw(rng)]++
	}
	if len(counts) != 162 {
		t.Fatalf("%d different moves, want 9*9*2", len(counts))
	}
	var chi2 float64
	for m, count := range counts {
		if m.dx < -4 || m.dx > 4 || m.dy < -4 || m.dy > 4 {
			t.Errorf("move %+v", m)
		}
		chi2 += (count - 500) * (count - 500) / 500
	}
	// 161 degrees of freedom: mean 161, standard deviation 17.9.
	if chi2 < 90 || chi2 > 240 {
		t.Errorf("chi-square %.1f with 161 degrees of freedom", chi2)
	}
}

func TestAugmentationSingly(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		if m := (Augmentation{Pad: 2}).draw(rng); m.flip {
			t.Fatal("flipped without Flip")
		}
		if m := (Augmentation{Flip: true}).draw(rng); m.dx != 0 || m.dy != 0 {
			t.Fatal("shifted without Pad")
		}
	}
}

// TestLoaderAugments compares batches with images moved one by one.
func TestLoaderAugments(t *testing.T) {
	d := Digits(30, 1)
	a := Augmentation{Pad: 4, Reflect: true, Flip: true}
	c := LoaderConfig{Batch: 8, Shuffle: true, Seed: 5, Augment: a, Mean: []float64{0}, Std: []float64{1}}
	values := func(workers, epoch int) (all []float32) {
		c.Workers = workers
		l := newLoader(t, d, c)
		if err := l.Start(epoch); err != nil {
			t.Fatal(err)
		}
		for l.Next() {
			all = append(all, l.Images().Data().([]float32)...)
		}
		return all
	}
	got := values(1, 3)
	rng := stream("augmentation", 5, 3)
	order := upTo(30)
	stream("shuffle", 5, 3).Shuffle(30, func(i, j int) { order[i], order[j] = order[j], order[i] })
	moved := make([]byte, 784)
	for position, image := range order {
		a.apply(moved, d.Pixels(image), d.Shape(), a.draw(rng))
		for i, p := range moved {
			if v := got[position*784+i]; v != float32(float64(p)/255) {
				t.Fatalf("position %d, pixel %d: %v for byte %d", position, i, v, p)
			}
		}
	}
	for workers := 2; workers < 5; workers++ {
		if !slices.Equal(got, values(workers, 3)) {
			t.Errorf("%d workers change the batches", workers)
		}
	}
	if slices.Equal(got, values(1, 4)) {
		t.Error("passes 3 and 4 are the same")
	}
}

func TestAugmentationErrors(t *testing.T) {
	d := numbered(t, 3) // images of 1x3 pixels
	for _, a := range []Augmentation{{Pad: -1}, {Pad: 1}, {Reflect: true}} {
		if l, err := d.Loader(LoaderConfig{Batch: 1, Augment: a}); err == nil || l != nil {
			t.Errorf("%+v: no error", a)
		}
	}
}
