// Package vectorasm is what the generators of vector kernels share: the sets of instructions, a table of constants, and the
// way from avo's functions to the files of a package.
package vectorasm
