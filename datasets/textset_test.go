package datasets

import (
	"archive/zip"
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/layernoise/layernoise/internal/fetch"
)

// zipped returns a zip archive of one file.
func zipped(t testing.TB, name, content string) []byte {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	entry, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

const article = "the quick brown fox jumps over the lazy dog"

// publishedText is a data set like text8 with a different text, on a server.
func publishedText(t *testing.T) *textSet {
	t.Helper()
	archive := zipped(t, "text8", article)
	set := text8
	set.file = fetch.File{Name: "text8.zip", Size: int64(len(archive)), Sum: sumOf(archive), Content: sumOf([]byte(article))}
	site := t.TempDir()
	writeFile(t, filepath.Join(site, "text8.zip"), archive)
	server := httptest.NewServer(http.FileServer(http.Dir(site)))
	t.Cleanup(server.Close)
	set.bases = []string{server.URL}
	return &set
}

func TestTextSet(t *testing.T) {
	set := publishedText(t)
	download := []Option{WithDownload(t.Context(), Download{})}
	dir := t.TempDir()
	if text, err := set.open(dir, nil); text != nil || !errors.Is(err, ErrNotFound) {
		t.Errorf("%v, %v", text, err)
	}
	for _, opts := range [][]Option{download, download, nil} {
		text, err := set.open(dir, opts)
		if err != nil {
			t.Fatal(err)
		}
		checkText(t, text, article, 5)
		if text.Name() != "text8" {
			t.Errorf("name %q", text.Name())
		}
	}
	// The unpacked text is accepted; a different text is not, if a download was requested.
	for content, want := range map[string]error{article: nil, "another": ErrChecksum} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "text8"), 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, "text8", "text8"), []byte(content))
		if text, err := set.open(dir, download); !errors.Is(err, want) || (text == nil) == (err == nil) {
			t.Errorf("%q with WithDownload: %v, %v", content, text, err)
		}
		text, err := set.open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkText(t, text, content, 5)
	}
}

func TestTextSetBrokenArchive(t *testing.T) {
	good := zipped(t, "text8", article)
	broken := bytes.Replace(good, []byte("quick"), []byte("quack"), 1)
	if bytes.Equal(good, broken) { // compressed
		broken = bytes.Clone(good)
		broken[40] ^= 1
	}
	for name, archive := range map[string][]byte{
		"empty": {}, "no archive": []byte(article), "cut": good[:len(good)-10], "changed": broken,
		"another file": zipped(t, "enwik8", article),
	} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "text8.zip"), archive)
		if text, err := Text8(dir); text != nil || err == nil {
			t.Errorf("%s: %v, %v", name, text, err)
		}
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "input.txt"), []byte("\xff"))
	if text, err := TinyShakespeare(dir); text != nil || !errors.Is(err, ErrFormat) {
		t.Errorf("%v, %v", text, err)
	}
	writeFile(t, filepath.Join(dir, "enwik8"), []byte("\xff\x00"))
	if text, err := Enwik8(dir); err != nil || text.Len() != 2 || text.Token(0) != 255 || text.Vocabulary().Size() != 256 {
		t.Errorf("%v, %v", text, err)
	}
}
