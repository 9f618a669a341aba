//go:build !amd64

package elementary

import "github.com/layernoise/layernoise/internal/cpu"

func loopsOf(cpu.Level) Loops[float32] { return plainLoops[float32]() }
