package datasets

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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
					writeFile(t, filepath.Join(dir, test.folder, name+".gz"), gzipped(t, contents[i]))
				} else {
					writeFile(t, filepath.Join(dir, test.folder, name), contents[i])
				}
			}
			checkCIFAR10(t, dir)
		})
	}
}

func TestCIFAR10Archive(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "cifar-10-binary.tar.gz"), gzipped(t, packedCIFAR10(t)))
	checkCIFAR10(t, dir)
}

func TestCIFAR100(t *testing.T) {
	x := cifarOf(30, 3, cifar100Format)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "cifar-100-binary", "train.bin"), cifarFile(t, x, cifar100Format))
	writeFile(t, filepath.Join(dir, "cifar-100-binary.tar.gz"), gzipped(t, tarOf(t,
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
	badSum := gzipped(t, archive)
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
		{"no files", "cifar-10-binary.tar.gz", gzipped(t, tarOf(t)), ErrFormat, "data_batch_1.bin"},
		{"no tar", "cifar-10-binary.tar.gz", gzipped(t, slices.Repeat([]byte("<html>"), 200)), tar.ErrHeader, ""},
		{"bad sum", "cifar-10-binary.tar.gz", badSum, errAny, "checksum"},
		{"broken batch", "cifar-10-binary.tar.gz", tarOf(t, "cifar-10-batches-bin/data_batch_4.bin", []byte{0}), io.ErrUnexpectedEOF, "data_batch_4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, test.file), test.content)
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
	compressed := gzipped(t, plain)
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
	file := gzipped(b, tarOf(b, "cifar-10-batches-bin/test_batch.bin", cifarFile(b, x, cifar10Format)))
	b.SetBytes(2000 * 3073)
	for b.Loop() {
		if _, err := (cifarArchive{cifar10Format, cifar10.folder, cifar10.files[Test]}).read(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
}
