package peak

import "github.com/layernoise/layernoise/internal/cpu"

// The loops below do so many multiply-adds of a vector in a round, all in registers.
const chains = 14

//go:noescape
func avx2(n int)

//go:noescape
func avx512(n int)

// Run does so many rounds of multiply-adds of float32 with the vectors of a level, and returns their number of operations,
// two for a multiply-add; zero for levels without vectors.
func Run(l cpu.Level, rounds int) (flop float64) {
	switch l {
	case cpu.AVX512:
		avx512(rounds)
		return 2 * 16 * chains * float64(rounds)
	case cpu.AVX2:
		avx2(rounds)
		return 2 * 8 * chains * float64(rounds)
	}
	return 0
}
