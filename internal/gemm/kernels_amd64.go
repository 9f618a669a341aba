package gemm

import "github.com/layernoise/layernoise/internal/cpu"

func kernels32Of(l cpu.Level) *kernels { return choose(l, &kernels32AVX2, &kernels32AVX512) }

func kernels64Of(l cpu.Level) *kernels { return choose(l, &kernels64AVX2, &kernels64AVX512) }

func choose(l cpu.Level, avx2, avx512 *kernels) *kernels {
	switch l {
	case cpu.AVX512:
		return avx512
	case cpu.AVX2:
		return avx2
	}
	return nil
}
