package optim

import (
	"os"
	"strings"
	"testing"
)

// TestGorgoniaStarts guards a line of go.mod: with the older version that Gorgonia itself requires, every program that
// imports Gorgonia panics at start-up on Go 1.26, unless an environment variable is set.
func TestGorgoniaStarts(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	const want = "go4.org/unsafe/assume-no-moving-gc v0.0.0-20231121144256-b99613f794b6"
	if !strings.Contains(string(mod), want) {
		t.Errorf("go.mod does not require %s", want)
	}
	if os.Getenv("ASSUME_NO_MOVING_GC_UNSAFE_RISK_IT_WITH") != "" {
		t.Error("ASSUME_NO_MOVING_GC_UNSAFE_RISK_IT_WITH is set: the test proves nothing")
	}
}
