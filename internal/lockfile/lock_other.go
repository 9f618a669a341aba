//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package lockfile

import "os"

// tryLock reports that file is free: there is no way to know.
func tryLock(*os.File) bool { return true }
