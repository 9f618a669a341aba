package datasets

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"slices"
	"testing"
	"testing/iotest"
)

// cifarOf makes n images with the labels first, first+1 and so on.
func cifarOf(n, first int, f cifarFormat) *CIFAR {
	x := new(CIFAR)
	for i := range n {
		image := make([]byte, 3072)
		for p := range image {
			image[p] = byte(p*3 + i + first)
		}
		x.Images = append(x.Images, image)
		x.Labels = append(x.Labels, (first+i)%f.classes[len(f.classes)-1])
		if len(f.classes) == 2 {
			x.Coarse = append(x.Coarse, (first+2*i)%20)
		}
	}
	return x
}

func cifarFile(t testing.TB, x *CIFAR, f cifarFormat) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.write(&b, x); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var cifarFormats = map[string]struct {
	format cifarFormat
	read   func(io.Reader) (*CIFAR, error)
	write  func(io.Writer, *CIFAR) error
}{
	"cifar-10":  {cifar10Format, ReadCIFAR10, WriteCIFAR10},
	"cifar-100": {cifar100Format, ReadCIFAR100, WriteCIFAR100},
}

func TestWriteCIFARBytes(t *testing.T) {
	image := slices.Repeat([]byte{7}, 3072)
	var b bytes.Buffer
	if err := WriteCIFAR10(&b, &CIFAR{Images: [][]byte{image}, Labels: []int{9}}); err != nil {
		t.Fatal(err)
	}
	if want := append([]byte{9}, image...); !bytes.Equal(b.Bytes(), want) {
		t.Error("a CIFAR-10 record is not its label and its pixels")
	}
	b.Reset()
	if err := WriteCIFAR100(&b, &CIFAR{Images: [][]byte{image}, Labels: []int{99}, Coarse: []int{19}}); err != nil {
		t.Fatal(err)
	}
	if want := append([]byte{19, 99}, image...); !bytes.Equal(b.Bytes(), want) {
		t.Error("a CIFAR-100 record is not its superclass, its class and its pixels")
	}
}

func TestCIFARRoundTrip(t *testing.T) {
	for name, c := range cifarFormats {
		for _, n := range []int{1, 3, 4, 5, 11, 12, 13, 1020, 1600} {
			want := cifarOf(n, 3, c.format)
			plain := cifarFile(t, want, c.format)
			for kind, file := range map[string][]byte{"plain": plain, "gzip": gzipped(t, plain)} {
				got, err := c.read(iotest.HalfReader(bytes.NewReader(file)))
				if err != nil {
					t.Fatalf("%s, %d images, %s: %v", name, n, kind, err)
				}
				if !reflect.DeepEqual(want, got) {
					t.Errorf("%s, %d images, %s: something else came back", name, n, kind)
				}
			}
		}
	}
}

func TestReadCIFARBroken(t *testing.T) {
	one10 := cifarFile(t, cifarOf(2, 0, cifar10Format), cifar10Format)
	one100 := cifarFile(t, cifarOf(2, 0, cifar100Format), cifar100Format)
	with := func(file []byte, at int, value byte) []byte {
		file = slices.Clone(file)
		file[at] = value
		return file
	}
	for _, test := range []struct {
		name string
		read func(io.Reader) (*CIFAR, error)
		file []byte
		want error
	}{
		{"empty", ReadCIFAR10, nil, io.ErrUnexpectedEOF},
		{"empty gzip", ReadCIFAR10, gzipped(t, nil), io.ErrUnexpectedEOF},
		{"first label", ReadCIFAR10, with(one10, 0, 10), ErrFormat},
		{"second label", ReadCIFAR10, with(one10, 3073, 255), ErrFormat},
		{"trailing byte", ReadCIFAR10, append(slices.Clone(one10), 0), io.ErrUnexpectedEOF},
		{"superclass", ReadCIFAR100, with(one100, 0, 20), ErrFormat},
		{"class", ReadCIFAR100, with(one100, 1, 100), ErrFormat},
		{"second superclass", ReadCIFAR100, with(one100, 3074, 20), ErrFormat},
		{"CIFAR-10 as CIFAR-100", ReadCIFAR100, one10, io.ErrUnexpectedEOF},
		{"CIFAR-100 as CIFAR-10", ReadCIFAR10, one100, io.ErrUnexpectedEOF},
		{"error page", ReadCIFAR10, slices.Repeat([]byte("<html>\n"), 439), ErrFormat},
	} {
		x, err := test.read(bytes.NewReader(test.file))
		if !errors.Is(err, test.want) || x != nil {
			t.Errorf("%s: %v, error %v, want %v", test.name, x, err, test.want)
		}
	}
}

