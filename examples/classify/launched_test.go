package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The first variable is a launcher of MPI with its options up to the number of ranks, with which TestLaunched runs the program;
// optim/distributed/test.sh sets it. The second makes the test's binary the program.
const (
	launcherVariable = "LAYERNOISE_TEST_LAUNCHER"
	programVariable  = "LAYERNOISE_TEST_CLASSIFY"
)

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program returns the program as the ranks of the launcher, or alone for 0.
func program(ranks int, args ...string) *exec.Cmd {
	line := append([]string{os.Args[0]}, args...)
	if ranks > 0 {
		line = append(append(strings.Fields(os.Getenv(launcherVariable)), fmt.Sprint(ranks)), line...)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), programVariable+"=1", "GOMAXPROCS=1")
	return cmd
}

// launched runs the program and returns its results and its output.
func launched(t *testing.T, ranks int, folder string, args ...string) (*results, []byte) {
	t.Helper()
	out, err := program(ranks, append(args, "-out", folder)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%d ranks: %v\n%s", ranks, err, out)
	}
	return resultsIn(t, folder), out
}

func resultsIn(t *testing.T, folder string) *results {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, resultsName))
	if err != nil {
		t.Fatal(err)
	}
	x, err := readResults(data)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// closeTo compares results to the rounding of float32.
func closeTo(t *testing.T, got, want *results) {
	t.Helper()
	if len(got.Runs) != len(want.Runs) {
		t.Fatalf("%d runs, want %d", len(got.Runs), len(want.Runs))
	}
	for i, w := range want.Runs {
		g := got.Runs[i]
		if g.task != w.task || len(g.Points) != len(w.Points) || !g.ended() {
			t.Fatalf("run %v with %d points, done %v; want %v with %d", g.task, len(g.Points), g.Done, w.task, len(w.Points))
		}
		for j, p := range w.Points {
			for _, of := range []func(point) float64{accuracy, loss, func(p point) float64 { return p.TrainLoss }, func(p point) float64 { return p.L2 }} {
				if a, b := of(g.Points[j]), of(p); !(math.Abs(a-b) <= 2e-3*max(1, math.Abs(b))) {
					t.Errorf("%v after epoch %d: %v, want %v", g.task, p.Epoch, a, b)
				}
			}
		}
	}
}

// TestLaunched runs the program as the ranks of a launcher.
func TestLaunched(t *testing.T) {
	if os.Getenv(launcherVariable) == "" {
		t.Skip("not asked for: bash optim/distributed/test.sh runs it by Open MPI and MPICH")
	}
	flags := []string{"-net", "mlp-12", "-subset", "400", "-batch", "16", "-epochs", "4", "-seeds", "1", "-noise", "none,layer",
		"-sigma", "0.1", "-trace-images", "32", "-probes", "2"}
	one, _ := launched(t, 0, t.TempDir(), flags...)

	// Together, without further flags: the results of one process, and each line printed once.
	for _, n := range []int{1, 2} {
		got, out := launched(t, n, t.TempDir(), flags...)
		closeTo(t, got, one)
		if lines := bytes.Count(out, []byte("result noise=")); lines != 2 {
			t.Errorf("%d ranks print %d results, want 2:\n%s", n, lines, out)
		}
	}

	t.Run("interrupted", func(t *testing.T) {
		folder := t.TempDir()
		long := append(flags, "-epochs", "40", "-noise", "layer")
		cmd := program(4, append(long, "-out", folder)...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			if files, _ := filepath.Glob(filepath.Join(folder, runsFolder, "*.checkpoint")); len(files) > 0 {
				break
			}
			if time.Since(begin) > time.Minute {
				t.Fatal("no checkpoint after a minute")
			}
		}
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			if err == nil {
				t.Errorf("it ended in order before it was interrupted:\n%s", out.Bytes())
			}
		case <-time.After(30 * time.Second):
			cmd.Process.Kill()
			t.Fatalf("it did not end:\n%s", out.Bytes())
		}
		t.Logf("interrupted, it prints\n%s", out.Bytes())
		got, _ := launched(t, 2, folder, long...)
		alone, _ := launched(t, 0, t.TempDir(), long...)
		if len(got.Runs) != 1 || !got.Runs[0].ended() || len(got.Runs[0].Points) != len(alone.Runs[0].Points) {
			t.Errorf("resumed on two ranks: %+v", got.Runs)
		}
		if left, _ := filepath.Glob(filepath.Join(folder, runsFolder, "*.checkpoint")); len(left) > 0 {
			t.Errorf("files are left behind: %v", left)
		}
	})

	t.Run("apart", func(t *testing.T) {
		sweep := append(flags, "-sweep", "-tune-seeds", "2", "-validate", "40", "-trace-images", "0")
		shared, single := t.TempDir(), t.TempDir()
		launched(t, 3, shared, sweep...)
		launched(t, 0, single, sweep...)
		got, _ := os.ReadFile(filepath.Join(shared, resultsName))
		want, _ := os.ReadFile(filepath.Join(single, resultsName))
		if !bytes.Equal(got, want) {
			t.Error("three ranks make other runs than one process")
		}
	})

	t.Run("refused", func(t *testing.T) {
		out, err := program(3, append(flags, "-out", t.TempDir())...).CombinedOutput()
		if err == nil || bytes.Count(out, []byte("-batch 16 is not a multiple of the 3 ranks")) != 1 {
			t.Errorf("a batch of 16 on 3 ranks: %v\n%s", err, out)
		}
	})

	t.Run("diverged", func(t *testing.T) {
		got, _ := launched(t, 2, t.TempDir(), append(flags, "-lr", "1e9", "-weight-decay", "1e9", "-trace-images", "0")...)
		for _, r := range got.Runs {
			if !r.Done || r.Diverged == "" {
				t.Errorf("%v did not diverge", r.task)
			}
		}
	})
}
