package datasets

import (
	"errors"

	"github.com/layernoise/layernoise/internal/fetch"
)

var (
	// ErrFormat marks content that is not what its format or its data set asks for: a wrong magic number, an impossible count,
	// a label without a class, bytes after the end. Content that merely ends too soon is io.ErrUnexpectedEOF.
	ErrFormat = errors.New("malformed data")

	// ErrNotFound marks a folder without the files of the data set.
	ErrNotFound = errors.New("files not found")

	// ErrChecksum marks a file whose length or SHA-256 is not that of the published one.
	ErrChecksum = fetch.ErrChecksum

	// ErrToken marks text, or the id of a token, that is not in a vocabulary.
	ErrToken = errors.New("not in the vocabulary")

	// ErrShort marks a text too short for one sequence.
	ErrShort = errors.New("the text is too short")

	// ErrStalled is the error of a download from a server that sends nothing.
	ErrStalled = fetch.ErrStalled

	// ErrClosed is returned by a Loader that is used after Close.
	ErrClosed = errors.New("datasets: loader is closed")

	// ErrNotStarted is the error of a Loader whose Next is called before the first Start.
	ErrNotStarted = errors.New("datasets: loader has no pass: call Start first")
)
