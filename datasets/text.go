package datasets

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/layernoise/layernoise/internal/fetch"
	"github.com/pkg/errors"
)

// A Text is a sequence of tokens, such as the characters of a book. It is immutable; Split shares its tokens.
type Text struct {
	name       string
	vocabulary *Vocabulary
	tokens     []uint16
}

// Characters makes a text from the characters (Unicode code points) of a string. The vocabulary is the set of its distinct
// characters, sorted. A string that is not valid UTF-8 is ErrFormat; Bytes accepts any.
func Characters(name, text string) (*Text, error) {
	t, err := characters(name, text)
	if err != nil {
		return nil, errors.WithMessagef(err, "datasets: %s", name)
	}
	return t, nil
}

func characters(name, text string) (*Text, error) {
	if !utf8.ValidString(text) {
		at := invalidUTF8(text)
		return nil, errors.Wrapf(ErrFormat, "byte %#02x at offset %d is not UTF-8", text[at], at)
	}
	v, err := characterVocabulary(text)
	if err != nil {
		return nil, err
	}
	var ascii [utf8.RuneSelf]uint16 // the ids of the characters that most texts consist of
	for id, token := range v.tokens {
		if token[0] < utf8.RuneSelf {
			ascii[token[0]] = uint16(id)
		}
	}
	t := &Text{name: name, vocabulary: v, tokens: make([]uint16, 0, utf8.RuneCountInString(text))}
	for at, r := range text {
		if r < utf8.RuneSelf {
			t.tokens = append(t.tokens, ascii[r])
		} else {
			t.tokens = append(t.tokens, uint16(v.ids[text[at:at+utf8.RuneLen(r)]]))
		}
	}
	return t, nil
}

// invalidUTF8 returns the offset of the first byte that is not part of a valid character.
func invalidUTF8(text string) int {
	for at, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[at:]); size == 1 {
				return at
			}
		}
	}
	return len(text)
}

// Bytes makes a text from arbitrary bytes. The vocabulary is the 256 bytes, each with its value as its id.
func Bytes(name string, data []byte) *Text {
	t := &Text{name: name, vocabulary: byteVocabulary, tokens: make([]uint16, len(data))}
	for i, b := range data {
		t.tokens[i] = uint16(b)
	}
	return t
}

// OpenCharacters is Characters for the contents of a file, named by its path.
func OpenCharacters(path string) (*Text, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.Wrap(err, "datasets: text")
	}
	return Characters(path, string(data))
}

// OpenBytes is Bytes for the contents of a file, named by its path.
func OpenBytes(path string) (*Text, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.Wrap(err, "datasets: text")
	}
	return Bytes(path, data), nil
}

// Name returns the name of the text, such as "text8".
func (t *Text) Name() string { return t.name }

// Len returns the number of tokens.
func (t *Text) Len() int { return len(t.tokens) }

// Vocabulary returns the vocabulary of the tokens.
func (t *Text) Vocabulary() *Vocabulary { return t.vocabulary }

// Token returns the id of token i.
func (t *Text) Token(i int) int { return int(t.tokens[i]) }

// Split cuts the text into its first n tokens and the rest, for example to train and to validate on. Both keep the whole
// vocabulary.
func (t *Text) Split(n int) (first, rest *Text, err error) {
	if n < 0 || n > len(t.tokens) {
		return nil, nil, errors.Errorf("datasets: split after %d tokens of %v", n, t)
	}
	a, b := *t, *t
	a.tokens, b.tokens = t.tokens[:n], t.tokens[n:]
	return &a, &b, nil
}

// String describes the text in a line: name, length and vocabulary size.
func (t *Text) String() string {
	return fmt.Sprintf("%s: %d tokens, vocabulary of %d", t.name, len(t.tokens), t.vocabulary.Size())
}

// Sequences cuts the text into windows of context tokens; the target of each token is the token that follows it in the text.
// Every token but the first is a target exactly once: the last window begins early enough to be full, and those of its
// targets that the previous window had are Ignored.
//
// A shuffled pass cuts the text elsewhere, up to context-1 tokens earlier, drawn anew in each pass. No token is a target
// twice then either, but up to context-1 tokens at the end may not be targets.
//
// A text of fewer than context+1 tokens is ErrShort.
func (t *Text) Sequences(context int) (*Sequences, error) {
	if context < 1 {
		return nil, errors.Errorf("datasets: %v in sequences of %d tokens", t, context)
	}
	targets := len(t.tokens) - 1
	if targets < context {
		return nil, errors.Wrapf(ErrShort, "datasets: %v, and a sequence with its targets takes %d", t, context+1)
	}
	return &Sequences{
		name:       t.name,
		vocabulary: t.vocabulary,
		context:    context,
		count:      (targets + context - 1) / context,
		shifts:     context,
		read: func(i, shift int, tokens, next []int) {
			first := i*context - shift // of the window's share
			begin := min(max(first, 0), targets-context)
			for j := range context {
				tokens[j], next[j] = int(t.tokens[begin+j]), int(t.tokens[begin+j+1])
				if begin+j < first || begin+j >= first+context {
					next[j] = Ignored
				}
			}
		},
	}, nil
}

