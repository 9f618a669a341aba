// Package nativeblas puts the machine's own BLAS library under Gorgonia's stock operations: OpenBLAS, Intel's MKL, BLIS or
// Accelerate, opened at run time without cgo.
//
// Nothing in this module needs it: the layers and operations of this module multiply with kernels of their own, whatever
// BLAS is in use, and graph.UseBLAS puts those under stock operations too. Take this package where a stock graph is all
// about products that a vendor's library computes faster on your machine, and give up for it:
//
//   - the bits: a library's results depend on its version, on the processor and on
//     the number of its threads, so that a training can be repeated to the bit at
//     best on the same machine;
//   - static binaries: a program that imports this package needs a dynamic linker;
//   - one pool of threads: a library has its own, beside Go's. Their number is set as
//     the library wants it, say by OPENBLAS_NUM_THREADS.
//
// An OpenBLAS older than the processor may not know it, and then multiplies with kernels of 2004. [Use] returns the name of
// the processor that it took; the environment variable OPENBLAS_CORETYPE (Haswell, SkylakeX) tells it better.
package nativeblas