// TestReadCIFARCut truncates files at every byte. A cut between two records cannot be detected.
func TestReadCIFARCut(t *testing.T) {
	for name, c := range cifarFormats {
		file := cifarFile(t, cifarOf(3, 0, c.format), c.format)
		for n := range file {
			x, err := c.read(bytes.NewReader(file[:n]))
			if record := len(file) / 3; n > 0 && n%record == 0 {
				if err != nil || len(x.Images) != n/record {
					t.Errorf("%s cut after record %d: %v, %v", name, n/record, x, err)
				}
				continue
			}
			if !errors.Is(err, io.ErrUnexpectedEOF) || x != nil {
				t.Fatalf("%s cut at %d: %v, %v", name, n, x, err)
			}
		}
		compressed := gzipped(t, file)
		for n := range compressed {
			if x, err := c.read(bytes.NewReader(compressed[:n])); !errors.Is(err, io.ErrUnexpectedEOF) || x != nil {
				t.Fatalf("%s in gzip cut at %d of %d: %v, %v", name, n, len(compressed), x, err)
			}
		}
	}
}

func TestReadCIFARReaderError(t *testing.T) {
	broken := errors.New("broken disk")
	file := cifarFile(t, cifarOf(1, 0, cifar10Format), cifar10Format)
	for _, n := range []int{0, 1, 2, 1000, len(file)} {
		r := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken))
		if x, err := ReadCIFAR10(r); !errors.Is(err, broken) || x != nil {
			t.Errorf("after %d bytes: %v, %v", n, x, err)
		}
	}
}

func TestWriteCIFARErrors(t *testing.T) {
	change := func(f func(*CIFAR)) *CIFAR {
		x := cifarOf(2, 0, cifar100Format)
		f(x)
		return x
	}
	for name, x := range map[string]*CIFAR{
		"labels missing": change(func(x *CIFAR) { x.Labels = x.Labels[:1] }),
		"coarse missing": change(func(x *CIFAR) { x.Coarse = nil }),
		"label":          change(func(x *CIFAR) { x.Labels[1] = 100 }),
		"negative label": change(func(x *CIFAR) { x.Labels[1] = -1 }),
		"coarse":         change(func(x *CIFAR) { x.Coarse[1] = 20 }),
		"image":          change(func(x *CIFAR) { x.Images[1] = x.Images[1][1:] }),
	} {
		var b bytes.Buffer
		if err := WriteCIFAR100(&b, x); !errors.Is(err, ErrFormat) || b.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes written", name, err, b.Len())
		}
	}
}

func fuzzCIFAR(f *testing.F, name string) {
	c := cifarFormats[name]
	for n := 1; n < 3; n++ {
		file := cifarFile(f, cifarOf(n, 5, c.format), c.format)
		f.Add(file)
		f.Add(gzipped(f, file))
		f.Add(file[:len(file)-1])
	}
	if file, err := os.ReadFile(realData + "/cifar-10-batches-bin/test_batch.bin"); err == nil {
		f.Add(file[:2*3073])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		x, err := c.read(bytes.NewReader(file))
		if (x == nil) != (err != nil) {
			t.Fatalf("value %v with error %v", x, err)
		}
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := c.write(&again, x); err != nil {
			t.Fatal(err)
		}
		y, err := c.read(&again)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(x, y) {
			t.Error("something else came back")
		}
	})
}

func FuzzReadCIFAR10(f *testing.F)  { fuzzCIFAR(f, "cifar-10") }
func FuzzReadCIFAR100(f *testing.F) { fuzzCIFAR(f, "cifar-100") }

func BenchmarkReadCIFAR10(b *testing.B) {
	file := cifarFile(b, cifarOf(10000, 0, cifar10Format), cifar10Format)
	b.ReportAllocs()
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := ReadCIFAR10(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
}
