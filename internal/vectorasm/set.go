package vectorasm

// Set is a set of vector instructions.
type Set struct {
	Name  string // which the names of functions end in
	Width int    // of a register, in bytes
}

var (
	AVX2   = Set{"AVX2", 32}
	AVX512 = Set{"AVX512", 64}
)

// Wide reports whether the set is AVX-512.
func (s Set) Wide() bool { return s == AVX512 }

// Lanes is how many 32-bit words a register holds.
func (s Set) Lanes() int { return s.Width / 4 }
