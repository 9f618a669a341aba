// Package lockfile has lock files that one process at a time may hold, for folders shared by several processes.
package lockfile

import (
	"os"

	"github.com/pkg/errors"
)

// Try takes the lock file at path, without waiting, and returns how to release it, or nil if someone else holds it. A
// process releases its locks when it ends, however it ends. On systems without file locks everyone gets the lock.
//
// The holder of the lock removes the file, so a locked file may no longer be in its folder, and then locks nothing.
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
		// It was the file of a holder that has just ended: by now there is another one, or none.
	}
}

// isAt reports whether the open file is the one at path.
func isAt(file *os.File, path string) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}
