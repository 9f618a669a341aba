package datasets

import (
	"math"
	"slices"
	"testing"
)

// numbers returns the numbers of the images of a numbered data set, after checking their labels.
func numbers(t *testing.T, d *Dataset) []int {
	t.Helper()
	images := make([]int, d.Len())
	for i := range images {
		images[i] = int(d.Pixels(i)[0]) / 2
		if d.Label(i) != images[i]%3 {
			t.Errorf("image %d with label %d", images[i], d.Label(i))
		}
	}
	return images
}

func TestSubset(t *testing.T) {
	d := numbered(t, 50)
	subset := func(n int, seed uint64) []int {
		s, err := d.Subset(n, seed)
		if err != nil {
			t.Fatal(err)
		}
		return numbers(t, s)
	}
	large := subset(20, 1)
	// The draw is part of the contract.
	if want := []int{30, 0, 34, 13, 14, 21}; !slices.Equal(large[:6], want) {
		t.Errorf("subset %v, want %v", large[:6], want)
	}
	if small := subset(8, 1); !slices.Equal(small, large[:8]) {
		t.Errorf("subset of 8 %v is not the beginning of %v", small, large)
	}
	if slices.Equal(large, subset(20, 2)) {
		t.Error("seeds 1 and 2 give the same subset")
	}
	all := subset(50, 1)
	slices.Sort(all)
	if len(slices.Compact(all)) != 50 {
		t.Error("an image was drawn twice")
	}
}

func TestBalancedSubset(t *testing.T) {
	d := numbered(t, 50) // 17, 17 and 16 of the three classes
	for _, n := range []int{0, 1, 2, 3, 10, 48, 49, 50} {
		s, err := d.BalancedSubset(n, 4)
		if err != nil {
			t.Fatal(err)
		}
		numbers(t, s)
		for m := range n + 1 {
			begin := s.pick(upTo(m))
			if c := begin.Counts(); slices.Max(c)-slices.Min(c) > 1 {
				t.Errorf("%d of %d images: counts %v", m, n, c)
			}
		}
	}
	a, _ := d.BalancedSubset(30, 1)
	b, _ := d.BalancedSubset(30, 2)
	if slices.Equal(numbers(t, a), numbers(t, b)) {
		t.Error("seeds 1 and 2 give the same subset")
	}
	unbalanced := d.pick([]int{0, 3, 6, 9, 1, 2})
	if s, err := unbalanced.BalancedSubset(4, 1); err != nil || s.Len() != 4 {
		t.Errorf("4 images of 4, 1 and 1: %v, %v", s, err)
	}
	for n := 5; n <= 6; n++ {
		if s, err := unbalanced.BalancedSubset(n, 1); err == nil || s != nil {
			t.Errorf("%d images of 4, 1 and 1: %v", n, s)
		}
	}
}

func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

func TestSplit(t *testing.T) {
	d := numbered(t, 40)
	first, rest, err := d.Split(15, 6)
	if err != nil {
		t.Fatal(err)
	}
	if first.Len() != 15 || rest.Len() != 25 {
		t.Errorf("%d and %d images", first.Len(), rest.Len())
	}
	all := append(numbers(t, first), numbers(t, rest)...)
	slices.Sort(all)
	if !slices.Equal(all, upTo(40)) {
		t.Errorf("the parts hold %v", all)
	}
}

