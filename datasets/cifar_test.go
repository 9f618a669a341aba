package datasets

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/layernoise/layernoise/internal/testfile"
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
			for kind, file := range map[string][]byte{"plain": plain, "gzip": testfile.Gzip(t, plain)} {
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
		{"empty gzip", ReadCIFAR10, testfile.Gzip(t, nil), io.ErrUnexpectedEOF},
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
		compressed := testfile.Gzip(t, file)
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
		f.Add(testfile.Gzip(f, file))
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

// tarOf packs files, given as alternating names and contents.
func tarOf(t testing.TB, entries ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		content := entries[i+1].([]byte)
		header := &tar.Header{Name: entries[i].(string), Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// cifar10Batches returns five files of two images with the labels 0 to 9, and one of a single image.
func cifar10Batches(t testing.TB) (names []string, contents [][]byte) {
	names = append(slices.Clone(cifar10.files[Train]), "test_batch.bin")
	for i := range 5 {
		contents = append(contents, cifarFile(t, cifarOf(2, 2*i, cifar10Format), cifar10Format))
	}
	return names, append(contents, cifarFile(t, cifarOf(1, 7, cifar10Format), cifar10Format))
}

// packedCIFAR10 returns an archive of cifar10Batches, in a different order and with files that are not read.
func packedCIFAR10(t testing.TB) []byte {
	names, contents := cifar10Batches(t)
	entries := []any{"cifar-10-batches-bin/readme.html", []byte("<html>"), "../data_batch_1.bin", []byte("trap"),
		"elsewhere/data_batch_2.bin", []byte("trap")}
	for _, i := range []int{3, 0, 5, 4, 1, 2} {
		entries = append(entries, "./cifar-10-batches-bin/"+names[i], contents[i])
	}
	return tarOf(t, entries...)
}

func checkCIFAR10(t *testing.T, dir string) {
	t.Helper()
	train, err := CIFAR10(dir, Train)
	if err != nil {
		t.Fatal(err)
	}
	if got := train.Labels(); !slices.Equal(got, upTo(10)) {
		t.Errorf("labels %v", got)
	}
	for i := range 10 {
		if p := train.Pixels(i)[1000]; p != byte(3000+i) {
			t.Errorf("image %d has pixel %d", i, p)
		}
	}
	test, err := CIFAR10(dir, Test)
	if err != nil {
		t.Fatal(err)
	}
	if got := test.Labels(); !slices.Equal(got, []int{7}) {
		t.Errorf("test labels %v", got)
	}
	if got, want := test.String(), "CIFAR-10 test: 1 images of 3x32x32, 10 classes"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCIFAR10Folders(t *testing.T) {
	names, contents := cifar10Batches(t)
	for _, test := range []struct {
		name, folder string
		compressed   bool
	}{{"flat", ".", false}, {"unpacked", "cifar-10-batches-bin", false}, {"compressed", ".", true}} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for i, name := range names {
				if test.compressed {
					testfile.Write(t, filepath.Join(dir, test.folder, name+".gz"), testfile.Gzip(t, contents[i]))
				} else {
					testfile.Write(t, filepath.Join(dir, test.folder, name), contents[i])
				}
			}
			checkCIFAR10(t, dir)
		})
	}
}

func TestCIFAR10Archive(t *testing.T) {
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "cifar-10-binary.tar.gz"), testfile.Gzip(t, packedCIFAR10(t)))
	checkCIFAR10(t, dir)
}

func TestCIFAR100(t *testing.T) {
	x := cifarOf(30, 3, cifar100Format)
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "cifar-100-binary", "train.bin"), cifarFile(t, x, cifar100Format))
	testfile.Write(t, filepath.Join(dir, "cifar-100-binary.tar.gz"), testfile.Gzip(t, tarOf(t,
		"cifar-100-binary/train.bin", []byte("not read: the folder comes first"),
		"cifar-100-binary/test.bin", cifarFile(t, x, cifar100Format))))
	for _, split := range []Split{Train, Test} {
		fine, err := CIFAR100(dir, split)
		if err != nil {
			// The archive's other file is not decoded for this split.
			t.Fatal(err)
		}
		coarse, err := CIFAR100Coarse(dir, split)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(fine.Labels(), x.Labels) || !slices.Equal(coarse.Labels(), x.Coarse) {
			t.Errorf("%v: labels %v and %v", split, fine.Labels(), coarse.Labels())
		}
		if len(fine.Classes()) != 100 || len(coarse.Classes()) != 20 {
			t.Errorf("%v: %d and %d classes", split, len(fine.Classes()), len(coarse.Classes()))
		}
	}
}

// TestCIFAR100Classes checks the lists of names: complete and in order.
func TestCIFAR100Classes(t *testing.T) {
	for _, list := range [][]string{cifar100Classes, cifar100Superclasses, cifar10Classes} {
		if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
			t.Errorf("not in order: %v", list)
		}
	}
	if len(cifar100Classes) != 100 || len(cifar100Superclasses) != 20 {
		t.Errorf("%d classes in %d superclasses", len(cifar100Classes), len(cifar100Superclasses))
	}
}

