// Package nativeblas opens the machine's BLAS library at run time, without cgo,
// and offers its matrix products in the shape of gonum's interface.
//
// The library itself is told to use one thread. Products large enough are cut
// into blocks that run on Go's processors instead: the cuts depend on the shapes
// alone, so that GOMAXPROCS does not change a bit of the result, and kernels
// that are parallel themselves do not compete with a second pool of threads.
package nativeblas
