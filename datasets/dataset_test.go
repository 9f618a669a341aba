package datasets

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func TestNew(t *testing.T) {
	shape := Shape{1, 1, 2}
	for _, test := range []struct {
		name    string
		shape   Shape
		classes int
		pixels  int
		labels  []int
		want    error // nil if it need not be one of the sentinels
	}{
		{"pixels missing", shape, 2, 3, []int{0, 1}, ErrFormat},
		{"pixels left", shape, 2, 5, []int{0, 1}, ErrFormat},
		{"labels missing", shape, 2, 4, nil, ErrFormat},
		{"label too large", shape, 2, 4, []int{0, 2}, ErrFormat},
		{"negative label", shape, 2, 4, []int{-1, 1}, ErrFormat},
		{"no classes", shape, 0, 2, []int{0}, ErrFormat},
		{"no rows", Shape{1, 0, 2}, 1, 0, nil, errAny},
		{"too many pixels", Shape{1 << 32, 1 << 32, 2}, 1, 0, nil, errAny},
		{"negative sides", Shape{1, -1, -2}, 1, 2, []int{0}, errAny},
	} {
		d, err := New(test.name, test.shape, make([]string, test.classes), make([]byte, test.pixels), test.labels)
		if err == nil || d != nil || (test.want != errAny && !errors.Is(err, test.want)) {
			t.Errorf("%s: %v, error %v, want %v", test.name, d, err, test.want)
		}
	}
}

var errAny = errors.New("any error")

// TestNewCopies modifies the arguments of New afterwards: labels and classes are copied, and pixels, as documented, are not.
func TestNewCopies(t *testing.T) {
	classes, pixels, labels := []string{"a", "b"}, []byte{1, 2}, []int{0, 1}
	d, err := New("copies", Shape{1, 1, 1}, classes, pixels, labels)
	if err != nil {
		t.Fatal(err)
	}
	classes[0], pixels[0], labels[0] = "changed", 9, 9
	if d.Classes()[0] != "a" || d.Label(0) != 0 || d.Pixels(0)[0] != 9 {
		t.Errorf("class %q, label %d, pixel %d", d.Classes()[0], d.Label(0), d.Pixels(0)[0])
	}
}

func TestDatasetAccess(t *testing.T) {
	d := numbered(t, 4)
	if d.Len() != 4 || d.Name() != "numbered" || d.Shape() != (Shape{2, 1, 3}) || d.Label(2) != 2 {
		t.Errorf("%d images, %q, %v, label %d", d.Len(), d.Name(), d.Shape(), d.Label(2))
	}
	if got, want := d.String(), "numbered: 4 images of 2x1x3, 3 classes"; got != want {
		t.Errorf("String is %q, want %q", got, want)
	}
	if got, want := d.Counts(), []int{2, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("counts %v, want %v", got, want)
	}
	// The caller may modify what is returned.
	d.Labels()[0], d.Classes()[0] = 9, "changed"
	mean, std := d.Normalisation()
	mean[0], std[0] = 9, 9
	mean, std = d.Normalisation()
	if d.Label(0) != 0 || d.Classes()[0] != "a" || mean[0] == 9 || std[0] == 9 {
		t.Error("the data set has changed")
	}
}

func TestMoments(t *testing.T) {
	d, err := New("two", Shape{2, 1, 2}, []string{"a"}, []byte{0, 255, 51, 51, 255, 0, 51, 51}, []int{0, 0})
	if err != nil {
		t.Fatal(err)
	}
	mean, std := d.Moments()
	want := []float64{0.5, 0.2, 0.5, 1} // a constant channel counts as deviation 1
	for i, got := range append(mean, std...) {
		if math.Abs(got-want[i]) > 1e-15 {
			t.Errorf("moments %v and %v, want %v", mean, std, want)
			break
		}
	}
	mean, std = d.pick(nil).Moments()
	if !slices.Equal(mean, []float64{0, 0}) || !slices.Equal(std, []float64{1, 1}) {
		t.Errorf("moments of nothing: %v and %v", mean, std)
	}
}
