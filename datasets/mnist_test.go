package datasets

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/layernoise/layernoise/internal/testfile"
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
					content = testfile.Gzip(t, content)
				}
				testfile.Write(t, filepath.Join(dir, name), content)
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
				testfile.Write(t, filepath.Join(dir, "train-images-idx3-ubyte"), test.images)
			}
			if test.labels != nil {
				testfile.Write(t, filepath.Join(dir, "train-labels-idx1-ubyte"), test.labels)
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
	testfile.Write(t, path, []byte("<!DOCTYPE"))
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

// idxFile encodes a small array of the given dimensions.
func idxFile(t testing.TB, dims ...int) []byte {
	t.Helper()
	size := 1
	for _, d := range dims {
		size *= d
	}
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*7 + 3)
	}
	var b bytes.Buffer
	if err := WriteIDX(&b, &IDX{Dims: dims, Data: data}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWriteIDXBytes(t *testing.T) {
	var b bytes.Buffer
	if err := WriteIDX(&b, &IDX{Dims: []int{2, 1, 3}, Data: []byte{1, 2, 3, 4, 5, 6}}); err != nil {
		t.Fatal(err)
	}
	want := "\x00\x00\x08\x03" + "\x00\x00\x00\x02" + "\x00\x00\x00\x01" + "\x00\x00\x00\x03" + "\x01\x02\x03\x04\x05\x06"
	if b.String() != want {
		t.Errorf("% x, want % x", b.String(), want)
	}
}

func TestReadIDXRoundTrip(t *testing.T) {
	for _, dims := range [][]int{{}, {0}, {5}, {3, 4}, {2, 3, 4}, {2, 0, 4}, {3, 700, 1000}} {
		plain := idxFile(t, dims...)
		for name, file := range map[string][]byte{"plain": plain, "gzip": testfile.Gzip(t, plain)} {
			x, err := ReadIDX(iotest.HalfReader(bytes.NewReader(file)))
			if err != nil {
				t.Errorf("%v %s: %v", dims, name, err)
				continue
			}
			if diff := cmp.Diff(dims, x.Dims); diff != "" {
				t.Errorf("%v %s: dimensions %s", dims, name, diff)
			}
			if header := 4 + 4*len(dims); !bytes.Equal(x.Data, plain[header:]) {
				t.Errorf("%v %s: other data than was written", dims, name)
			}
		}
	}
}

// TestReadIDXBroken reads malformed files.
func TestReadIDXBroken(t *testing.T) {
	badSum := testfile.Gzip(t, idxFile(t, 2, 3))
	badSum[len(badSum)-6] ^= 1
	for _, test := range []struct {
		name, file string
		want       error
	}{
		{"empty", "", io.ErrUnexpectedEOF},
		{"one byte", "\x00", io.ErrUnexpectedEOF},
		{"magic", "\x00\x01\x08\x01\x00\x00\x00\x00", ErrFormat},
		{"error page", "<!DOCTYPE html><html>", ErrFormat},
		{"signed bytes", "\x00\x00\x09\x01\x00\x00\x00\x00", ErrFormat},
		{"floats", "\x00\x00\x0d\x01\x00\x00\x00\x00", ErrFormat},
		{"negative count", "\x00\x00\x08\x01\xff\xff\xff\xff", ErrFormat},
		{"most negative count", "\x00\x00\x08\x01\x80\x00\x00\x00", ErrFormat},
		{"huge count", "\x00\x00\x08\x01\x7f\xff\xff\xff\x01", io.ErrUnexpectedEOF},
		{"huge counts", "\x00\x00\x08\x02\x7f\xff\xff\xff\x7f\xff\xff\xff\x01", io.ErrUnexpectedEOF},
		{"overflow", "\x00\x00\x08\x03" + strings.Repeat("\x7f\xff\xff\xff", 3), ErrFormat},
		{"overflow after zero", "\x00\x00\x08\x04\x00\x00\x00\x00" + strings.Repeat("\x7f\xff\xff\xff", 3) + "\x01", ErrFormat},
		{"trailing byte", string(idxFile(t, 2, 3)) + "\x00", ErrFormat},
		{"trailing byte in gzip", string(testfile.Gzip(t, append(idxFile(t, 2, 3), 0))), ErrFormat},
		{"trailing byte after gzip", string(testfile.Gzip(t, idxFile(t, 2, 3))) + "\x01", io.ErrUnexpectedEOF},
		{"gzip checksum", string(badSum), gzip.ErrChecksum},
		{"gzip header", "\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x00", gzip.ErrHeader},
	} {
		t.Run(test.name, func(t *testing.T) {
			x, err := ReadIDX(strings.NewReader(test.file))
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if x != nil {
				t.Error("a value together with an error")
			}
		})
	}
}

// TestReadIDXCut truncates files at every byte.
func TestReadIDXCut(t *testing.T) {
	plain := idxFile(t, 3, 4, 5)
	for name, file := range map[string][]byte{"plain": plain, "gzip": testfile.Gzip(t, plain)} {
		for n := range file {
			x, err := ReadIDX(bytes.NewReader(file[:n]))
			if !errors.Is(err, io.ErrUnexpectedEOF) || x != nil {
				t.Errorf("%s cut at %d of %d: %v, %v", name, n, len(file), x, err)
			}
		}
	}
}

func TestReadIDXReaderError(t *testing.T) {
	broken := errors.New("broken disk")
	file := idxFile(t, 3, 4)
	for n := range len(file) + 1 {
		r := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken))
		if x, err := ReadIDX(r); !errors.Is(err, broken) || x != nil {
			t.Errorf("after %d bytes: %v, %v", n, x, err)
		}
	}
}

