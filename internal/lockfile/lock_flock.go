//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lockfile

import (
	"os"
	"syscall"

	"github.com/pkg/errors"
)

// tryLock locks file until it is closed, at the latest when the process ends. It returns false if the file is locked
// elsewhere, and true on a file system without locks.
func tryLock(file *os.File) bool {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return !errors.Is(err, syscall.EWOULDBLOCK)
}