func TestCIFARErrors(t *testing.T) {
	archive := packedCIFAR10(t)
	badSum := testfile.Gzip(t, archive)
	badSum[len(badSum)-5] ^= 1
	names, contents := cifar10Batches(t)
	for _, test := range []struct {
		name, file string
		content    []byte
		want       error
		message    string
	}{
		{"nothing", "readme", nil, ErrNotFound, "cifar-10-binary.tar.gz"},
		{"one batch only", names[0], contents[0], ErrNotFound, "neither data_batch_2.bin nor cifar-10-binary.tar.gz in "},
		{"python archive", "cifar-10-python.tar.gz", nil, ErrNotFound, "cifar-10-python.tar.gz in "},
		{"empty archive", "cifar-10-binary.tar.gz", nil, io.ErrUnexpectedEOF, ""},
		{"no files", "cifar-10-binary.tar.gz", testfile.Gzip(t, tarOf(t)), ErrFormat, "data_batch_1.bin"},
		{"no tar", "cifar-10-binary.tar.gz", testfile.Gzip(t, slices.Repeat([]byte("<html>"), 200)), tar.ErrHeader, ""},
		{"bad sum", "cifar-10-binary.tar.gz", badSum, errAny, "checksum"},
		{"broken batch", "cifar-10-binary.tar.gz", tarOf(t, "cifar-10-batches-bin/data_batch_4.bin", []byte{0}), io.ErrUnexpectedEOF, "data_batch_4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			testfile.Write(t, filepath.Join(dir, test.file), test.content)
			d, err := CIFAR10(dir, Train)
			if err == nil || d != nil || (test.want != errAny && !errors.Is(err, test.want)) {
				t.Fatalf("%v, error %v, want %v", d, err, test.want)
			}
			if !strings.Contains(err.Error(), test.message) {
				t.Errorf("error %q does not say %q", err, test.message)
			}
		})
	}
	if d, err := CIFAR10(t.TempDir(), -1); err == nil || d != nil {
		t.Errorf("split -1: %v", d)
	}
}

// TestCIFARArchiveCut truncates an archive at every byte of its compressed form, and the uncompressed one within each of its
// blocks.
func TestCIFARArchiveCut(t *testing.T) {
	plain := packedCIFAR10(t)
	compressed := testfile.Gzip(t, plain)
	read := cifarArchive{cifar10Format, cifar10.folder, cifar10.files[Train]}.read
	for n := range compressed {
		if parts, err := read(bytes.NewReader(compressed[:n])); !errors.Is(err, io.ErrUnexpectedEOF) || parts != nil {
			t.Fatalf("cut at %d of %d: %v, %v", n, len(compressed), parts, err)
		}
	}
	last := bytes.LastIndex(plain, []byte("data_batch_3")) + 100
	for n := 0; n < last; n += 100 {
		parts, err := read(bytes.NewReader(plain[:n]))
		if parts != nil || !(errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrFormat)) {
			t.Fatalf("plain archive cut at %d of %d: %v, %v", n, len(plain), parts, err)
		}
	}
}

// TestCIFARArchiveTakesFiles checks that only regular files count, whatever the names of other entries.
func TestCIFARArchiveTakesFiles(t *testing.T) {
	a := cifarArchive{cifar10Format, cifar10.folder, cifar10.files[Train]}
	for kind, want := range map[byte]int{tar.TypeReg: 1, tar.TypeSymlink: -1, tar.TypeDir: -1} {
		if i := a.index(&tar.Header{Name: cifar10.folder + "/data_batch_2.bin", Typeflag: kind}); i != want {
			t.Errorf("an entry of type %c is number %d, want %d", kind, i, want)
		}
	}
}

func TestRealCIFAR10(t *testing.T) {
	dir := filepath.Dir(realFolder(t, "cifar-10-batches-bin"))
	for _, test := range []struct {
		split  Split
		n      int
		labels []int // of the first images
	}{
		{Train, 10000, []int{9, 7, 0, 7, 8, 7, 6, 9, 7, 0}},
		{Test, 2000, []int{4, 5, 3, 0, 6, 9, 5, 4, 3, 8}},
	} {
		d, err := CIFAR10(dir, test.split)
		if err != nil {
			t.Fatal(err)
		}
		checkReal(t, d, test.n, test.labels)
		// The published moments of all 50,000 images; these are a part of them.
		mean, std := d.Moments()
		for c, want := range []float64{0.4914, 0.4822, 0.4465} {
			if math.Abs(mean[c]-want) > 0.01 {
				t.Errorf("%v: mean %.4f of channel %d, want about %v", d, mean[c], c, want)
			}
		}
		for c, want := range []float64{0.2470, 0.2435, 0.2616} {
			if math.Abs(std[c]-want) > 0.01 {
				t.Errorf("%v: standard deviation %.4f of channel %d, want about %v", d, std[c], c, want)
			}
		}
	}
}

func BenchmarkCIFAR10Archive(b *testing.B) {
	x := cifarOf(2000, 0, cifar10Format)
	file := testfile.Gzip(b, tarOf(b, "cifar-10-batches-bin/test_batch.bin", cifarFile(b, x, cifar10Format)))
	b.SetBytes(2000 * 3073)
	for b.Loop() {
		if _, err := (cifarArchive{cifar10Format, cifar10.folder, cifar10.files[Test]}).read(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
}
