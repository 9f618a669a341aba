// Package cpu selects the vector instructions of all kernels.
package cpu

import "os"

// Level is a set of vector instructions. A higher level includes the lower ones.
type Level int

const (
	Plain  Level = iota // only Go code
	NEON                // Advanced SIMD, on arm64
	AVX2                // AVX2 and FMA, on amd64
	AVX512              // AVX-512 F, BW, DQ and VL, on amd64
)

var names = [...]string{Plain: "plain", NEON: "neon", AVX2: "avx2", AVX512: "avx512"}

// String returns the name as used in the environment variable.
func (l Level) String() string { return names[l] }

// Variable is the environment variable that lowers the level, to one of "plain", "neon", "avx2" and "avx512". It is read
// once, when the program starts. A level that the processor lacks is replaced by the best it has; other values are ignored.
const Variable = "LAYERNOISE_CPU"

var level = choose(detect(), os.Getenv(Variable))

// Best returns the level that kernels should use.
func Best() Level { return level }

func choose(best Level, limit string) Level {
	for l, name := range names {
		if name == limit && (Level(l) != NEON || best == NEON) {
			return min(best, Level(l))
		}
	}
	return best
}
