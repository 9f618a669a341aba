package vectorasm

// Set is a set of vector instructions.
type Set struct {
	Name  string // suffix of the names of functions
	Width int    // of a register, in bytes
}

var (
	AVX2   = Set{"AVX2", 32}
	AVX512 = Set{"AVX512", 64}
)

// Wide reports whether the set is AVX-512.
func (s Set) Wide() bool { return s == AVX512 }

// Lanes returns the number of 32-bit words in a register.
func (s Set) Lanes() int { return s.Width / 4 }
