package datasets

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"gorgonia.org/tensor"
)

// alphabet returns a text of n distinct bytes in sequences of 3.
func alphabet(t testing.TB, n int) *Sequences {
	t.Helper()
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i)
	}
	s, err := Bytes("alphabet", data).Sequences(3)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sequenceLoader(t testing.TB, s *Sequences, c SequenceConfig) *SequenceLoader {
	t.Helper()
	l, err := s.Loader(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// told formats the batches of a pass.
func told(t testing.TB, p SequencePass) []string {
	t.Helper()
	defer p.Close()
	var all []string
	for p.Next() {
		if n := p.Tokens().Shape()[0]; p.Tokens().Dtype() != tensor.Int || n*p.Tokens().Shape()[1] != len(p.Targets()) {
			t.Fatalf("tokens %v %v, %d targets", p.Tokens().Dtype(), p.Tokens().Shape(), len(p.Targets()))
		}
		all = append(all, fmt.Sprint(p.Tokens().Data(), p.Targets(), p.Valid()))
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	if p.Tokens() != nil || p.Targets() != nil || p.Valid() != 0 {
		t.Error("a batch after the end")
	}
	return all
}

func passOf(t testing.TB, l *SequenceLoader, epoch, first int) []string {
	t.Helper()
	p, err := l.Pass(epoch, first)
	if err != nil {
		t.Fatal(err)
	}
	return told(t, p)
}

func TestSequenceLoader(t *testing.T) {
	s := alphabet(t, 9) // 8 targets: three sequences
	for last, want := range map[Last][]string{
		LastShort: {"[0 1 2 3 4 5] [1 2 3 4 5 6] 2", "[5 6 7] [-1 7 8] 1"},
		LastDrop:  {"[0 1 2 3 4 5] [1 2 3 4 5 6] 2"},
		LastPad:   {"[0 1 2 3 4 5] [1 2 3 4 5 6] 2", "[5 6 7 0 1 2] [-1 7 8 1 2 3] 1"},
	} {
		l := sequenceLoader(t, s, SequenceConfig{Batch: 2, Last: last})
		if l.Len() != len(want) {
			t.Errorf("last %d: %d batches", last, l.Len())
		}
		if got := passOf(t, l, 0, 0); !slices.Equal(got, want) {
			t.Errorf("last %d: %q, want %q", last, got, want)
		}
		if got := passOf(t, l, 5, 1); !slices.Equal(got, want[1:]) {
			t.Errorf("last %d from batch 1: %q, want %q", last, got, want[1:])
		}
		var own []string
		if err := l.Start(0); err != nil {
			t.Fatal(err)
		}
		for l.Next() {
			passOf(t, l, 1, 0) // does not disturb it
			own = append(own, fmt.Sprint(l.Tokens().Data(), l.Targets(), l.Valid()))
		}
		if err := l.Err(); err != nil || !slices.Equal(own, want) {
			t.Errorf("last %d, own pass: %q, %v", last, own, err)
		}
	}
}

// TestSequenceShuffle checks that seed and pass determine the order and the places at which a text is cut.
func TestSequenceShuffle(t *testing.T) {
	s := alphabet(t, 100)
	loader := func(seed uint64) *SequenceLoader {
		return sequenceLoader(t, s, SequenceConfig{Batch: 4, Shuffle: true, Seed: seed})
	}
	first := passOf(t, loader(1), 0, 0)
	if again := passOf(t, loader(1), 0, 0); !slices.Equal(first, again) {
		t.Error("another pass of the same number")
	}
	if rest := passOf(t, loader(1), 0, 3); !slices.Equal(first[3:], rest) {
		t.Error("another pass from batch 3 on")
	}
	if slices.Equal(first, passOf(t, loader(1), 1, 0)) || slices.Equal(first, passOf(t, loader(2), 0, 0)) {
		t.Error("the same order in another pass or with another seed")
	}
	shifts := make(map[int]bool)
	for epoch := range 20 {
		p, err := loader(1).newPass(epoch, 0)
		if err != nil {
			t.Fatal(err)
		}
		shifts[p.shift] = true
	}
	if len(shifts) != s.Context() {
		t.Errorf("20 passes had the shifts %v", shifts)
	}
}

func TestSequenceLoaderErrors(t *testing.T) {
	s := alphabet(t, 9)
	for _, c := range []SequenceConfig{{}, {Batch: -1}, {Batch: 1, Last: 3}, {Batch: 1, Last: -1}, {Batch: 1 << 60, Last: LastPad}} {
		if l, err := s.Loader(c); l != nil || err == nil {
			t.Errorf("%+v: %v, %v", c, l, err)
		}
	}
	huge := sequenceLoader(t, s, SequenceConfig{Batch: math.MaxInt})
	if err := huge.Start(0); err != nil || !huge.Next() || huge.Valid() != s.Len() || huge.Next() {
		t.Errorf("a batch larger than the data set: %d valid, %v", huge.Valid(), err)
	}
	l := sequenceLoader(t, s, SequenceConfig{Batch: 2})
	if l.Next() || !errors.Is(l.Err(), ErrNotStarted) || l.Tokens() != nil || l.Targets() != nil || l.Valid() != 0 {
		t.Errorf("before Start: %v", l.Err())
	}
	if err := l.Start(-1); err == nil {
		t.Error("pass -1")
	}
	for _, at := range [][2]int{{-1, 0}, {0, -1}, {0, 3}} {
		if p, err := l.Pass(at[0], at[1]); p != nil || err == nil {
			t.Errorf("pass %v: %v, %v", at, p, err)
		}
	}
	p, err := l.Pass(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if p.Next() || !errors.Is(p.Err(), ErrClosed) {
		t.Errorf("after Close: %v", p.Err())
	}
}

func TestModularAddition(t *testing.T) {
	const p = 7
	train, test, err := ModularAddition(p, 0.3, 1)
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 15 || test.Len() != p*p-15 || train.Context() != 3 || train.Vocabulary().Size() != p+1 {
		t.Errorf("%v; %v", train, test)
	}
	seen := make(map[[2]int]bool)
	for _, s := range []*Sequences{train, test} {
		for i := range s.Len() {
			tokens, targets := s.Sequence(i)
			a, b := tokens[0], tokens[1]
			if tokens[2] != p || !slices.Equal(targets, []int{Ignored, Ignored, (a + b) % p}) {
				t.Errorf("%v gives %v", tokens, targets)
			}
			seen[[2]int{a, b}] = true
		}
	}
	if len(seen) != p*p {
		t.Errorf("%d different sums, want %d", len(seen), p*p)
	}
	if text, err := train.Vocabulary().Decode([]int{3, 6, p}); err != nil || text != "3 6 =" {
		t.Errorf("%q, %v", text, err)
	}
	if ids, err := train.Vocabulary().Encode("3 6 ="); err != nil || !slices.Equal(ids, []int{3, 6, p}) {
		t.Errorf("%v, %v", ids, err)
	}
	again, _, _ := ModularAddition(p, 0.3, 1)
	other, _, _ := ModularAddition(p, 0.3, 2)
	pass := func(s *Sequences) []string { return passOf(t, sequenceLoader(t, s, SequenceConfig{Batch: 5}), 0, 0) }
	if !slices.Equal(pass(train), pass(again)) || slices.Equal(pass(train), pass(other)) {
		t.Error("the split is not that of the seed")
	}
}

func TestCopying(t *testing.T) {
	s, err := Copying(50, 4, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Len() {
		tokens, targets := s.Sequence(i)
		x := tokens[:4]
		if tokens[4] != 3 || !slices.Equal(tokens[5:], x[:3]) {
			t.Errorf("tokens %v", tokens)
		}
		if !slices.Equal(targets[4:], x) || !slices.Equal(targets[:4], []int{Ignored, Ignored, Ignored, Ignored}) {
			t.Errorf("targets %v of %v", targets, tokens)
		}
	}
	small, err := Copying(5, 4, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range small.Len() {
		a, _ := s.Sequence(i)
		if b, _ := small.Sequence(i); !slices.Equal(a, b) {
			t.Errorf("sequence %d is %v among 50 and %v among 5", i, a, b)
		}
	}
	if one, err := Copying(1, 1, 2, 0); err != nil || one.Context() != 2 {
		t.Errorf("%v, %v", one, err)
	}
}

func TestTaskErrors(t *testing.T) {
	for _, p := range []int{-1, 0, 1, 1 << 20} {
		if a, b, err := ModularAddition(p, 0.5, 1); a != nil || b != nil || err == nil {
			t.Errorf("modulo %d: %v", p, err)
		}
	}
	nan := 0.0
	for _, fraction := range []float64{-1, 0, 0.001, 0.999, 1, 2, nan / nan} {
		if a, b, err := ModularAddition(7, fraction, 1); a != nil || b != nil || err == nil {
			t.Errorf("fraction %v: %v", fraction, err)
		}
	}
	for _, c := range [][3]int{{-1, 4, 2}, {1, 0, 2}, {1, 4, 1}, {1, 4, 1 << 16}, {1, 4, math.MaxInt}, {1, 1 << 61, 2}, {1 << 62, 1, 2}, {1 << 30, 1 << 30, 2}} {
		if s, err := Copying(c[0], c[1], c[2], 1); s != nil || err == nil {
			t.Errorf("%v: %v, %v", c, s, err)
		}
	}
}