// A textSet is a text published as one file.
type textSet struct {
	name    string
	bases   []string // where it is published
	file    fetch.File
	local   []string // the names it may have on disk, unpacked or not
	folders []string // subfolders that may hold it
	text    func(name string, content []byte) (*Text, error)
}

var shakespeare = textSet{
	name:    "tiny Shakespeare",
	bases:   shakespeareBases,
	file:    shakespeareFile,
	local:   []string{"input.txt", "tinyshakespeare.txt", "shakespeare.txt"},
	folders: []string{".", "tinyshakespeare", "shakespeare_char"},
	text:    func(name string, content []byte) (*Text, error) { return characters(name, string(content)) },
}

var enwik8 = textSet{
	name:    "enwik8",
	bases:   mahoneyBases,
	file:    enwik8Archive,
	local:   []string{"enwik8", "enwik8.zip"},
	folders: []string{".", "enwik8"},
	text:    func(name string, content []byte) (*Text, error) { return Bytes(name, content), nil },
}

var text8 = textSet{
	name:    "text8",
	bases:   mahoneyBases,
	file:    text8Archive,
	local:   []string{"text8", "text8.zip"},
	folders: []string{".", "text8"},
	text:    func(name string, content []byte) (*Text, error) { return characters(name, string(content)) },
}

// TinyShakespeare reads 1,115,394 characters of Shakespeare's plays, 65 distinct ones. It is usual to train on the first 90%
// (Split(1_003_854)).
//
// dir is a folder that holds the file (input.txt, tinyshakespeare.txt or shakespeare.txt), directly or in a subfolder
// tinyshakespeare or shakespeare_char (nanoGPT). If it is not there, the error is ErrNotFound; nothing is downloaded without
// WithDownload.
//
// A. Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks, 2015,
// https://karpathy.github.io/2015/05/21/rnn-effectiveness/.
func TinyShakespeare(dir string, opts ...Option) (*Text, error) { return shakespeare.open(dir, opts) }

// Enwik8 reads the first 100,000,000 bytes of the English Wikipedia of 3 March 2006, with its markup, as bytes. It is usual
// to train on the first 90,000,000, to validate on the next 5,000,000 and to test on the rest. "Bits per character" in
// reports about it are bits per byte.
//
// dir is a folder that holds enwik8, or the published enwik8.zip, which is read without being unpacked, directly or in a
// subfolder enwik8. If it has neither, the error is ErrNotFound; nothing is downloaded without WithDownload.
//
// M. Mahoney, About the Test Data, 2006, http://mattmahoney.net/dc/textdata.html.
func Enwik8(dir string, opts ...Option) (*Text, error) { return enwik8.open(dir, opts) }

// Text8 reads 100,000,000 characters of the same Wikipedia, reduced to the letters a to z and the space. The usual parts are
// those of Enwik8, and so is dir, with the names text8 and text8.zip.
func Text8(dir string, opts ...Option) (*Text, error) { return text8.open(dir, opts) }

func (s *textSet) open(dir string, opts []Option) (*Text, error) {
	t, err := s.load(dir, opts)
	if err != nil {
		return nil, errors.WithMessagef(err, "datasets: %s", s.name)
	}
	return t, nil
}

func (s *textSet) load(dir string, opts []Option) (*Text, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	search := func() (string, error) { return find(dir, s.folders, s.local) }
	path, err := o.obtain(search, dir, s.bases, s.file)
	if err != nil {
		return nil, err
	}
	content, err := s.content(path)
	if err != nil {
		return nil, errors.WithMessage(err, path)
	}
	t, err := s.text(s.name, content)
	if err != nil {
		return nil, errors.WithMessage(err, path)
	}
	return t, nil
}

// content returns the text in the file at path, which is a zip archive if its name says so.
func (s *textSet) content(path string) ([]byte, error) {
	if !strings.HasSuffix(path, ".zip") {
		return os.ReadFile(path)
	}
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil, errors.Wrap(err, "zip")
	}
	defer archive.Close()
	name := strings.TrimSuffix(s.file.Name, ".zip")
	for _, f := range archive.File {
		if f.Name == name {
			return readEntry(f)
		}
	}
	return nil, errors.Wrapf(ErrFormat, "the archive has no %s", name)
}

// readEntry reads a file in a zip archive, which verifies the file's checksum at its end.
func readEntry(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, errors.Wrapf(err, "zip: %s", f.Name)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, errors.Wrapf(err, "zip: %s", f.Name)
	}
	return content, nil
}
