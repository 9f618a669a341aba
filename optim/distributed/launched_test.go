package distributed

import (
	"os"
	"testing"
	"time"

	"github.com/pkg/errors"
)

// TestLaunched runs in each process that mpirun starts: test.sh starts them, and `go test` alone skips it.
func TestLaunched(t *testing.T) {
	if !launched().launched {
		t.Skip("not started by a launcher: bash optim/distributed/test.sh starts it by Open MPI and MPICH")
	}
	w, err := Init(Config{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(w)
	for _, block := range []int{4096, defaultBlock} {
		w.block = block
		if err := checkExchange(w); err != nil {
			t.Fatal(err)
		}
	}
	for _, check := range []func(*World) error{checkSolver, checkIndependentNoise, checkFit, checkEvaluate, checkLanguageModel, checkBatchNorm, checkShare} {
		if err := check(w); err != nil {
			t.Fatal(err)
		}
	}
	switch odd := os.Getenv("LAYERNOISE_TEST_ODD"); {
	case odd == "":
		if err := w.Finalize(); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatal(misbehave(w, odd))
	}
}

// misbehave makes the last rank do something else than the others, who wait for it in an all-reduce. It returns what they are told.
func misbehave(w *World, odd string) error {
	w.timeout = 3 * time.Second
	if w.Rank() < w.Size()-1 {
		return Allreduce(w, make([]float32, 1000))
	}
	switch odd {
	case "dies":
		time.Sleep(100 * time.Millisecond)
		p, _ := os.FindProcess(os.Getpid())
		return p.Kill()
	case "hangs":
		time.Sleep(10 * time.Second)
		return nil
	case "fails":
		w.Abort(errors.New("the disk is full"))
	case "leaves":
		return w.Finalize()
	case "panics":
		panic("a nil map")
	case "differs":
		return Allreduce(w, make([]float64, 7))
	}
	return errors.Errorf("unknown: %s", odd)
}
