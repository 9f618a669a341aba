package datasets

import (
	"errors"

	"github.com/layernoise/layernoise/internal/fetch"
)

var (
	// ErrFormat marks contents that do not fit their format or data set: a wrong magic number, an impossible count, a label
	// without a class, trailing bytes. Data that merely ends too soon is io.ErrUnexpectedEOF.
	ErrFormat = errors.New("malformed data")

	// ErrNotFound marks a folder without the files of the data set.
	ErrNotFound = errors.New("files not found")

	// ErrChecksum marks a file whose length or SHA-256 differs from the published one.
	ErrChecksum = fetch.ErrChecksum

	// ErrToken marks text, or a token id, that is not in a vocabulary.
	ErrToken = errors.New("not in the vocabulary")

	// ErrShort marks a text too short for one sequence.
	ErrShort = errors.New("the text is too short")

	// ErrStalled is the error of a download from a server that stops sending.
	ErrStalled = fetch.ErrStalled

	// ErrClosed is returned by a Loader that is used after Close.
	ErrClosed = errors.New("datasets: loader is closed")

	// ErrNotStarted is the error of a Loader on which Next is called before the first Start.
	ErrNotStarted = errors.New("datasets: loader has no pass: call Start first")
)
