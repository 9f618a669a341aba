//go:build !((darwin || freebsd || linux || netbsd) && (amd64 || arm64) && !android)

package nativeblas

import (
	"runtime"

	"github.com/pkg/errors"
)

type library struct {
	sgemm, dgemm uintptr
}

func openLibrary(path string) (library, string, error) {
	return library{}, "", errors.Errorf("nativeblas: open %s: not supported on %s/%s", path, runtime.GOOS, runtime.GOARCH)
}

func multiply[T float32 | float64](uintptr, *parameters[T]) { panic("unreachable") }
