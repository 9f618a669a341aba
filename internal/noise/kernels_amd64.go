package noise

import "github.com/layernoise/layernoise/internal/cpu"

func kernels32(cpu.Level) kernels[float32] { return plainKernels[float32]() }

func kernels64(cpu.Level) kernels[float64] { return plainKernels[float64]() }
