package datasets

import (
	"archive/zip"
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/layernoise/layernoise/internal/fetch"
	"github.com/layernoise/layernoise/internal/testfile"
)

func TestCharacters(t *testing.T) {
	text, err := Characters("text", "añb€a\n𝄞\x00")
	if err != nil {
		t.Fatal(err)
	}
	v := text.Vocabulary()
	var tokens []string
	for id := range v.Size() {
		tokens = append(tokens, v.Token(id))
	}
	if want := []string{"\x00", "\n", "a", "b", "ñ", "€", "𝄞"}; !slices.Equal(tokens, want) {
		t.Errorf("vocabulary %q, want %q", tokens, want)
	}
	var ids []int
	for i := range text.Len() {
		ids = append(ids, text.Token(i))
	}
	if want := []int{2, 4, 3, 5, 2, 1, 6, 0}; !slices.Equal(ids, want) {
		t.Errorf("ids %v, want %v", ids, want)
	}
	if got, err := v.Encode("b€"); err != nil || !slices.Equal(got, []int{3, 5}) {
		t.Errorf("%v, %v", got, err)
	}
	if got := text.String(); got != "text: 8 tokens, vocabulary of 7" {
		t.Error(got)
	}
}

func TestTextErrors(t *testing.T) {
	if text, err := Characters("text", "ab\xffc"); text != nil || !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "offset 2") {
		t.Errorf("%v, %v", text, err)
	}
	// A replacement character in the text itself is valid.
	if _, err := Characters("text", "\uFFFDb"); err != nil {
		t.Error(err)
	}
	if text, err := Characters("text", "a\uFFFD\xe2\x82"); text != nil || !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "offset 4") {
		t.Errorf("%v, %v", text, err)
	}
	text, err := Characters("text", "abc")
	if err != nil {
		t.Fatal(err)
	}
	for _, unknown := range []string{"abd", "ab\xff", "d"} {
		if ids, err := text.Vocabulary().Encode(unknown); ids != nil || !errors.Is(err, ErrToken) {
			t.Errorf("%q: %v, %v", unknown, ids, err)
		}
	}
	for _, ids := range [][]int{{0, -1}, {3}} {
		if s, err := text.Vocabulary().Decode(ids); s != "" || !errors.Is(err, ErrToken) {
			t.Errorf("%v: %q, %v", ids, s, err)
		}
	}
	for _, n := range []int{-1, 4} {
		if _, _, err := text.Split(n); err == nil {
			t.Errorf("split after %d of 3", n)
		}
	}
	for context, want := range map[int]error{0: nil, -1: nil, 3: ErrShort, 100: ErrShort} {
		if s, err := text.Sequences(context); s != nil || err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("context %d: %v, %v", context, s, err)
		}
	}
	for _, open := range []func(string) (*Text, error){OpenCharacters, OpenBytes} {
		if text, err := open(filepath.Join(t.TempDir(), "none")); text != nil || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v, %v", text, err)
		}
	}
}

func TestEmptyText(t *testing.T) {
	file := filepath.Join(t.TempDir(), "empty")
	testfile.Write(t, file, nil)
	for _, open := range []func(string) (*Text, error){OpenCharacters, OpenBytes} {
		text, err := open(file)
		if err != nil {
			t.Fatal(err)
		}
		if text.Len() != 0 {
			t.Errorf("%v", text)
		}
		if s, err := text.Sequences(1); s != nil || !errors.Is(err, ErrShort) {
			t.Errorf("%v, %v", s, err)
		}
	}
}

func TestTooManyCharacters(t *testing.T) {
	var all strings.Builder
	for r := rune(0); r <= utf8.MaxRune && all.Len() < 4*(maxVocabulary+1); r++ {
		if utf8.ValidRune(r) {
			all.WriteRune(r)
		}
	}
	if text, err := Characters("all", all.String()); text != nil || !errors.Is(err, ErrFormat) {
		t.Errorf("%v, %v", text, err)
	}
}

// TestSequencesOfText cuts short texts of all lengths: each token but the first is a target once, following the token before
// it.
func TestSequencesOfText(t *testing.T) {
	for length := 2; length < 30; length++ {
		data := make([]byte, length)
		for i := range data {
			data[i] = byte(i)
		}
		for context := 1; context < length; context++ {
			s, err := Bytes("text", data).Sequences(context)
			if err != nil {
				t.Fatal(err)
			}
			for shift := range s.shifts {
				checkWindows(t, s, shift, length)
			}
		}
	}
}

