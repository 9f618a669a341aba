package datasets

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
)

// publishedMNIST is a set like MNIST of 3 images, on a server that counts its
// requests.
func publishedMNIST(t *testing.T) (s *idxSet, dir string, requests *atomic.Int32) {
	t.Helper()
	site := t.TempDir()
	set := mnist
	set.files = make(map[string]publishedFile)
	for name, plain := range map[string][]byte{
		"train-images-idx3-ubyte": idxFile(t, 3, 28, 28),
		"train-labels-idx1-ubyte": labelFile(t, 1, 2, 3),
	} {
		content := gzipped(t, plain)
		writeFile(t, filepath.Join(site, name+".gz"), content)
		set.files[name] = publishedFile{name + ".gz", int64(len(content)), sumOf(content), sumOf(plain)}
	}
	requests = new(atomic.Int32)
	files := http.FileServer(http.Dir(site))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	set.bases = []string{server.URL}
	return &set, filepath.Join(t.TempDir(), "new", "folder"), requests
}

func TestNoDownloadUnasked(t *testing.T) {
	set, dir, requests := publishedMNIST(t)
	if d, err := set.open(dir, Train, nil); !errors.Is(err, ErrNotFound) || d != nil {
		t.Errorf("%v, error %v", d, err)
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was made")
	}
}

func TestDownloadMNIST(t *testing.T) {
	set, dir, requests := publishedMNIST(t)
	opts := []Option{WithDownload(t.Context(), Download{})}
	for range 2 { // the second time from the folder
		d, err := set.open(dir, Train, opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Labels(); !slices.Equal(got, []int{1, 2, 3}) {
			t.Errorf("labels %v", got)
		}
		if n := requests.Load(); n != 2 {
			t.Errorf("%d requests, want one for each file", n)
		}
	}
	if _, err := set.open(dir, Train, nil); err != nil {
		t.Error(err)
	}
}

// TestDownloadAcceptsLocalFiles has files in the folder that differ from the
// published ones in more or less important ways.
func TestDownloadAcceptsLocalFiles(t *testing.T) {
	plain := idxFile(t, 3, 28, 28)
	changed := slices.Clone(plain)
	changed[100] ^= 1
	name := "train-images-idx3-ubyte"
	for _, test := range []struct {
		name    string
		file    string
		content []byte
		want    error
	}{
		{"unpacked", name, plain, nil},
		{"compressed again", name + ".gz", append(gzipped(t, plain[:50]), gzipped(t, plain[50:])...), nil},
		{"changed", name, changed, ErrChecksum},
		{"changed and compressed", name + ".gz", gzipped(t, changed), ErrChecksum},
		{"cut", name + ".gz", gzipped(t, plain)[:50], errAny},
	} {
		set, dir, requests := publishedMNIST(t)
		path := filepath.Join(dir, test.file)
		writeFile(t, path, test.content)
		d, err := set.open(dir, Train, []Option{WithDownload(t.Context(), Download{})})
		if (d == nil) == (err == nil) || (test.want == nil) != (err == nil) || (test.want != errAny && !errors.Is(err, test.want)) {
			t.Errorf("%s: %v, error %v, want %v", test.name, d, err, test.want)
		}
		if n := requests.Load(); test.want == nil && n != 1 || n > 1 {
			t.Errorf("%s: %d requests, want one for the labels at most", test.name, n)
		}
		if kept, err := os.ReadFile(path); err != nil || !slices.Equal(kept, test.content) {
			t.Errorf("%s: the file was changed", test.name)
		}
	}
}

func TestDownloadCIFAR10(t *testing.T) {
	content := gzipped(t, packedCIFAR10(t))
	server := newServer(t, content, good)
	set := cifar10
	set.bases = []string{server.URL}
	set.archive.size, set.archive.sum = int64(len(content)), sumOf(content)
	dir := t.TempDir()
	d, err := set.open(dir, Train, []Option{WithDownload(t.Context(), Download{})})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Labels(); !slices.Equal(got, upTo(10)) {
		t.Errorf("labels %v", got)
	}
	if d, err = set.open(dir, Test, nil); err != nil || d.Len() != 1 {
		t.Errorf("from the folder: %v, %v", d, err)
	}
	writeFile(t, filepath.Join(dir, set.archive.name), gzipped(t, content))
	if d, err = set.open(dir, Test, []Option{WithDownload(t.Context(), Download{})}); !errors.Is(err, ErrChecksum) || d != nil {
		t.Errorf("another archive: %v, %v", d, err)
	}
}

// TestPublishedFiles checks the tables of sums on real files: the labels are
// byte-identical to the published ones, the images were compressed again.
func TestPublishedFiles(t *testing.T) {
	dir := realFolder(t, "fashion")
	if len(fashionMNISTFiles) != 4 || len(mnistFiles) != 4 {
		t.Fatalf("%d and %d files", len(fashionMNISTFiles), len(mnistFiles))
	}
	for name, f := range fashionMNISTFiles {
		path := filepath.Join(dir, f.name)
		if err := f.verify(path); err != nil {
			t.Error(err)
		}
		if sum, err := readPath(path, checksum); name[len(name)-11:] == "idx1-ubyte" && (err != nil || sum != f.sum) {
			t.Errorf("%s: SHA-256 %s, error %v", path, sum, err)
		}
		other := f
		other.content = ""
		if err := other.verify(path); name[len(name)-10:] == "idx3-ubyte" && !errors.Is(err, ErrChecksum) {
			t.Errorf("%s: error %v without the sum of the content", path, err)
		}
	}
	f := mnistFiles["t10k-images-idx3-ubyte"]
	if err := f.verify(filepath.Join(dir, f.name)); !errors.Is(err, ErrChecksum) {
		t.Errorf("%s of Fashion-MNIST passes for MNIST: %v", f.name, err)
	}
}
