package datasets

import (
	"archive/zip"
	"io"
	"os"
	"strings"

	"github.com/layernoise/layernoise/internal/fetch"
	"github.com/pkg/errors"
)

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
