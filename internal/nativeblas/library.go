//go:build (darwin || freebsd || linux || netbsd) && (amd64 || arm64) && !android

package nativeblas

import (
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/pkg/errors"
)

// library is the functions of an open BLAS. They are the Fortran ones, which
// every BLAS has and which take pointers only.
type library struct {
	sgemm, dgemm routine
}

// open opens the library at path, or of that name in the system's search path,
// and returns what it calls itself.
func open(path string) (lib library, name string, err error) {
	handle, err := load(path)
	if err != nil {
		return library{}, "", errors.Wrapf(err, "nativeblas: open %s", path)
	}
	if lib.sgemm.address, err = purego.Dlsym(handle, "sgemm_"); err != nil {
		return library{}, "", errors.Wrapf(err, "nativeblas: %s", path)
	}
	if lib.dgemm.address, err = purego.Dlsym(handle, "dgemm_"); err != nil {
		return library{}, "", errors.Wrapf(err, "nativeblas: %s", path)
	}
	oneThread(handle)
	name = describe(handle, path)
	lib.sgemm.small = hasSmall(name)
	return lib, name, nil
}

func load(path string) (uintptr, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil || !slowCore(coreName(handle)) {
		return handle, err
	}
	// An OpenBLAS older than the processor does not know it, and falls back to
	// kernels of 2004. It reads the variable when it is loaded, from C's
	// environment, which is not os.Setenv's.
	if err := setenv(coreVariable, bestCore()); err != nil {
		return handle, nil
	}
	if err := purego.Dlclose(handle); err != nil {
		return 0, err
	}
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
}

func setenv(name, value string) error {
	f, err := purego.Dlsym(purego.RTLD_DEFAULT, "setenv")
	if err != nil {
		return err
	}
	var c func(name, value string, overwrite int32) int32
	purego.RegisterFunc(&c, f)
	c(name, value, 1)
	return nil
}

// coreName is the processor that an OpenBLAS chose its kernels for, empty for
// other libraries.
func coreName(handle uintptr) string {
	f, err := purego.Dlsym(handle, "openblas_get_corename")
	if err != nil {
		return ""
	}
	return call(f)
}

// oneThread tells the library to leave the threads to Go. Accelerate has no such
// function.
func oneThread(handle uintptr) {
	for _, name := range []string{"openblas_set_num_threads", "MKL_Set_Num_Threads", "bli_thread_set_num_threads"} {
		if f, err := purego.Dlsym(handle, name); err == nil {
			purego.SyscallN(f, 1)
			return
		}
	}
}

// describe returns what OpenBLAS says of its version and of the processor it
// chose its kernels for, and the path.
func describe(handle uintptr, path string) string {
	config, err := purego.Dlsym(handle, "openblas_get_config")
	if err != nil {
		return path
	}
	words := strings.Fields(call(config))
	return strings.Join(append(words[:min(2, len(words))], coreName(handle), "("+path+")"), " ")
}

// call calls a C function that returns a string.
func call(function uintptr) string {
	var f func() string
	purego.RegisterFunc(&f, function)
	return f()
}

// multiply calls a Fortran product c = alpha op(a) op(b) + beta c, column-major. p
// lives on the heap, and so does the list of addresses: an argument list of
// SyscallN would be allocated for each call.
func multiply[T float32 | float64](f uintptr, p *parameters[T]) {
	p.addresses = [...]uintptr{
		address(&p.ta), address(&p.tb), address(&p.m), address(&p.n), address(&p.k),
		address(&p.alpha), address(unsafe.SliceData(p.a)), address(&p.lda), address(unsafe.SliceData(p.b)), address(&p.ldb),
		address(&p.beta), address(unsafe.SliceData(p.c)), address(&p.ldc),
		1, 1, // the lengths of the two strings, which Fortran passes at the end
	}
	purego.SyscallN(f, p.addresses[:]...)
}

func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
