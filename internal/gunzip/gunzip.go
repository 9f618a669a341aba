// Package gunzip reads files that may or may not be gzip-compressed.
package gunzip

import (
	"bufio"
	"compress/gzip"
	"io"

	"github.com/pkg/errors"
)

// NewReader returns a reader of the uncompressed contents of r, whether or not r is gzip-compressed. The error is
// io.ErrUnexpectedEOF for fewer than two bytes.
func NewReader(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	head, err := buffered.Peek(2)
	if err == io.EOF {
		return nil, errors.Wrap(io.ErrUnexpectedEOF, "no content")
	}
	if err != nil {
		return nil, errors.Wrap(err, "read")
	}
	if head[0] != 0x1f || head[1] != 0x8b {
		return buffered, nil
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, errors.Wrap(err, "gzip")
	}
	return z, nil
}