// checkWindows checks the sequences of the text 0, 1, 2, ... of the given length.
func checkWindows(t *testing.T, s *Sequences, shift, length int) {
	t.Helper()
	seen := make([]int, length)
	tokens, targets := make([]int, s.Context()), make([]int, s.Context())
	for i := range s.Len() {
		s.read(i, shift, tokens, targets)
		if want := min(max(i*s.Context()-shift, 0), length-1-s.Context()); tokens[0] != want {
			t.Errorf("length %d, context %d, shift %d: sequence %d begins at %d, want %d", length, s.Context(), shift, i, tokens[0], want)
		}
		for j, target := range targets {
			if tokens[j] != tokens[0]+j {
				t.Fatalf("length %d, context %d, shift %d: tokens %v", length, s.Context(), shift, tokens)
			}
			if target == Ignored {
				continue
			}
			if target != tokens[j]+1 {
				t.Fatalf("length %d, context %d, shift %d: target %d after %d", length, s.Context(), shift, target, tokens[j])
			}
			seen[target]++
		}
	}
	for token, n := range seen {
		want := 1
		if token == 0 {
			want = 0
		}
		if n != want && !(n == 0 && token >= length-shift) {
			t.Errorf("length %d, context %d, shift %d: token %d is %d times a target", length, s.Context(), shift, token, n)
		}
	}
}

// FuzzCharacters checks that a file of any bytes is either a text that decodes to the same bytes, whose sequences can be
// read, or an error.
func FuzzCharacters(f *testing.F) {
	f.Add([]byte("To be, or not to be\n"), 4)
	f.Add([]byte("a\xc3\xb1b\xe2\x82\xac"), 1)
	f.Add([]byte("\xff\xfe"), 2)
	f.Add([]byte{}, 3)
	f.Fuzz(func(t *testing.T, file []byte, context int) {
		bytes := Bytes("bytes", file)
		checkText(t, bytes, string(file), context)
		text, err := Characters("text", string(file))
		if (text == nil) != (err != nil) || (err == nil) != utf8.Valid(file) && len(file) < 2*maxVocabulary {
			t.Fatalf("value %v with error %v", text, err)
		}
		if err == nil {
			checkText(t, text, string(file), context)
		}
	})
}

func checkText(t *testing.T, text *Text, want string, context int) {
	t.Helper()
	ids := make([]int, text.Len())
	for i := range ids {
		ids[i] = text.Token(i)
	}
	if got, err := text.Vocabulary().Decode(ids); err != nil || got != want {
		t.Fatalf("%q became %q, %v", want, got, err)
	}
	if again, err := text.Vocabulary().Encode(want); err != nil || !slices.Equal(again, ids) {
		t.Fatalf("%q is %v and %v, %v", want, ids, again, err)
	}
	s, err := text.Sequences(context)
	if err != nil {
		return
	}
	targets := 0
	for i := range s.Len() {
		_, next := s.Sequence(i)
		for _, id := range next {
			if id != Ignored {
				targets++
			}
		}
	}
	if targets != text.Len()-1 {
		t.Errorf("%d targets in a text of %d", targets, text.Len())
	}
}

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
	testfile.Write(t, filepath.Join(site, "text8.zip"), archive)
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
		testfile.Write(t, filepath.Join(dir, "text8", "text8"), []byte(content))
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
		testfile.Write(t, filepath.Join(dir, "text8.zip"), archive)
		if text, err := Text8(dir); text != nil || err == nil {
			t.Errorf("%s: %v, %v", name, text, err)
		}
	}
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "input.txt"), []byte("\xff"))
	if text, err := TinyShakespeare(dir); text != nil || !errors.Is(err, ErrFormat) {
		t.Errorf("%v, %v", text, err)
	}
	testfile.Write(t, filepath.Join(dir, "enwik8"), []byte("\xff\x00"))
	if text, err := Enwik8(dir); err != nil || text.Len() != 2 || text.Token(0) != 255 || text.Vocabulary().Size() != 256 {
		t.Errorf("%v, %v", text, err)
	}
}
