package kernel

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// roundUp is the smallest multiple of unit that is n or more.
func roundUp(n, unit int) int { return ceilDiv(n, unit) * unit }
