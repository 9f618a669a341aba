//go:build unix

package distributed

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pkg/errors"
)

// launchedWorld opens the world of the processes that a launcher started. It skips a test that none did.
func launchedWorld(t *testing.T, timeout time.Duration) *World {
	t.Helper()
	if l, _ := launched(); !l.launched {
		t.Skip("not started by a launcher: bash optim/distributed/test.sh starts it by Open MPI and MPICH")
	}
	w, err := Init(Config{Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestLaunched runs in each process that mpirun starts: test.sh starts them, and `go test` alone skips it.
func TestLaunched(t *testing.T) {
	if l, _ := launched(); l.launched && os.Getenv("LAYERNOISE_TEST_ODD") == "absent" {
		if l.rank == l.size-1 {
			time.Sleep(6 * time.Second)
			t.Fatal("this rank has not called Init")
		}
		_, err := Init(Config{Timeout: 2 * time.Second})
		t.Fatal(err)
	}
	w := launchedWorld(t, time.Minute)
	t.Log(w)
	if _, err := Init(Config{}); err == nil || !strings.Contains(err.Error(), "Init was called before") {
		t.Fatalf("a second Init: %v", err)
	}
	if odd := os.Getenv("LAYERNOISE_TEST_ODD"); odd != "" {
		err := misbehave(w, odd)
		w = nil
		for range 3 { // what MPI may still write to is not collected
			runtime.GC()
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatal(err)
	}
	if path := os.Getenv("LAYERNOISE_TEST_CHECKPOINT"); path != "" {
		if err := checkResumed(w, path); err != nil {
			t.Fatal(err)
		}
	}
	direct := w.direct
	for _, block := range []int{4096, defaultBlock} {
		w.block = block
		if err := checkExchange(w); err != nil {
			t.Fatal(err)
		}
		w.direct = false // as of a library that wants one thread
		if err := checkOverlap(w); err != nil {
			t.Fatal(err)
		}
		w.direct = direct
	}
	for _, check := range []func(*World) error{checkSolver, checkAccumulated, checkIndependentNoise, checkFit, checkEvaluate, checkLanguageModel, checkBatchNorm, checkSyncBatchNorm, checkShare, checkWithdraw, checkUnread, checkOverlap, checkFitOverlap} {
		if err := check(w); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finalize(); err != nil {
		t.Fatal(err)
	}
}

// TestEnds is a world that does little else than to end. test.sh starts it many times, since an MPI_Finalize may hang now
// and then.
func TestEnds(t *testing.T) {
	w := launchedWorld(t, 10*time.Second)
	for range 3 {
		if err := Allreduce(w, make([]float32, 10000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finalize(); err != nil {
		t.Fatal(err)
	}
}

// TestResumed goes on where a rank died, and does nothing else.
func TestResumed(t *testing.T) {
	path := os.Getenv("LAYERNOISE_TEST_CHECKPOINT")
	if path == "" {
		t.Skip("bash optim/distributed/test.sh starts it")
	}
	w := launchedWorld(t, time.Minute)
	if err := checkResumed(w, path); err != nil {
		t.Fatal(err)
	}
	if err := w.Finalize(); err != nil {
		t.Fatal(err)
	}
}

// misbehave makes the last rank do something else than the others, who train. It returns what they are told.
func misbehave(w *World, odd string) error {
	w.timeout = 2 * time.Second
	if err := w.Barrier(); err != nil {
		return err
	}
	if odd == "dies" {
		return trainAndDie(w, os.Getenv("LAYERNOISE_TEST_CHECKPOINT"))
	}
	if w.Rank() < w.Size()-1 {
		return Allreduce(w, make([]float32, 1000))
	}
	switch odd {
	case "hangs":
		time.Sleep(6 * time.Second)
		return nil
	case "stops":
		return syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "unplugs": // its host, which is a network namespace
		if out, err := exec.Command("ip", "link", "set", "eth0", "down").CombinedOutput(); err != nil {
			return errors.Wrapf(err, "%s", out)
		}
		return Allreduce(w, make([]float32, 1000))
	case "fails":
		w.Abort(errors.New("the disk is full"))
	case "leaves":
		return w.Finalize()
	case "faults":
		return fault()
	case "panics":
		panic("a nil map")
	case "differs":
		return Allreduce(w, make([]float64, 7))
	}
	return errors.Errorf("unknown: %s", odd)
}

// fault makes what Go's runtime turns into a panic by a signal, which MPI must have left to it.
func fault() (err error) {
	defer func() { err = errors.Errorf("recovered: %v", recover()) }()
	var none *World
	none.size++
	return nil
}

const resumedSigma = 0.1

// trainAndDie trains, and kills the last rank between two steps. Rank 0 has written a checkpoint some steps before.
func trainAndDie(w *World, path string) error {
	batch := images / w.Size()
	r, err := newRun(w, batch, batch*w.Rank(), resumedSigma)
	if err != nil {
		return err
	}
	if err := r.train(0, steps/2); err != nil {
		return err
	}
	if w.Rank() == 0 {
		c, err := r.save()
		if err != nil {
			return err
		}
		text, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o666); err != nil {
			return err
		}
	}
	if err := r.train(steps/2, steps/2+3); err != nil {
		return err
	}
	if w.Rank() == w.Size()-1 {
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return r.train(steps/2+3, steps)
}

// checkResumed goes on from the checkpoint of ranks that died, as many or not, and compares the end with that of one process
// that was never interrupted.
func checkResumed(w *World, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var c checkpoint
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	batch := images / w.Size()
	r, err := newRun(w, batch, batch*w.Rank(), resumedSigma)
	if err != nil {
		return err
	}
	if err := r.load(c); err != nil {
		return err
	}
	if err := r.train(steps/2, steps); err != nil {
		return err
	}
	want, err := train(&World{size: 1}, resumedSigma)
	if err != nil {
		return err
	}
	for i, x := range r.weights() {
		if diff := math.Abs(x - want[i]); !(diff < 1e-12) {
			return errors.Errorf("weight %d of %d resumed ranks is %v, of one process that was not interrupted %v", i, w.Size(), x, want[i])
		}
	}
	return nil
}
