// Package lockfile is for files that one process at a time may hold, in a folder that several work in.
package lockfile

import (
	"os"

	"github.com/pkg/errors"
)

// Try takes the lock file at path, without waiting, and returns how to give it back: nil if it is held by somebody else. A
// process that ends gives back what it holds, however it ends. Where files cannot be locked everybody gets it.
//
// The file is removed by whoever holds the lock, so one that is locked may be gone from its folder already, and locks
// nothing then.
func Try(path string) (release func(), err error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, errors.WithStack(err)
		}
		free := tryLock(file)
		if free && isAt(file, path) {
			return func() {
				os.Remove(path)
				file.Close()
			}, nil
		}
		file.Close()
		if !free {
			return nil, nil
		}
		// It was the file of a holder that has just ended: there is another one by now, or none.
	}
}

// isAt reports whether the open file is the one that has the name path.
func isAt(file *os.File, path string) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}
