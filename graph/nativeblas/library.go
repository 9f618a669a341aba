//go:build (darwin || freebsd || linux || netbsd) && (amd64 || arm64) && !android

package nativeblas

import (
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/pkg/errors"
)

// library holds the functions of an open BLAS: the Fortran ones, which every BLAS has and which take only pointers.
type library struct {
	sgemm, dgemm uintptr
}

// openLibrary opens the library at path, or of that name in the system's search path, and returns the name that it reports.
func openLibrary(path string) (lib library, name string, err error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return library{}, "", errors.Wrapf(err, "nativeblas: open %s", path)
	}
	if lib.sgemm, err = purego.Dlsym(handle, "sgemm_"); err != nil {
		return library{}, "", errors.Wrapf(err, "nativeblas: %s", path)
	}
	if lib.dgemm, err = purego.Dlsym(handle, "dgemm_"); err != nil {
		return library{}, "", errors.Wrapf(err, "nativeblas: %s", path)
	}
	return lib, describe(handle, path), nil
}

// describe returns OpenBLAS's version, the processor for which it selected its kernels, and the path.
func describe(handle uintptr, path string) string {
	config, err := purego.Dlsym(handle, "openblas_get_config")
	if err != nil {
		return path
	}
	core, err := purego.Dlsym(handle, "openblas_get_corename")
	if err != nil {
		return path
	}
	words := strings.Fields(call(config))
	return strings.Join(append(words[:min(2, len(words))], call(core), "("+path+")"), " ")
}

// call calls a C function that returns a string.
func call(function uintptr) string {
	var f func() string
	purego.RegisterFunc(&f, function)
	return f()
}

// multiply calls a Fortran product c = alpha op(a) op(b) + beta c, column-major. p is on the heap, and so is the list of
// addresses: SyscallN's argument list would be allocated on each call.
func multiply[T float32 | float64](f uintptr, p *parameters[T]) {
	p.addresses = [...]uintptr{
		address(&p.ta), address(&p.tb), address(&p.m), address(&p.n), address(&p.k),
		address(&p.alpha), address(unsafe.SliceData(p.a)), address(&p.lda), address(unsafe.SliceData(p.b)), address(&p.ldb),
		address(&p.beta), address(unsafe.SliceData(p.c)), address(&p.ldc),
		1, 1, // the lengths of the two strings, which Fortran passes last
	}
	purego.SyscallN(f, p.addresses[:]...)
}

func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
