package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"

	"github.com/layernoise/layernoise/internal/gunzip"
	"github.com/pkg/errors"
)

// A File is a file as its authors publish it.
type File struct {
	Name    string
	Size    int64  // in bytes
	Sum     string // SHA-256 of the file, in hexadecimal digits
	Content string // SHA-256 of the uncompressed contents, "" if not known
}

// Verify checks that the file at path is the published one: byte by byte or, if the checksum of the contents is known, after
// uncompressing both, so that an unpacked or recompressed copy is accepted. The error for another file is ErrChecksum.
func (f File) Verify(path string) error {
	sum, err := checksum(path, asItIs)
	if err != nil || sum == f.Sum {
		return err
	}
	if f.Content == "" {
		return errors.Wrapf(ErrChecksum, "%s has SHA-256 %s, published is %s", path, sum, f.Sum)
	}
	content, err := checksum(path, gunzip.NewReader)
	if err != nil || content == f.Content {
		return err
	}
	return errors.Wrapf(ErrChecksum, "%s has content of SHA-256 %s, published is %s", path, content, f.Content)
}

// checksum returns the SHA-256, in hexadecimal, of the file at path after unpack.
func checksum(path string, unpack func(io.Reader) (io.Reader, error)) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", errors.WithStack(err)
	}
	defer file.Close()
	content, err := unpack(file)
	if err != nil {
		return "", errors.WithMessage(err, path)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, content); err != nil {
		return "", errors.Wrapf(err, "%s: read", path)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func asItIs(r io.Reader) (io.Reader, error) { return r, nil }
