package cpu

// All arm64 processors that Go runs on have it.
func detect() Level { return NEON }
