// Package vectorasm is shared by the generators of vector kernels: the instruction sets, a table of constants, and the
// conversion of avo's functions to the files of a package.
package vectorasm