// TestReadIDXAllocation reads files that claim 2 GB but have a few bytes, or a little more than the first allocation.
func TestReadIDXAllocation(t *testing.T) {
	for _, arrived := range []int{1, firstChunk + 1} {
		file := "\x00\x00\x08\x01\x7f\xff\xff\xff" + strings.Repeat("x", arrived)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := ReadIDX(strings.NewReader(file)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
			t.Errorf("%d bytes allocated for %d that arrived", got, arrived)
		}
	}
}

func TestWriteIDXErrors(t *testing.T) {
	for name, x := range map[string]*IDX{
		"short data":      {Dims: []int{2, 3}, Data: make([]byte, 5)},
		"long data":       {Dims: []int{2, 3}, Data: make([]byte, 7)},
		"negative":        {Dims: []int{-1, -1}, Data: make([]byte, 1)},
		"too large":       {Dims: []int{1 << 31, 0}},
		"many dimensions": {Dims: make([]int, 256)},
	} {
		var b bytes.Buffer
		if err := WriteIDX(&b, x); !errors.Is(err, ErrFormat) || b.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes written", name, err, b.Len())
		}
	}
}

func FuzzReadIDX(f *testing.F) {
	f.Add(idxFile(f, 2, 3, 4))
	f.Add(testfile.Gzip(f, idxFile(f, 2, 3, 4)))
	f.Add(idxFile(f, 7))
	if labels, err := os.ReadFile(realData + "/fashion/t10k-labels-idx1-ubyte.gz"); err == nil {
		f.Add(labels)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		x, err := ReadIDX(bytes.NewReader(file))
		if (x == nil) != (err != nil) {
			t.Fatalf("value %v with error %v", x, err)
		}
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := WriteIDX(&again, x); err != nil {
			t.Fatal(err)
		}
		y, err := ReadIDX(&again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(x, y); diff != "" {
			t.Error(diff)
		}
	})
}

func BenchmarkReadIDX(b *testing.B) {
	plain := idxFile(b, 10000, 28, 28)
	for _, test := range []struct {
		name string
		file []byte
	}{{"plain", plain}, {"gzip", testfile.Gzip(b, plain)}} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				if _, err := ReadIDX(bytes.NewReader(test.file)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
