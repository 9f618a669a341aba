// Package noise draws random tensors that are pure functions of counters.
//
// A draw is named by a Stream (seed, step, sample, tensor); element i of it depends on that name and on i alone. The same
// bits come out for every number of threads and on every machine, draws of different tensors, steps and samples share no
// counter, and a draw can be made again instead of being stored.
//
// # Generator
//
// Philox4x32-7: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011,
// https://doi.org/10.1145/2063384.2063405. The key is the seed, low half first; the counter is (block, Sample, Tensor,
// Step). With 2^32 blocks of four words a draw has at most MaxLen elements.
//
// Seven rounds are the fastest variant that its authors report to pass all of TestU01's batteries (their table 2). The ten
// that are usual elsewhere leave a margin and take 15 to 20% more time for a Gaussian. The known answers that Random123
// publishes for seven rounds are among the tests.
//
// # Layout
//
// Words are handled in groups of 32, from eight consecutive blocks: for lane l of 16, a[l] is word l%2 and b[l] is word 2 +
// l%2 of block 8*group + l/2. This is what falls out of 8- and 16-lane registers without a shuffle. Gaussian and Uniform
// make 32 elements of a group, Rademacher 1024; see the transforms. Elements past the end of a tensor are discarded.
//
// # Rounding
//
// Every floating-point operation rounds once, to float32, and none is fused with another: an explicit conversion stands
// around each product that feeds an addition, because the compiler may otherwise fuse the two (on arm64, and on amd64 with
// GOAMD64=v3). The unit draw eps is always a float32; float64 tensors get it widened. Then scale*eps rounds once in the
// tensor's type, and so does the sum with the weight.
//
// # Kernels
//
// The plain Go loops define the bits. On amd64 generated AVX2 or AVX-512 code takes their place and gives the same; package
// cpu tells how to choose.
package noise
