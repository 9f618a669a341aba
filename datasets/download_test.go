package datasets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/layernoise/layernoise/internal/fetch"
	"github.com/layernoise/layernoise/internal/testfile"
)

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// publishedMNIST is a data set like MNIST with 3 images, on a server that counts its requests.
func publishedMNIST(t *testing.T) (s *idxSet, dir string, requests *atomic.Int32) {
	t.Helper()
	site := t.TempDir()
	set := mnist
	set.files = make(map[string]fetch.File)
	for name, plain := range map[string][]byte{
		"train-images-idx3-ubyte": idxFile(t, 3, 28, 28),
		"train-labels-idx1-ubyte": labelFile(t, 1, 2, 3),
	} {
		content := testfile.Gzip(t, plain)
		testfile.Write(t, filepath.Join(site, name+".gz"), content)
		set.files[name] = fetch.File{Name: name + ".gz", Size: int64(len(content)), Sum: sumOf(content), Content: sumOf(plain)}
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

// TestDownloadAcceptsLocalFiles checks local files that differ from the published ones in various ways.
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
		{"compressed again", name + ".gz", append(testfile.Gzip(t, plain[:50]), testfile.Gzip(t, plain[50:])...), nil},
		{"changed", name, changed, ErrChecksum},
		{"changed and compressed", name + ".gz", testfile.Gzip(t, changed), ErrChecksum},
		{"cut", name + ".gz", testfile.Gzip(t, plain)[:50], errAny},
	} {
		set, dir, requests := publishedMNIST(t)
		path := filepath.Join(dir, test.file)
		testfile.Write(t, path, test.content)
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
	content := testfile.Gzip(t, packedCIFAR10(t))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, cifar10Archive.Name, time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(server.Close)
	set := cifar10
	set.bases = []string{server.URL}
	set.archive.Size, set.archive.Sum = int64(len(content)), sumOf(content)
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
	testfile.Write(t, filepath.Join(dir, set.archive.Name), testfile.Gzip(t, content))
	if d, err = set.open(dir, Test, []Option{WithDownload(t.Context(), Download{})}); !errors.Is(err, ErrChecksum) || d != nil {
		t.Errorf("another archive: %v, %v", d, err)
	}
}

// TestPublishedFiles checks the checksums on real files: the labels are byte-identical to the published ones, the images
// were recompressed.
func TestPublishedFiles(t *testing.T) {
	dir := realFolder(t, "fashion")
	if len(fashionMNISTFiles) != 4 || len(mnistFiles) != 4 {
		t.Fatalf("%d and %d files", len(fashionMNISTFiles), len(mnistFiles))
	}
	for name, f := range fashionMNISTFiles {
		path := filepath.Join(dir, f.Name)
		if err := f.Verify(path); err != nil {
			t.Error(err)
		}
		content, err := os.ReadFile(path)
		if sum := sumOf(content); strings.HasSuffix(name, "idx1-ubyte") && (err != nil || sum != f.Sum) {
			t.Errorf("%s: SHA-256 %s, error %v", path, sum, err)
		}
		other := f
		other.Content = ""
		if err := other.Verify(path); strings.HasSuffix(name, "idx3-ubyte") && !errors.Is(err, ErrChecksum) {
			t.Errorf("%s: error %v without the sum of the content", path, err)
		}
	}
	f := mnistFiles["t10k-images-idx3-ubyte"]
	if err := f.Verify(filepath.Join(dir, f.Name)); !errors.Is(err, ErrChecksum) {
		t.Errorf("%s of Fashion-MNIST passes for MNIST: %v", f.Name, err)
	}
}

func TestWithDownloadErrors(t *testing.T) {
	var none context.Context
	for name, opt := range map[string]Option{
		"context": WithDownload(none, Download{}),
		"stall":   WithDownload(t.Context(), Download{Stall: -1}),
		"mirror":  WithDownload(t.Context(), Download{Mirror: "ftp://example.org/"}),
	} {
		if d, err := MNIST(t.TempDir(), Train, opt); err == nil || d != nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestDownloadFields tests each field: a mirror, a client that counts requests, and a server that sends nothing.
func TestDownloadFields(t *testing.T) {
	set, dir, _ := publishedMNIST(t)
	mirror := set.bases[0]
	set.bases = nil
	var progress bytes.Buffer
	sent := 0
	client := &http.Client{Transport: roundTrips(func(r *http.Request) (*http.Response, error) {
		sent++
		return http.DefaultTransport.RoundTrip(r)
	})}
	_, err := set.open(dir, Train, []Option{WithDownload(t.Context(), Download{Mirror: mirror, Client: client, Progress: &progress})})
	if err != nil || sent != 2 || !strings.Contains(progress.String(), "100%") {
		t.Errorf("error %v, %d requests of the client, progress %q", err, sent, progress.String())
	}
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	stalled := WithDownload(t.Context(), Download{Mirror: silent.URL, Stall: 50 * time.Millisecond})
	if d, err := set.open(t.TempDir(), Train, []Option{stalled}); !errors.Is(err, ErrStalled) || d != nil {
		t.Errorf("%v, error %v, want %v", d, err, ErrStalled)
	}
}

type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
