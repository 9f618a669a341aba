package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/layernoise/layernoise/internal/testfile"
)

var errAny = errors.New("any error")

// noPause is a pause for tests.
func noPause(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// A badServer serves one file, answering each request by the next of its manners, and all further ones by the last. It
// records what was requested.
type badServer struct {
	*httptest.Server
	content []byte
	manners []manner

	mu       sync.Mutex
	requests []string // the Range of each
}

type manner func(w http.ResponseWriter, r *http.Request, content []byte)

func newServer(t *testing.T, content []byte, manners ...manner) *badServer {
	t.Helper()
	s := &badServer{content: content, manners: manners}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *badServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := min(len(s.requests), len(s.manners)-1)
	s.requests = append(s.requests, r.Header.Get("Range"))
	s.mu.Unlock()
	s.manners[n](w, r, s.content)
}

func (s *badServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// good serves the file correctly, ranges included.
func good(w http.ResponseWriter, r *http.Request, content []byte) {
	http.ServeContent(w, r, "file.gz", time.Time{}, bytes.NewReader(content))
}

// noRanges serves the whole file whatever was requested.
func noRanges(w http.ResponseWriter, r *http.Request, content []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	w.Write(content)
}

// drops announces the file, or the requested rest, and closes the connection after n bytes.
func drops(n int) manner {
	return func(w http.ResponseWriter, r *http.Request, content []byte) {
		var start int
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &start); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(content)-1, len(content)))
			w.Header().Set("Content-Length", fmt.Sprint(len(content)-start))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		}
		w.Write(content[start:min(start+n, len(content))])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// dropsWhole is drops without ranges.
func dropsWhole(n int) manner {
	return func(w http.ResponseWriter, r *http.Request, content []byte) {
		r.Header.Del("Range")
		drops(n)(w, r, content)
	}
}

