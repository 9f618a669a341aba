//go:build race

// Package race tells tests whether the race detector is on: it makes sync.Pool drop items at random, so that counting
// allocations proves nothing.
package race

// Enabled reports whether the race detector is on.
const Enabled = true
