//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package lockfile

import "os"

// tryLock reports that nobody else holds file, for want of a way to know.
func tryLock(*os.File) bool { return true }
