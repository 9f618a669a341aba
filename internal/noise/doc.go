// Package noise draws random tensors that are pure functions of counters.
//
// A draw is identified by a Stream (seed, step, sample, tensor); element i of it depends only on that and on i. The bits are
// the same for any number of threads and on every machine, draws of different tensors, steps and samples share no counter,
// and a draw can be repeated instead of stored.
//
// # Generator
//
// Philox4x32-7: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011,
// https://doi.org/10.1145/2063384.2063405. The key is the seed, low half first; the counter is (block, Sample, Tensor,
// Step). With 2^32 blocks of four words a draw has at most MaxLen elements.
//
// Seven rounds are the fastest variant that the authors report to pass all of TestU01's batteries (their table 2). The usual
// ten rounds leave a margin and take 15 to 20% more time for a Gaussian. The tests include the known answers that Random123
// publishes for seven rounds.
//
// # Layout
//
// Words are handled in groups of 32, from eight consecutive blocks: for lane l of 16, a[l] is word l%2 and b[l] is word 2 +
// l%2 of block 8*group + l/2. This is the order that 8- and 16-lane registers produce without a shuffle. Gaussian and
// Uniform make 32 elements from a group, Rademacher 1024; see the transforms. Elements past the end of a tensor are
// discarded.
//
// # Rounding
//
// Every floating-point operation rounds once, to float32, and none is fused with another: each product that is an operand of
// an addition is explicitly converted, because the compiler may otherwise fuse the two (on arm64, and on amd64 with
// GOAMD64=v3). The unit draw eps is always a float32; for float64 tensors it is widened. Then scale*eps rounds once in the
// tensor's type, and so does the sum with the weight.
//
// # Kernels
//
// The plain Go loops define the bits. On amd64 they are replaced by generated AVX2 or AVX-512 code with the same results;
// package cpu says how to select it.
package noise