// stalls announces the file, sends n bytes and then nothing more.
func stalls(n int) manner {
	return func(w http.ResponseWriter, r *http.Request, content []byte) {
		if n > 0 {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content[:n])
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
}

// trickles sends the file in eight pieces, 350 ms apart.
func trickles(w http.ResponseWriter, r *http.Request, content []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	for piece := range slices.Chunk(content, len(content)/8+1) {
		time.Sleep(350 * time.Millisecond)
		w.Write(piece)
		w.(http.Flusher).Flush()
	}
}

// claims announces a length and sends n bytes.
func claims(length, n int) manner {
	return func(w http.ResponseWriter, r *http.Request, content []byte) {
		w.Header().Set("Content-Length", fmt.Sprint(length))
		w.Write(append(slices.Clone(content), content...)[:n])
	}
}

// chunked announces no length and sends n bytes.
func chunked(n int) manner {
	return func(w http.ResponseWriter, r *http.Request, content []byte) {
		twice := append(slices.Clone(content), content...)
		w.Write(twice[:n/2])
		w.(http.Flusher).Flush()
		w.Write(twice[n/2 : n])
	}
}

// answers sends a status and a text.
func answers(status int, text string) manner {
	return func(w http.ResponseWriter, r *http.Request, content []byte) {
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

// otherRange answers a request for a range with another range.
func otherRange(w http.ResponseWriter, r *http.Request, content []byte) {
	w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(content)-1, len(content)))
	w.WriteHeader(http.StatusPartialContent)
	w.Write(content)
}

// encoded declares the .gz to be a transfer encoding.
func encoded(w http.ResponseWriter, r *http.Request, content []byte) {
	w.Header().Set("Content-Encoding", "gzip")
	good(w, r, content)
}

// testFile is a compressed file of about 100 kB.
func testFile(t testing.TB) (content []byte, f File) {
	t.Helper()
	plain := make([]byte, 100_000)
	rng := rand.NewPCG(1, 2)
	for i := range plain {
		plain[i] = byte(rng.Uint64())
	}
	content = testfile.Gzip(t, plain)
	return content, File{"file.gz", int64(len(content)), sumOf(content), sumOf(plain)}
}

func ungzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// checkFetched checks that dir holds the file and nothing else.
func checkFetched(t *testing.T, dir, path string, content []byte) {
	t.Helper()
	if want := filepath.Join(dir, "file.gz"); path != want {
		t.Errorf("path %s, want %s", path, want)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Error("another file than the server's")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

func TestFetch(t *testing.T) {
	content, f := testFile(t)
	size := len(content)
	rest := func(n int) string { return fmt.Sprintf("bytes=%d-", n) }
	for _, test := range []struct {
		name    string
		manners []manner
		part    []byte   // what an earlier run has left
		asked   []string // the ranges that are asked for
	}{
		{"good", []manner{good}, nil, []string{""}},
		{"drops half way", []manner{drops(size / 2), good}, nil, []string{"", rest(size / 2)}},
		{"drops often", []manner{drops(30000), drops(30000), drops(30000), good}, nil,
			[]string{"", rest(30000), rest(60000), rest(90000)}},
		{"drops, no ranges", []manner{dropsWhole(size / 2), noRanges}, nil, []string{"", rest(size / 2)}},
		{"drops, other range", []manner{drops(1000), otherRange, good}, nil, []string{"", rest(1000), ""}},
		{"drops, range refused", []manner{drops(1000), answers(416, "no"), good}, nil, []string{"", rest(1000), ""}},
		{"stalls half way", []manner{stalls(50000), good}, nil, []string{"", rest(50000)}},
		{"slow but steady", []manner{trickles}, nil, []string{""}},
		{"no length", []manner{chunked(size)}, nil, []string{""}},
		{"no length, short", []manner{chunked(70000), good}, nil, []string{"", rest(70000)}},
		{"encoding", []manner{encoded}, nil, []string{""}},
		{"resumes", []manner{good}, content[:12345], []string{rest(12345)}},
		{"one byte missing", []manner{good}, content[:size-1], []string{rest(size - 1)}},
		{"complete part", []manner{good}, content, nil},
		{"part too long", []manner{good}, append(slices.Clone(content), 1), []string{""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if test.part != nil {
				testfile.Write(t, filepath.Join(dir, "file.gz.part"), test.part)
			}
			server := newServer(t, content, test.manners...)
			d := Fetcher{Stall: 2 * time.Second, pause: noPause} // long for a busy machine, shorter than the trickle
			path, err := d.Fetch(t.Context(), dir, []string{server.URL}, f)
			if err != nil {
				t.Fatal(err)
			}
			checkFetched(t, dir, path, content)
			if got := server.asked(); !slices.Equal(got, test.asked) {
				t.Errorf("asked for %q, want %q", got, test.asked)
			}
		})
	}
}

// TestFetchErrors has one server that never succeeds.
func TestFetchErrors(t *testing.T) {
	content, f := testFile(t)
	size := len(content)
	page := "<html>" + strings.Repeat(" not found ", size)
	junk := strings.Repeat("x", 2*size)
	for _, test := range []struct {
		name    string
		manner  manner
		want    error
		message string
		part    int // bytes that are kept for another run, 0 for no file
		asked   int // requests
	}{
		{"not found", answers(404, "gone"), errAny, "404 Not Found", 0, 1},
		{"unavailable", answers(503, ""), errAny, "503", 0, 5},
		{"unasked part", answers(206, string(content)), errAny, "206", 0, 1},
		{"error page", answers(200, "<html>"), ErrChecksum, "offers a page", 0, 1},
		{"long error page", answers(200, page), ErrChecksum, "offers a page", 0, 1},
		{"short junk", answers(200, "junk"), ErrChecksum, "offers 4 bytes", 0, 1},
		{"long junk", answers(200, junk), ErrChecksum, "more than", size / 2, 1},
		{"junk of the right size", answers(200, junk[:size]), ErrChecksum, "SHA-256", 0, 1},
		{"claims less", claims(size-1, size-1), ErrChecksum, "offers", 0, 1},
		{"claims more", claims(size+1, size+1), ErrChecksum, "offers", 0, 1},
		{"sends more", chunked(size + 100), ErrChecksum, "more than", size / 2, 1},
		{"drops always", func(w http.ResponseWriter, r *http.Request, content []byte) {
			if r.Header.Get("Range") == "" {
				drops(1000)(w, r, content)
			}
			drops(0)(w, r, content)
		}, io.ErrUnexpectedEOF, "1000 of", 1000, 6},
		{"drops at once", drops(0), io.ErrUnexpectedEOF, "0 of", 0, 5},
		{"stalls at once", stalls(0), ErrStalled, "150ms", 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			server := newServer(t, content, test.manner)
			d := Fetcher{Stall: 150 * time.Millisecond, pause: noPause}
			path, err := d.Fetch(t.Context(), dir, []string{server.URL}, f)
			if err == nil || path != "" || (test.want != errAny && !errors.Is(err, test.want)) {
				t.Fatalf("path %q, error %v, want %v", path, err, test.want)
			}
			if !strings.Contains(err.Error(), test.message) || !strings.Contains(err.Error(), server.URL+"/file.gz") {
				t.Errorf("error %q does not say %q or where", err, test.message)
			}
			if asked := len(server.asked()); asked != test.asked {
				t.Errorf("%d requests, want %d", asked, test.asked)
			}
			if _, err := os.Stat(filepath.Join(dir, "file.gz")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("there is a file: %v", err)
			}
			info, err := os.Stat(filepath.Join(dir, "file.gz.part"))
			switch {
			case test.part == 0 && !errors.Is(err, fs.ErrNotExist):
				t.Errorf("a wrong or empty .part was kept: %v", err)
			case test.part > 0 && (err != nil || info.Size() < int64(test.part)):
				t.Errorf("%d bytes were not kept: %v", test.part, err)
			}
		})
	}
}

// TestFetchKeepsPartFromErrorPage checks that an error page, of known or unknown length, does not destroy what an earlier
// run has fetched.
func TestFetchKeepsPartFromErrorPage(t *testing.T) {
	content, f := testFile(t)
	dir := t.TempDir()
	part := filepath.Join(dir, "file.gz.part")
	testfile.Write(t, part, content[:5000])
	for _, page := range []string{"<html>maintenance</html>", "<html>" + strings.Repeat(" maintenance ", 1000)} {
		server := newServer(t, content, answers(200, page))
		if _, err := new(Fetcher).Fetch(t.Context(), dir, []string{server.URL}, f); !errors.Is(err, ErrChecksum) {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(part); err != nil || !bytes.Equal(got, content[:5000]) {
			t.Errorf("%d bytes are left, error %v", len(got), err)
		}
	}
}

// TestFetchMirrors goes through broken servers to a good one.
func TestFetchMirrors(t *testing.T) {
	content, f := testFile(t)
	other := slices.Clone(content)
	other[0] ^= 1
	gone := newServer(t, content, answers(404, ""))
	wrong := newServer(t, other, good)
	half := newServer(t, content, drops(40000), answers(501, ""))
	last := newServer(t, content, good)
	unused := newServer(t, content, good)
	dir := t.TempDir()
	d := Fetcher{Mirror: gone.URL + "/"}
	path, err := d.Fetch(t.Context(), dir, []string{wrong.URL, half.URL, last.URL, unused.URL}, f)
	if err != nil {
		t.Fatal(err)
	}
	checkFetched(t, dir, path, content)
	for i, test := range []struct {
		server *badServer
		asked  []string
	}{
		{gone, []string{""}}, {wrong, []string{""}}, {half, []string{"", "bytes=40000-"}},
		{last, []string{"bytes=40000-"}}, {unused, nil},
	} {
		if got := test.server.asked(); !slices.Equal(got, test.asked) {
			t.Errorf("server %d was asked for %q, want %q", i, got, test.asked)
		}
	}
}

func TestFetchAllMirrorsFail(t *testing.T) {
	content, f := testFile(t)
	a, b := newServer(t, content, answers(404, "")), newServer(t, content, answers(403, ""))
	dir := filepath.Join(t.TempDir(), "new")
	_, err := new(Fetcher).Fetch(t.Context(), dir, []string{a.URL, b.URL}, f)
	if err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "403") {
		t.Errorf("error %v does not tell of both servers", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder that was made for nothing is left")
	}
}

// TestFetchPartOfAnotherFile resumes a part that does not belong to the file: the checksum detects it, and the whole file is
// requested.
func TestFetchPartOfAnotherFile(t *testing.T) {
	content, f := testFile(t)
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "file.gz.part"), []byte("something else"))
	server := newServer(t, content, good)
	path, err := new(Fetcher).Fetch(t.Context(), dir, []string{server.URL}, f)
	if err != nil {
		t.Fatal(err)
	}
	checkFetched(t, dir, path, content)
	if got := server.asked(); !slices.Equal(got, []string{"bytes=14-", ""}) {
		t.Errorf("asked for %q", got)
	}
}

// TestFetchCancelled ends the context half way, and resumes in another run.
func TestFetchCancelled(t *testing.T) {
	content, f := testFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	half := newServer(t, content, func(w http.ResponseWriter, r *http.Request, content []byte) {
		time.AfterFunc(50*time.Millisecond, cancel)
		stalls(50000)(w, r, content)
	})
	next := newServer(t, content, good)
	dir := t.TempDir()
	bases := []string{half.URL, next.URL}
	if path, err := new(Fetcher).Fetch(ctx, dir, bases, f); !errors.Is(err, context.Canceled) || path != "" {
		t.Fatalf("path %q, error %v", path, err)
	}
	if path, err := new(Fetcher).Fetch(ctx, dir, bases, f); !errors.Is(err, context.Canceled) || path != "" {
		t.Fatalf("ended before the start: path %q, error %v", path, err)
	}
	if asked := next.asked(); asked != nil {
		t.Errorf("the next server was asked for %q", asked)
	}
	path, err := new(Fetcher).Fetch(t.Context(), dir, bases[1:], f)
	if err != nil {
		t.Fatal(err)
	}
	checkFetched(t, dir, path, content)
	if got := next.asked(); !slices.Equal(got, []string{"bytes=50000-"}) {
		t.Errorf("resumed with %q", got)
	}
}

// TestFetchDiskFull writes to the device that is always full.
func TestFetchDiskFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no /dev/full")
	}
	content, f := testFile(t)
	dir := t.TempDir()
	if err := os.Symlink("/dev/full", filepath.Join(dir, "file.gz.part")); err != nil {
		t.Fatal(err)
	}
	first, second := newServer(t, content, good), newServer(t, content, good)
	path, err := new(Fetcher).Fetch(t.Context(), dir, []string{first.URL, second.URL}, f)
	if !errors.Is(err, syscall.ENOSPC) || path != "" {
		t.Errorf("path %q, error %v, want %v", path, err, syscall.ENOSPC)
	}
	if asked := second.asked(); asked != nil {
		t.Errorf("another server was asked, as if that gave more room")
	}
}

