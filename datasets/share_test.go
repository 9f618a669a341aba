package datasets

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestRanks checks that the ranks' batches are, image for image, those of one process with ranks times the batch, for each
// kind of last batch, and that every rank gets the same number of batches, of the same sizes.
func TestRanks(t *testing.T) {
	for n := range 40 {
		for _, ranks := range []int{1, 2, 3, 4} {
			for _, last := range []Last{LastShort, LastDrop, LastPad} {
				config := LoaderConfig{Batch: 3, Shuffle: true, Seed: 5, Last: last, Augment: Augmentation{Flip: true}}
				checkRanks(t, numbered(t, n), config, ranks)
			}
		}
	}
}

func checkRanks(t *testing.T, d *Dataset, config LoaderConfig, ranks int) {
	t.Helper()
	where := fmt.Sprintf("%d images, %d ranks, Last %d", d.Len(), ranks, config.Last)
	var passes []Pass
	one := config
	one.Batch *= ranks
	alone := newLoader(t, d, one)
	for rank := range ranks {
		config.Rank, config.Ranks = rank, ranks
		l := newLoader(t, d, config)
		if l.Len() != alone.Len() {
			t.Fatalf("%s: %d batches, want %d", where, l.Len(), alone.Len())
		}
		if r, of := l.Ranks(); r != rank || of != ranks {
			t.Errorf("%s: Ranks is %d of %d", where, r, of)
		}
		p, err := l.Pass(1, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		passes = append(passes, p)
	}
	if err := alone.Start(1); err != nil {
		t.Fatal(err)
	}
	for alone.Next() {
		var labels []int
		var values []float32
		valid, size := 0, -1
		whole := alone.Whole()
		if full := alone.Images().Shape()[0] == one.Batch; whole != full {
			t.Errorf("%s: Whole is %v of one process", where, whole)
		}
		for rank, p := range passes {
			if !p.Next() {
				t.Fatalf("%s: rank %d has no batch", where, rank)
			}
			if got := p.(interface{ Whole() bool }).Whole(); got != whole {
				t.Errorf("%s: Whole is %v of rank %d, want %v", where, got, rank, whole)
			}
			if n := p.Images().Shape()[0]; size >= 0 && n != size || n != len(p.Labels()) {
				t.Errorf("%s: rank %d has a batch of %d, the one before %d", where, rank, n, size)
			}
			size = p.Images().Shape()[0]
			take := p.Valid()
			if config.Last == LastPad {
				take = size
			}
			labels = append(labels, p.Labels()[:take]...)
			values = append(values, p.Images().Data().([]float32)[:take*d.Shape().Size()]...)
			valid += p.Valid()
		}
		if !slices.Equal(labels, alone.Labels()) || !slices.Equal(values, alone.Images().Data().([]float32)) || valid != alone.Valid() {
			t.Errorf("%s: labels %v, %d valid, want %v, %d", where, labels, valid, alone.Labels(), alone.Valid())
		}
	}
	for rank, p := range passes {
		if p.Next() || p.Err() != nil {
			t.Errorf("%s: rank %d has a batch more, or %v", where, rank, p.Err())
		}
	}
}

// TestSequenceRanks is TestRanks for sequences.
func TestSequenceRanks(t *testing.T) {
	for _, letters := range []int{5, 30, 40, 50, 60} {
		s := alphabet(t, letters)
		for _, last := range []Last{LastShort, LastDrop, LastPad} {
			for _, ranks := range []int{2, 3} {
				want := sequencesShown(t, s, SequenceConfig{Batch: 2 * ranks, Shuffle: true, Seed: 2, Last: last})
				var got [][]string
				for rank := range ranks {
					part := sequencesShown(t, s, SequenceConfig{Batch: 2, Shuffle: true, Seed: 2, Last: last, Rank: rank, Ranks: ranks})
					if got == nil {
						got = make([][]string, len(part))
					}
					for i, batch := range part {
						got[i] = append(got[i], batch...)
					}
				}
				if !slices.EqualFunc(got, want, slices.Equal) {
					t.Errorf("%d letters, Last %d, %d ranks: %q, want %q", letters, last, ranks, got, want)
				}
			}
		}
	}
}

// sequencesShown returns the sequences in each batch of a pass, leaving out those shown before.
func sequencesShown(t *testing.T, s *Sequences, config SequenceConfig) [][]string {
	t.Helper()
	l := sequenceLoader(t, s, config)
	if err := l.Start(3); err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for l.Next() {
		var batch []string
		context := s.Context()
		for i := range l.Valid() {
			ids := l.Tokens().Data().([]int)
			batch = append(batch, fmt.Sprint(ids[i*context:(i+1)*context], l.Targets()[i*context:(i+1)*context]))
		}
		if all = append(all, batch); len(all) < l.Len() && !l.Whole() {
			t.Errorf("batch %d of %d is not whole", len(all), l.Len())
		}
	}
	return all
}

// TestManyRanks has far more ranks than images: each gets one, and the images are new on the first ranks only.
func TestManyRanks(t *testing.T) {
	for rank, valid := range map[int]int{0: 1, 2: 1, 3: 0, math.MaxInt - 1: 0} {
		l := newLoader(t, numbered(t, 3), LoaderConfig{Batch: 1, Rank: rank, Ranks: math.MaxInt})
		if err := l.Start(0); err != nil || !l.Next() {
			t.Fatalf("rank %d: %v", rank, err)
		}
		if l.Len() != 1 || len(l.Labels()) != 1 || l.Valid() != valid || l.Next() {
			t.Errorf("rank %d: %d batches, %v, %d valid", rank, l.Len(), l.Labels(), l.Valid())
		}
	}
}

func TestRanksErrors(t *testing.T) {
	for _, test := range []struct {
		rank, ranks int
		want        string
	}{
		{0, math.MaxInt/2 + 1, "Batch is 2 for"}, {0, -1, "Ranks is -1"}, {-1, 2, "Rank is -1 of 2 Ranks"}, {2, 2, "Rank is 2 of 2 Ranks, not from 0 to 1"}, {1, 0, "Rank is 1 of 1 Ranks"},
	} {
		_, images := numbered(t, 3).Loader(LoaderConfig{Batch: 2, Rank: test.rank, Ranks: test.ranks})
		_, sequences := alphabet(t, 9).Loader(SequenceConfig{Batch: 2, Rank: test.rank, Ranks: test.ranks})
		for _, err := range []error{images, sequences} {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("rank %d of %d: %v, want %q", test.rank, test.ranks, err, test.want)
			}
		}
	}
}
