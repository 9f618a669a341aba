//go:build !unix

package layers_test

import "time"

// cpuTime returns zero: the processor time is measured on Unix only.
func cpuTime() time.Duration { return 0 }