func TestFetchFolderErrors(t *testing.T) {
	content, f := testFile(t)
	server := newServer(t, content, good)
	file := filepath.Join(t.TempDir(), "file")
	testfile.Write(t, file, nil)
	occupied := t.TempDir()
	testfile.Write(t, filepath.Join(occupied, "file.gz.part", "x"), nil)
	for _, dir := range []string{file, occupied} {
		if path, err := new(Fetcher).Fetch(t.Context(), dir, []string{server.URL}, f); err == nil || path != "" {
			t.Errorf("%s: path %q, error %v", dir, path, err)
		}
	}
	if asked := server.asked(); asked != nil {
		t.Errorf("the server was asked for what cannot be written")
	}
}

func TestCheck(t *testing.T) {
	for name, f := range map[string]Fetcher{
		"stall":   {Stall: -1},
		"scheme":  {Mirror: "ftp://example.org/"},
		"host":    {Mirror: "https:///mnist"},
		"path":    {Mirror: "/home"},
		"address": {Mirror: "http://a b/"},
	} {
		if err := f.Check(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, f := range []Fetcher{{}, {Mirror: "http://localhost:8080/mirror", Stall: time.Second}} {
		if err := f.Check(); err != nil {
			t.Error(err)
		}
	}
}

// TestVerify checks copies of a file that differ from it in various ways.
func TestVerify(t *testing.T) {
	content, f := testFile(t)
	plain := ungzipped(t, content)
	other := slices.Clone(plain)
	other[100] ^= 1
	unknown := f
	unknown.Content = ""
	for _, test := range []struct {
		name    string
		file    File
		content []byte
		want    error
	}{
		{"the same", f, content, nil},
		{"unpacked", f, plain, nil},
		{"compressed again", f, append(testfile.Gzip(t, plain[:50]), testfile.Gzip(t, plain[50:])...), nil},
		{"changed", f, testfile.Gzip(t, other), ErrChecksum},
		{"changed and unpacked", f, other, ErrChecksum},
		{"cut", f, content[:len(content)/2], io.ErrUnexpectedEOF},
		{"empty", f, nil, io.ErrUnexpectedEOF},
		{"content not known, the same", unknown, content, nil},
		{"content not known, unpacked", unknown, plain, ErrChecksum},
	} {
		path := filepath.Join(t.TempDir(), "file")
		testfile.Write(t, path, test.content)
		if err := test.file.Verify(path); !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %v with the path", test.name, err, test.want)
		}
	}
	if err := f.Verify(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
}
