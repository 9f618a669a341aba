package noise

import (
	"math"
	"testing"
)

func TestUniformRange(t *testing.T) {
	for _, w := range []uint32{0, 1, 1 << 30, 1<<31 - 1} {
		u := uniform(w)
		if !(u > 0 && float64(u) < math.Sqrt(3)) {
			t.Errorf("uniform(%#x) = %v", w, u)
		}
		if v := uniform(^w); v != -u {
			t.Errorf("uniform(%#x) = %v, want %v", ^w, v, -u)
		}
	}
	if u := float64(uniform(1<<31 - 1)); u < math.Sqrt(3)*(1-1e-6) {
		t.Errorf("the largest is %v", u)
	}
}
