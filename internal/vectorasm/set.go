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

// Wide reports whether registers are the widest of AVX-512.
func (s Set) Wide() bool { return s == AVX512 }

// Half is AVX-512 on registers of half its width, for what AVX2 has eight lanes of.
func (s Set) Half() Set { return Set{s.Name, AVX2.Width} }

// Masks reports whether the set has mask registers.
func (s Set) Masks() bool { return s.Name == AVX512.Name }

// Lanes returns the number of 32-bit words in a register.
func (s Set) Lanes() int { return s.Width / 4 }
