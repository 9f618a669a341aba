package datasets

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

// firstChunk is what readN allocates before any data has arrived.
const firstChunk = 1 << 20

// readFull fills p from r. The error is io.ErrUnexpectedEOF if r ends first.
func readFull(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	if err == io.EOF && len(p) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return errors.Wrap(err, "read")
	}
	return nil
}

// readN reads n bytes. It allocates at most twice what has arrived (and firstChunk), so that a forged header cannot claim
// much memory.
func readN(r io.Reader, n int) ([]byte, error) {
	data := make([]byte, min(n, firstChunk))
	for have := 0; ; {
		if err := readFull(r, data[have:]); err != nil {
			return nil, err
		}
		have = len(data)
		if have == n {
			return data, nil
		}
		grown := make([]byte, have+min(n-have, have))
		copy(grown, data)
		data = grown
	}
}

// readEOF checks that r has ended, which also makes a gzip.Reader verify its checksum.
func readEOF(r io.Reader) error {
	var one [1]byte
	switch _, err := io.ReadFull(r, one[:]); err {
	case io.EOF:
		return nil
	case nil:
		return errors.Wrap(ErrFormat, "bytes after the end of the data")
	default:
		return errors.Wrap(err, "read")
	}
}

// readUpTo fills p from r, or as much of it as r has: the end of r is not an error.
func readUpTo(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) {
		m, err := r.Read(p[n:])
		n += m
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, errors.Wrap(err, "read")
		}
	}
	return n, nil
}

// find returns the path of the first regular file with one of the given names in one of the folders below dir, trying the
// folders in order, or ErrNotFound.
func find(dir string, folders, names []string) (string, error) {
	for _, folder := range folders {
		for _, name := range names {
			path := filepath.Join(dir, filepath.FromSlash(folder), name)
			info, err := os.Stat(path)
			if err == nil && info.Mode().IsRegular() {
				return path, nil
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", errors.WithStack(err)
			}
		}
	}
	return "", errors.Wrapf(ErrNotFound, "%s in %s", strings.Join(names, " or "), dir)
}

// readPath opens a file and decodes it.
func readPath[T any](path string, decode func(io.Reader) (T, error)) (T, error) {
	f, err := os.Open(path)
	if err != nil {
		var none T
		return none, errors.WithStack(err)
	}
	defer f.Close()
	x, err := decode(f)
	if err != nil {
		return x, errors.WithMessage(err, path)
	}
	return x, nil
}
