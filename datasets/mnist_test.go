package datasets

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// realData is a folder with real data sets, fashion and cifar-10-batches-bin, which are not part of the repository.
var realData = os.Getenv("LAYERNOISE_TEST_DATA")

func realFolder(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(realData, name)
	if _, err := os.Stat(dir); realData == "" || err != nil {
		t.Skipf("no real images of %s: LAYERNOISE_TEST_DATA is %q, want a folder that holds their files", name, realData)
	}
	return dir
}

func writeFile(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestIDXLayouts opens the same images in each documented layout.
func TestIDXLayouts(t *testing.T) {
	images, labels := idxFile(t, 5, 28, 28), labelFile(t, 9, 0, 3, 3, 1)
	type opener = func(string, Split, ...Option) (*Dataset, error)
	for _, test := range []struct {
		layout         string
		open           opener
		images, labels string
		split          Split
	}{
		{"flat", MNIST, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", Train},
		{"test", MNIST, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", Test},
		{"gzip", MNIST, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", Train},
		{"mixed", MNIST, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte", Train},
		{"dotted", MNIST, "train-images.idx3-ubyte", "train-labels.idx1-ubyte.gz", Train},
		{"raw", MNIST, "raw/train-images-idx3-ubyte", "raw/train-labels-idx1-ubyte", Train},
		{"torchvision", MNIST, "MNIST/raw/train-images-idx3-ubyte", "MNIST/raw/train-labels-idx1-ubyte", Train},
		{"folder", MNIST, "mnist/t10k-images-idx3-ubyte", "mnist/t10k-labels-idx1-ubyte", Test},
		{"fashion", FashionMNIST, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", Train},
		{"fashion torchvision", FashionMNIST, "FashionMNIST/raw/t10k-images-idx3-ubyte", "FashionMNIST/raw/t10k-labels-idx1-ubyte", Test},
		{"fashion keras", FashionMNIST, "fashion-mnist/train-images-idx3-ubyte.gz", "fashion-mnist/train-labels-idx1-ubyte.gz", Train},
	} {
		t.Run(test.layout, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range map[string][]byte{test.images: images, test.labels: labels} {
				if filepath.Ext(name) == ".gz" {
					content = gzipped(t, content)
				}
				writeFile(t, filepath.Join(dir, name), content)
			}
			d, err := test.open(dir, test.split)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := d.Labels(), []int{9, 0, 3, 3, 1}; !slices.Equal(got, want) {
				t.Errorf("labels %v, want %v", got, want)
			}
			if got, want := d.Pixels(1), images[16+784:16+2*784]; !slices.Equal(got, want) {
				t.Error("image 1 has other pixels than its file")
			}
		})
	}
}

func labelFile(t testing.TB, labels ...byte) []byte {
	t.Helper()
	file := idxFile(t, len(labels))
	copy(file[8:], labels)
	return file
}

func TestIDXSetErrors(t *testing.T) {
	labels := labelFile(t, 1, 2)
	for _, test := range []struct {
		name           string
		images, labels []byte
		want           error
	}{
		{"no images", nil, labels, ErrNotFound},
		{"no labels", idxFile(t, 2, 28, 28), nil, ErrNotFound},
		{"more labels", idxFile(t, 1, 28, 28), labels, ErrFormat},
		{"more images", idxFile(t, 3, 28, 28), labels, ErrFormat},
		{"label out of range", idxFile(t, 2, 28, 28), labelFile(t, 1, 10), ErrFormat},
		{"size", idxFile(t, 2, 28, 27), labels, ErrFormat},
		{"labels of two dimensions", idxFile(t, 2, 28, 28), idxFile(t, 2, 1), ErrFormat},
		{"swapped", labels, idxFile(t, 2, 28, 28), ErrFormat},
		{"labels for images", labels, labels, ErrFormat},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if test.images != nil {
				writeFile(t, filepath.Join(dir, "train-images-idx3-ubyte"), test.images)
			}
			if test.labels != nil {
				writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), test.labels)
			}
			d, err := MNIST(dir, Train)
			if !errors.Is(err, test.want) || d != nil {
				t.Errorf("%v, error %v, want %v", d, err, test.want)
			}
		})
	}
	if d, err := MNIST(t.TempDir(), 2); err == nil || d != nil {
		t.Errorf("split 2: %v, %v", d, err)
	}
	if d, err := MNIST(t.TempDir(), Train, nil); err == nil || errors.Is(err, ErrNotFound) || d != nil {
		t.Errorf("nil option: %v, %v", d, err)
	}
}

// TestErrorMessages pins the form of errors: package, data set, file, reason.
func TestErrorMessages(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "train-images-idx3-ubyte")
	_, err := MNIST(dir, Train)
	names := "train-images-idx3-ubyte or train-images-idx3-ubyte.gz or train-images.idx3-ubyte or train-images.idx3-ubyte.gz"
	if want := "datasets: MNIST: " + names + " in " + dir + ": files not found"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	writeFile(t, path, []byte("<!DOCTYPE"))
	_, err = MNIST(dir, Train)
	if want := "datasets: MNIST: " + path + ": magic number 3c 21 44 4f: malformed data"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

// checkReal checks that a data set has n images, equally many of each of ten classes, whose first have the given labels.
func checkReal(t *testing.T, d *Dataset, n int, labels []int) {
	t.Helper()
	if got, want := d.Counts(), slices.Repeat([]int{n / 10}, 10); !slices.Equal(got, want) {
		t.Errorf("%v: counts %v, want %v", d, got, want)
	}
	if got := d.Labels()[:len(labels)]; !slices.Equal(got, labels) {
		t.Errorf("%v: first labels %v, want %v", d, got, labels)
	}
}

func TestRealFashionMNIST(t *testing.T) {
	dir := realFolder(t, "fashion")
	for _, test := range []struct {
		split  Split
		n      int
		labels []int // of the first images
	}{
		{Train, 60000, []int{9, 0, 0, 3, 0, 2, 7, 2, 5, 5}},
		{Test, 10000, []int{9, 2, 1, 1, 6, 1, 4, 6, 5, 7}},
	} {
		d, err := FashionMNIST(dir, test.split)
		if err != nil {
			t.Fatal(err)
		}
		checkReal(t, d, test.n, test.labels)
		if test.split != Train {
			continue
		}
		mean, std := d.Moments()
		if math.Abs(mean[0]-0.2860) > 5e-5 || math.Abs(std[0]-0.3530) > 5e-5 {
			t.Errorf("%v: mean %.5f and standard deviation %.5f, want 0.2860 and 0.3530", d, mean[0], std[0])
		}
	}
}
