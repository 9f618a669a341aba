package kernel

import (
	"math"
	"testing"
)

// A logit that is NaN, or +Inf, makes the loss NaN, and the gradient in its row alone.
func TestCrossEntropyBadValues(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		logits, grad := []float32{1, 2, float32(bad), 3, 2, 1}, make([]float32, 6)
		targets := Targets[float32]{Classes: 3, Labels: []int{0, 1}}
		if loss := CrossEntropy(logits, targets); loss == loss {
			t.Errorf("a logit of %v: loss %v", bad, loss)
		}
		CrossEntropyGrad(grad, logits, 1, targets)
		for i, g := range grad {
			if isBad := g != g; isBad != (i < 3) {
				t.Errorf("a logit of %v: gradient %d is %v", bad, i, g)
			}
		}
	}
}
