//go:build !amd64

package kernel

import "github.com/layernoise/layernoise/internal/cpu"

func kernelsOf(cpu.Level) kernels { return plainKernels() }
