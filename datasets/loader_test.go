package datasets

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gorgonia.org/tensor"
)

// numbered returns a data set of n images of shape 2x1x3. Image i has the pixels 2i, 2i, 2i in its first channel and 2i+1,
// 2i+1, 2i+1 in the second, and the label i%3.
func numbered(t testing.TB, n int) *Dataset {
	t.Helper()
	var pixels []byte
	var labels []int
	for i := range n {
		pixels = append(pixels, slices.Repeat([]byte{byte(2 * i)}, 3)...)
		pixels = append(pixels, slices.Repeat([]byte{byte(2*i + 1)}, 3)...)
		labels = append(labels, i%3)
	}
	d, err := New("numbered", Shape{2, 1, 3}, []string{"a", "b", "c"}, pixels, labels)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// rawPixels makes a Loader return the pixel bytes over 255.
func rawPixels(c LoaderConfig) LoaderConfig {
	c.Mean, c.Std = []float64{0, 0}, []float64{1, 1}
	return c
}

func newLoader(t testing.TB, d *Dataset, c LoaderConfig) *Loader {
	t.Helper()
	l, err := d.Loader(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// shown runs a pass and returns which images of a numbered data set each batch held, after checking that values and labels
// belong together.
func shown(t *testing.T, l *Loader, epoch int) [][]int {
	t.Helper()
	if err := l.Start(epoch); err != nil {
		t.Fatal(err)
	}
	var batches [][]int
	for l.Next() {
		values, labels := l.Images().Data().([]float32), l.Labels()
		if len(values) != 6*len(labels) || l.Images().Shape()[0] != len(labels) {
			t.Fatalf("%d values of shape %v for %d labels", len(values), l.Images().Shape(), len(labels))
		}
		var batch []int
		for i, label := range labels {
			image := int(math.Round(float64(values[6*i]*255) / 2))
			if label != image%3 {
				t.Errorf("image %d with label %d", image, label)
			}
			for j, v := range values[6*i : 6*i+6] {
				if want := float32(float64(2*image+j/3) / 255); v != want {
					t.Errorf("image %d: value %d is %v, want %v", image, j, v, want)
				}
			}
			batch = append(batch, image)
		}
		batches = append(batches, batch)
	}
	if err := l.Err(); err != nil {
		t.Fatal(err)
	}
	return batches
}

func TestLoaderLastBatch(t *testing.T) {
	for _, test := range []struct {
		n    int
		last Last
		want [][]int
	}{
		{7, LastShort, [][]int{{0, 1, 2}, {3, 4, 5}, {6}}},
		{7, LastDrop, [][]int{{0, 1, 2}, {3, 4, 5}}},
		{7, LastPad, [][]int{{0, 1, 2}, {3, 4, 5}, {6, 0, 1}}},
		{6, LastShort, [][]int{{0, 1, 2}, {3, 4, 5}}},
		{6, LastPad, [][]int{{0, 1, 2}, {3, 4, 5}}},
		{2, LastShort, [][]int{{0, 1}}},
		{2, LastDrop, nil},
		{1, LastPad, [][]int{{0, 0, 0}}},
		{0, LastShort, nil},
		{0, LastPad, nil},
	} {
		for workers := range 4 {
			l := newLoader(t, numbered(t, test.n), rawPixels(LoaderConfig{Batch: 3, Last: test.last, Workers: workers}))
			if l.Len() != len(test.want) {
				t.Errorf("%d images, Last %d: %d batches, want %d", test.n, test.last, l.Len(), len(test.want))
			}
			for epoch := range 2 {
				if got := shown(t, l, epoch); !slices.EqualFunc(got, test.want, slices.Equal) {
					t.Errorf("%d images, Last %d, %d workers: %v, want %v", test.n, test.last, workers, got, test.want)
				}
			}
		}
	}
}

func TestLoaderValid(t *testing.T) {
	l := newLoader(t, numbered(t, 7), LoaderConfig{Batch: 3, Last: LastPad})
	if err := l.Start(0); err != nil {
		t.Fatal(err)
	}
	var valid []int
	for l.Next() {
		valid = append(valid, l.Valid())
	}
	if want := []int{3, 3, 1}; !slices.Equal(valid, want) {
		t.Errorf("valid images %v, want %v", valid, want)
	}
}

func TestLoaderShuffle(t *testing.T) {
	d := numbered(t, 100)
	order := func(seed uint64, epoch, workers int) []int {
		l := newLoader(t, d, rawPixels(LoaderConfig{Batch: 8, Shuffle: true, Seed: seed, Workers: workers}))
		return slices.Concat(shown(t, l, epoch)...)
	}
	first := order(1, 0, 1)
	// The order is part of the contract.
	if got, want := first[:8], []int{67, 78, 57, 70, 3, 77, 89, 66}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	if sorted := slices.Sorted(slices.Values(first)); sorted[0] != 0 || sorted[99] != 99 || len(slices.Compact(sorted)) != 100 {
		t.Errorf("not a permutation: %v", first)
	}
	if !slices.Equal(first, order(1, 0, 3)) {
		t.Error("the order depends on the number of workers")
	}
	if slices.Equal(first, order(1, 1, 1)) {
		t.Error("passes 0 and 1 have the same order")
	}
	if slices.Equal(first, order(2, 0, 1)) {
		t.Error("seeds 1 and 2 give the same order")
	}
}

// TestLoaderPassesAreIndependent abandons passes half way and repeats them.
func TestLoaderPassesAreIndependent(t *testing.T) {
	d := numbered(t, 50)
	c := rawPixels(LoaderConfig{Batch: 4, Shuffle: true, Seed: 9, Workers: 2})
	want := shown(t, newLoader(t, d, c), 5)
	l := newLoader(t, d, c)
	for stop := range 4 {
		if err := l.Start(stop); err != nil {
			t.Fatal(err)
		}
		for range stop {
			l.Next()
		}
		if got := shown(t, l, 5); !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("pass 5 after %d batches of pass %d: %v, want %v", stop, stop, got, want)
		}
	}
}

// TestLoaderBatchStaysValid keeps a batch until those prepared ahead are ready.
func TestLoaderBatchStaysValid(t *testing.T) {
	for workers := 1; workers < 4; workers++ {
		l := newLoader(t, numbered(t, 40), LoaderConfig{Batch: 4, Workers: workers})
		if err := l.Start(0); err != nil {
			t.Fatal(err)
		}
		for l.Next() {
			values, labels := l.Images().Data().([]float32), l.Labels()
			before, labelsBefore := slices.Clone(values), slices.Clone(labels)
			for p, b := l.own, l.own.given; b < p.begun; b++ {
				for len(p.slots[b%len(p.slots)].ready) == 0 {
					runtime.Gosched()
				}
			}
			if !slices.Equal(before, values) || !slices.Equal(labelsBefore, labels) {
				t.Fatalf("%d workers: a batch changed while it was in use", workers)
			}
		}
	}
}

func TestLoaderShapesAndTypes(t *testing.T) {
	for _, test := range []struct {
		config LoaderConfig
		dtype  tensor.Dtype
		shapes []tensor.Shape
	}{
		{LoaderConfig{Batch: 4}, tensor.Float32, []tensor.Shape{{4, 2, 1, 3}, {1, 2, 1, 3}}},
		{LoaderConfig{Batch: 4, Flat: true}, tensor.Float32, []tensor.Shape{{4, 6}, {1, 6}}},
		{LoaderConfig{Batch: 4, Dtype: tensor.Float64}, tensor.Float64, []tensor.Shape{{4, 2, 1, 3}, {1, 2, 1, 3}}},
		{LoaderConfig{Batch: 4, Flat: true, Dtype: tensor.Float64}, tensor.Float64, []tensor.Shape{{4, 6}, {1, 6}}},
	} {
		l := newLoader(t, numbered(t, 5), test.config)
		if err := l.Start(0); err != nil {
			t.Fatal(err)
		}
		for _, want := range test.shapes {
			l.Next()
			if x := l.Images(); !x.Shape().Eq(want) || x.Dtype() != test.dtype {
				t.Errorf("%+v: %v of %v, want %v of %v", test.config, x.Shape(), x.Dtype(), want, test.dtype)
			}
		}
	}
}

// TestLoaderNormalises compares both dtypes with the formula.
func TestLoaderNormalises(t *testing.T) {
	d := numbered(t, 3)
	mean, std := []float64{0.25, 0.5}, []float64{0.125, 2}
	c := LoaderConfig{Batch: 3, Flat: true, Mean: mean, Std: std}
	narrow := newLoader(t, d, c)
	c.Dtype = tensor.Float64
	wide := newLoader(t, d, c)
	for _, l := range []*Loader{narrow, wide} {
		if err := l.Start(0); err != nil {
			t.Fatal(err)
		}
		l.Next()
	}
	for i, got := range wide.Images().Data().([]float64) {
		channel := i % 6 / 3
		want := (float64(d.Pixels(i / 6)[i%6])/255 - mean[channel]) / std[channel]
		if got != want {
			t.Errorf("value %d is %v, want %v", i, got, want)
		}
		if got := narrow.Images().Data().([]float32)[i]; got != float32(want) {
			t.Errorf("float32 value %d is %v, want %v", i, got, float32(want))
		}
	}
}

// TestLoaderDefaultNormalisation checks that each channel has mean 0 and variance 1.
func TestLoaderDefaultNormalisation(t *testing.T) {
	l := newLoader(t, numbered(t, 20), LoaderConfig{Batch: 20, Dtype: tensor.Float64})
	if err := l.Start(0); err != nil {
		t.Fatal(err)
	}
	l.Next()
	var sum, squares [2]float64
	for i, x := range l.Images().Data().([]float64) {
		sum[i%6/3] += x
		squares[i%6/3] += x * x
	}
	for c := range 2 {
		if mean, square := sum[c]/60, squares[c]/60; math.Abs(mean) > 1e-12 || math.Abs(square-1) > 1e-12 {
			t.Errorf("channel %d has mean %v and mean square %v", c, mean, square)
		}
	}
}

func TestLoaderConfigErrors(t *testing.T) {
	for name, c := range map[string]LoaderConfig{
		"zero":             {},
		"negative batch":   {Batch: -1},
		"last":             {Batch: 1, Last: 3},
		"negative last":    {Batch: 1, Last: -1},
		"workers":          {Batch: 1, Workers: -1},
		"type":             {Batch: 1, Dtype: tensor.Int},
		"one mean":         {Batch: 1, Mean: []float64{0}},
		"empty deviations": {Batch: 1, Std: []float64{}},
		"zero deviation":   {Batch: 1, Std: []float64{1, 0}},
		"NaN deviation":    {Batch: 1, Std: []float64{1, math.NaN()}},
		"inf deviation":    {Batch: 1, Std: []float64{1, math.Inf(1)}},
		"NaN mean":         {Batch: 1, Mean: []float64{0, math.NaN()}},
		"infinite mean":    {Batch: 1, Mean: []float64{math.Inf(-1), 0}},
		"infinite pixels":  {Batch: 1, Std: []float64{1, 1e-39}},
		"infinite float64": {Batch: 1, Std: []float64{1, 1e-309}, Dtype: tensor.Float64},
		"too large":        {Batch: 1 << 40, Last: LastPad},
	} {
		if l, err := numbered(t, 3).Loader(c); err == nil || l != nil {
			t.Errorf("%s: loader %v, error %v", name, l, err)
		}
	}
}

// TestLoaderHugeSettings asks for batches and workers far beyond the data set: buffers are no larger than its batches.
func TestLoaderHugeSettings(t *testing.T) {
	for name, c := range map[string]LoaderConfig{
		"batch":   {Batch: math.MaxInt},
		"workers": {Batch: 5, Workers: math.MaxInt},
		"both":    {Batch: math.MaxInt, Workers: math.MaxInt},
	} {
		l := newLoader(t, numbered(t, 5), rawPixels(c))
		if got := shown(t, l, 0); l.Len() != 1 || len(got) != 1 || len(got[0]) != 5 {
			t.Errorf("%s: %d batches, %v", name, l.Len(), got)
		}
	}
	newLoader(t, numbered(t, 5), LoaderConfig{Batch: 5, Std: []float64{1, 1e-39}, Dtype: tensor.Float64}) // finite in float64
	for _, last := range []Last{LastShort, LastDrop, LastPad} {
		l := newLoader(t, numbered(t, 0), LoaderConfig{Batch: math.MaxInt, Last: last})
		if got := shown(t, l, 0); l.Len() != 0 || len(got) != 0 {
			t.Errorf("an empty data set has %d batches, %v", l.Len(), got)
		}
	}
}

func TestLoaderMisuse(t *testing.T) {
	l := newLoader(t, numbered(t, 3), LoaderConfig{Batch: 2})
	if l.Next() || l.Err() != ErrNotStarted {
		t.Errorf("Next before Start: error %v", l.Err())
	}
	if err := l.Start(-1); err == nil {
		t.Error("pass -1 was started")
	}
	if err := l.Start(0); err != nil || !l.Next() {
		t.Fatal("the loader does not recover", err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if l.Next() || l.Err() != ErrClosed || l.Start(0) != ErrClosed {
		t.Errorf("after Close: error %v", l.Err())
	}
	if l.Images() != nil || l.Labels() != nil || l.Valid() != 0 {
		t.Error("a closed loader still has a batch")
	}
}

// TestLoaderEndIsStable asks for batches after the end.
func TestLoaderEndIsStable(t *testing.T) {
	l := newLoader(t, numbered(t, 3), LoaderConfig{Batch: 2})
	if err := l.Start(0); err != nil {
		t.Fatal(err)
	}
	for l.Next() {
	}
	if l.Next() || l.Err() != nil || l.Images() != nil {
		t.Errorf("after the end: images %v, error %v", l.Images(), l.Err())
	}
}

// TestLoaderLeavesNoGoroutine drops loaders in the middle of a pass.
func TestLoaderLeavesNoGoroutine(t *testing.T) {
	for range 20 {
		l, err := numbered(t, 60).Loader(LoaderConfig{Batch: 2, Workers: 5})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Start(0); err != nil {
			t.Fatal(err)
		}
		l.Next()
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		stacks := make([]byte, 1<<20)
		left := strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "datasets.(*slot).")
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines prepare batches that nobody will take", left)
		}
		time.Sleep(time.Millisecond)
	}
}
