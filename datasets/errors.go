package datasets

import "errors"

var (
	// ErrFormat marks content that is not what its format or its data set
	// asks for: a wrong magic number, an impossible count, a label without a
	// class, bytes after the end. Content that merely ends too soon is
	// io.ErrUnexpectedEOF.
	ErrFormat = errors.New("datasets: malformed data")

	// ErrNotFound marks a folder without the files of the data set.
	ErrNotFound = errors.New("datasets: files not found")

	// ErrClosed is returned by a Loader that is used after Close.
	ErrClosed = errors.New("datasets: loader is closed")

	// ErrNotStarted is the error of a Loader whose Next is called before the
	// first Start.
	ErrNotStarted = errors.New("datasets: loader has no pass: call Start first")
)
