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
	Content string // SHA-256 of what it is without gzip's compression, "" when not known
}

// Verify checks that the file at path is the published one, byte by byte or, where the checksum of the content is known,
// after both are uncompressed: a copy that was unpacked or compressed again is as good. Another file is ErrChecksum.
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

// checksum is the SHA-256, in hexadecimal digits, of what unpack makes of the file at path.
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
