package noise

import "github.com/layernoise/layernoise/internal/cpu"

// kernels32 returns the kernels for float32 with the instructions of a level.
func kernels32(l cpu.Level) kernels[float32] {
	type adds = [dists]func(dst, src []float32, words []uint32, scale float32)
	switch l {
	case cpu.AVX512:
		return kernels[float32]{
			groupsAVX512,
			adds{addGaussian32AVX512, addRademacher32AVX512, addUniform32AVX512},
		}
	case cpu.AVX2:
		return kernels[float32]{
			groupsAVX2,
			adds{addGaussian32AVX2, addRademacher32AVX2, addUniform32AVX2},
		}
	}
	return plainKernels[float32]()
}

// kernels64 returns the kernels for float64 with the instructions of a level.
func kernels64(l cpu.Level) kernels[float64] {
	type adds = [dists]func(dst, src []float64, words []uint32, scale float64)
	switch l {
	case cpu.AVX512:
		return kernels[float64]{
			groupsAVX512,
			adds{addGaussian64AVX512, addRademacher64AVX512, addUniform64AVX512},
		}
	case cpu.AVX2:
		return kernels[float64]{
			groupsAVX2,
			adds{addGaussian64AVX2, addRademacher64AVX2, addUniform64AVX2},
		}
	}
	return plainKernels[float64]()
}
