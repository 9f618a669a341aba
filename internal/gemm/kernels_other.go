//go:build !amd64 && !arm64

package gemm

import "github.com/layernoise/layernoise/internal/cpu"

func kernels32Of(cpu.Level) *kernels { return nil }

func kernels64Of(cpu.Level) *kernels { return nil }
