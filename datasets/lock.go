package datasets

import (
	"context"
	"os"

	"github.com/pkg/errors"
)

// lockPath waits until this call alone holds the lock file at path, and returns
// how to give it back. Once, if it has to wait, it calls waiting. Where files
// cannot be locked it returns at once.
//
// The file is removed by whoever holds the lock, so one that is locked may be
// gone from its folder already, and locks nothing then.
func lockPath(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	for waited := false; ; {
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
		if free {
			continue // the file of a holder that has just ended
		}
		if !waited {
			waited = true
			waiting()
		}
		if err := pause(ctx, fetchPause); err != nil {
			return nil, err
		}
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
