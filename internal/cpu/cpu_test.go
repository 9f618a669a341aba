package cpu

import (
	"os"
	"testing"
)

func TestChoose(t *testing.T) {
	for _, test := range []struct {
		best  Level
		limit string
		want  Level
	}{
		{AVX512, "", AVX512},
		{AVX512, "plain", Plain},
		{AVX512, "avx2", AVX2},
		{AVX512, "avx512", AVX512},
		{AVX512, "AVX2", AVX512},
		{AVX2, "avx512", AVX2},
		{AVX2, "", AVX2},
		{Plain, "avx2", Plain},
		{AVX512, "neon", AVX512},
		{NEON, "avx2", NEON},
		{NEON, "plain", Plain},
	} {
		if got := choose(test.best, test.limit); got != test.want {
			t.Errorf("choose(%v, %q) = %v, want %v", test.best, test.limit, got, test.want)
		}
	}
}

// A run that sets the variable must test what it means to test.
func TestVariable(t *testing.T) {
	t.Logf("the processor has %v, the kernels use %v", detect(), Best())
	if limit := os.Getenv(Variable); limit != "" && limit != Best().String() {
		t.Errorf("%s=%s, but the level is %v", Variable, limit, Best())
	}
}