// TestCompositions checks that choices made with the same seed are independent.
func TestCompositions(t *testing.T) {
	d := Digits(4000, 1)
	noisy, err := d.WithLabelNoise(0.2, 1)
	if err != nil {
		t.Fatal(err)
	}
	share := func(part *Dataset) float64 {
		right := map[*byte]int{}
		for i, image := range d.images {
			right[&image[0]] = d.labels[i]
		}
		wrong := 0
		for i, image := range part.images {
			if part.labels[i] != right[&image[0]] {
				wrong++
			}
		}
		return float64(wrong) / float64(part.Len())
	}
	subset, err := noisy.Subset(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	balanced, err := noisy.BalancedSubset(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	first, rest, err := noisy.Split(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string]*Dataset{"subset": subset, "balanced subset": balanced, "first part": first, "rest": rest} {
		if s := share(part); math.Abs(s-0.2) > 0.05 { // four standard deviations for a thousand images
			t.Errorf("%s: %.3f of the labels wrong, want 0.2", name, s)
		}
	}
	l, err := d.Loader(LoaderConfig{Batch: 4000, Shuffle: true, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(0); err != nil {
		t.Fatal(err)
	}
	for purpose, order := range map[string][]int{"subset": permutation(4000, "subset", 1), "split": permutation(4000, "split", 1)} {
		same := 0
		for i := range order {
			if order[i] == l.own.order[i] {
				same++
			}
		}
		if same > 10 {
			t.Errorf("%s and the first pass have %d places of 4000 in common", purpose, same)
		}
	}
}

func TestSubsetErrors(t *testing.T) {
	d := numbered(t, 5)
	for _, n := range []int{-1, 6} {
		if s, err := d.Subset(n, 1); err == nil || s != nil {
			t.Errorf("Subset(%d): %v", n, s)
		}
		if s, err := d.BalancedSubset(n, 1); err == nil || s != nil {
			t.Errorf("BalancedSubset(%d): %v", n, s)
		}
		if a, b, err := d.Split(n, 1); err == nil || a != nil || b != nil {
			t.Errorf("Split(%d): %v, %v", n, a, b)
		}
	}
}

func TestLabelNoise(t *testing.T) {
	d := Digits(1000, 1)
	before := d.Labels()
	wrong := func(share float64, seed uint64) []int {
		noisy, err := d.WithLabelNoise(share, seed)
		if err != nil {
			t.Fatal(err)
		}
		var images []int
		for i, label := range noisy.Labels() {
			if label != before[i] {
				images = append(images, i*10+label)
			}
		}
		return images
	}
	for _, test := range []struct {
		share float64
		want  int
	}{{0, 0}, {0.0004, 0}, {0.0006, 1}, {0.25, 250}, {1, 1000}} {
		if got := wrong(test.share, 3); len(got) != test.want {
			t.Errorf("share %v: %d wrong labels, want %d", test.share, len(got), test.want)
		}
	}
	if !slices.Equal(before, d.Labels()) {
		t.Error("the data set itself has changed")
	}
	for _, image := range wrong(0.2, 3) {
		if !slices.Contains(wrong(0.3, 3), image) {
			t.Fatal("a larger share does not keep the wrong labels of a smaller one")
		}
	}
	if slices.Equal(wrong(0.2, 3), wrong(0.2, 4)) {
		t.Error("seeds 3 and 4 give the same noise")
	}
}

// TestLabelNoiseIsUniform counts which labels those of one class turn into.
func TestLabelNoiseIsUniform(t *testing.T) {
	d := numbered(t, 120)
	counts := make([]float64, 3)
	for seed := range uint64(200) {
		noisy, err := d.WithLabelNoise(1, seed)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < 120; i += 3 { // class 0
			counts[noisy.Label(i)]++
		}
	}
	if n := counts[1] + counts[2]; counts[0] != 0 || math.Abs(counts[1]-counts[2]) > 4*math.Sqrt(n) {
		t.Errorf("class 0 becomes %v", counts)
	}
}

func TestLabelNoiseErrors(t *testing.T) {
	for _, share := range []float64{-0.1, 1.1, math.NaN()} {
		if d, err := numbered(t, 5).WithLabelNoise(share, 1); err == nil || d != nil {
			t.Errorf("share %v: %v", share, d)
		}
	}
	one, err := New("one", Shape{1, 1, 1}, []string{"only"}, []byte{7}, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := one.WithLabelNoise(1, 1); err == nil || d != nil {
		t.Errorf("one class: %v", d)
	}
}
