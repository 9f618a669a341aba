package gemm

import "github.com/layernoise/layernoise/internal/cpu"

func kernels32Of(l cpu.Level) *kernels { return choose(l, &kernels32NEON) }

func kernels64Of(l cpu.Level) *kernels { return choose(l, &kernels64NEON) }

func choose(l cpu.Level, neon *kernels) *kernels {
	if l == cpu.NEON {
		return neon
	}
	return nil
}
