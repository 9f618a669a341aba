package datasets

import (
	"fmt"
	"testing"

	"gorgonia.org/tensor"
)

// photographs returns a data set of n images of the shape of CIFAR.
func photographs(n int) *Dataset {
	x := cifarOf(n, 0, cifar10Format)
	return cifar10.assemble(Train, []*CIFAR{x})
}

// BenchmarkBatch measures the preparation of one batch of 128 CIFAR images, in pixel bytes per second.
func BenchmarkBatch(b *testing.B) {
	d := photographs(1280)
	for _, test := range []struct {
		name   string
		config LoaderConfig
	}{
		{"plain", LoaderConfig{}},
		{"float64", LoaderConfig{Dtype: tensor.Float64}},
		{"augmented", LoaderConfig{Augment: Augmentation{Pad: 4, Flip: true}}},
		{"reflected", LoaderConfig{Augment: Augmentation{Pad: 4, Reflect: true, Flip: true}}},
	} {
		b.Run(test.name, func(b *testing.B) {
			test.config.Batch = 128
			l := newLoader(b, d, test.config)
			p, err := l.newPass(0, 0)
			if err != nil {
				b.Fatal(err)
			}
			s := p.slots[0]
			for ; p.given < p.begun; p.given++ {
				p.slots[p.given].wait()
			}
			b.ReportAllocs()
			b.SetBytes(128 * 3072)
			for b.Loop() {
				s.begin(p, 0)
				s.wait()
			}
		})
	}
}

// BenchmarkPass measures whole passes over 10,000 augmented images, shuffling included, without any work between batches.
func BenchmarkPass(b *testing.B) {
	d := photographs(10000)
	for workers := 1; workers <= 2; workers++ {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			l := newLoader(b, d, LoaderConfig{Batch: 128, Shuffle: true, Workers: workers,
				Augment: Augmentation{Pad: 4, Flip: true}})
			b.ReportAllocs()
			b.SetBytes(10000 * 3072)
			for epoch := 0; b.Loop(); epoch++ {
				if err := l.Start(epoch); err != nil {
					b.Fatal(err)
				}
				for l.Next() {
				}
			}
		})
	}
}
