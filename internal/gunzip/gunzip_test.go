package gunzip

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/layernoise/layernoise/internal/testfile"
)

func TestNewReader(t *testing.T) {
	packed := string(testfile.Gzip(t, []byte("content")))
	broken := errors.New("broken")
	for _, test := range []struct {
		name string
		from io.Reader
		want string
		err  error
	}{
		{"plain", strings.NewReader("content"), "content", nil},
		{"packed", strings.NewReader(packed), "content", nil},
		{"packed in two parts", strings.NewReader(packed + packed), "contentcontent", nil},
		{"packed, byte by byte", iotest.OneByteReader(strings.NewReader(packed)), "content", nil},
		{"packed nothing", bytes.NewReader(testfile.Gzip(t, nil)), "", nil},
		{"one byte", strings.NewReader("c"), "c", io.ErrUnexpectedEOF},
		{"nothing", strings.NewReader(""), "", io.ErrUnexpectedEOF},
		{"cut in the head", strings.NewReader(packed[:5]), "", io.ErrUnexpectedEOF},
		{"cut", strings.NewReader(packed[:len(packed)-1]), "content", io.ErrUnexpectedEOF},
		{"wrong sum", strings.NewReader(packed[:len(packed)-8] + "12345678"), "content", gzip.ErrChecksum},
		{"broken", iotest.ErrReader(broken), "", broken},
	} {
		var got bytes.Buffer
		r, err := NewReader(test.from)
		if err == nil {
			_, err = got.ReadFrom(r)
		}
		if !errors.Is(err, test.err) || err == nil && got.String() != test.want {
			t.Errorf("%s: %q, error %v, want %q, %v", test.name, got.String(), err, test.want, test.err)
		}
	}
}
