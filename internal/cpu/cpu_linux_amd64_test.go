package cpu

import (
	"os"
	"strings"
	"testing"
)

// The level is that of the flags that the system lists.
func TestDetect(t *testing.T) {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	flags := make(map[string]bool)
	for line := range strings.Lines(string(data)) {
		if list, found := strings.CutPrefix(line, "flags"); found {
			for _, flag := range strings.Fields(list) {
				flags[flag] = true
			}
			break
		}
	}
	if !flags["sse2"] { // which every amd64 processor has
		t.Fatalf("/proc/cpuinfo lists the flags %v", flags)
	}
	want := Plain
	if flags["avx2"] && flags["fma"] {
		want = AVX2
		if flags["avx512f"] && flags["avx512bw"] && flags["avx512dq"] && flags["avx512vl"] {
			want = AVX512
		}
	}
	if got := detect(); got != want {
		t.Errorf("detected %v, want %v", got, want)
	}
}
