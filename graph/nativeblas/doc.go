// Package nativeblas makes Gorgonia's stock operations use a BLAS library of the machine: OpenBLAS, Intel's MKL, BLIS or
// Accelerate, opened at run time without cgo.
//
// Nothing in this module needs it: the module's layers and operations use its own kernels whatever BLAS is in use, and
// graph.UseBLAS does the same for stock operations. Use this package if a stock graph is dominated by products that a
// vendor's library computes faster on your machine. It costs:
//
//   - reproducibility: a library's results depend on its version, on the processor and on
//     its number of threads, so that at best a training can be repeated to the bit on
//     the same machine;
//   - static binaries: a program that imports this package needs a dynamic linker;
//   - a second pool of threads besides Go's. Its size is set as the library wants it,
//     for example by OPENBLAS_NUM_THREADS.
//
// An OpenBLAS older than the processor may not recognise it, and then uses kernels from 2004. [Use] returns the name of the
// processor that it selected; the environment variable OPENBLAS_CORETYPE (Haswell, SkylakeX) overrides it.
package nativeblas
