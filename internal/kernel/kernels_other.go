//go:build !amd64

package kernel

import "github.com/layernoise/layernoise/internal/cpu"

func kernelsOf(cpu.Level) kernels { return plainKernels() }

func loopsOf(cpu.Level) loops[float32] { return plainLoops[float32]() }
