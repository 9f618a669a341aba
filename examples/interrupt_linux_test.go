package examples_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal: the output of program can be read from ours.
func terminal(t *testing.T) (ours, program *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	fd := int(ours.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ours, program
}

// screen collects the output of a program.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// visible returns the lines as a terminal shows them, in which text after a carriage return overwrites the line.
func visible(text string) []string {
	var lines []string
	for _, raw := range strings.Split(strings.TrimRight(text, "\r\n"), "\n") {
		var line []rune
		column := 0
		for _, r := range strings.TrimSuffix(raw, "\r") {
			switch {
			case r == '\r':
				column = 0
				continue
			case column < len(line):
				line[column] = r
			default:
				line = append(line, r)
			}
			column++
		}
		lines = append(lines, strings.TrimRight(string(line), " "))
	}
	return lines
}

// interrupts are long runs, a text on the screen that shows that they have begun, and their last line when interrupted.
var interrupts = []struct{ program, arguments, sign, last string }{
	{"dropin", "-epochs 10000", "noise none", nothingKept},
	{"sparse", "-steps 1000000", "sparse ", nothingKept},
	{"group", "-steps 1000000", "group ", nothingKept},
	{"nuclear", "-steps 1000000", "nuclear ", nothingKept},
	{"linear", "-steps 1000000", "linear ", nothingKept},
	{"width", "-draws 1000000", "width ", nothingKept},
	{"wide", "-dataset digits -width 5,10000", "digits-absolute-none-0-5-1: ", "the same command goes on from the runs in wide-out"},
	{"classify", "-epochs 1 -batch 10 -seeds 1000 -net mlp-10", "-seed2: ", "the same command goes on from what is in classify-out"},
	{"addition", "-steps 100000 -weight-decay 0", "runs ", nothingKept},
	{"addition", "-study -steps 100000 -weight-decay 0", "kinds and ", "the same command goes on from the runs in addition-out"},
	{"gpt", "-steps 100000", "none, ", nothingKept},
}

const nothingKept = "nothing is kept, and the same command begins anew"

// TestInterrupt presses Ctrl-C in the middle of every program. The program ends soon with status 130, its last line, apart from
// the progress bar, says how to continue, and what was on the disk is still there.
func TestInterrupt(t *testing.T) {
	folder := build(t)
	for _, c := range interrupts {
		t.Run(c.program+" "+c.arguments, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			shown := new(screen)
			state := interrupt(t, shown, filepath.Join(folder, c.program), dir, c.arguments, c.sign)
			lines := visible(shown.String())
			if last, want := lines[len(lines)-1], c.program+": interrupted: "+c.last; last != want {
				t.Errorf("the last line is %q, want %q, after\n%s", last, want, strings.Join(lines, "\n"))
			}
			if state.ExitCode() != 130 {
				t.Errorf("%v, want exit status 130", state)
			}
			err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
				if strings.HasSuffix(path, ".tmp") || strings.HasSuffix(path, ".png") {
					t.Errorf("%s is left behind", path)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// interrupt runs a program on a terminal, waits for the text, and interrupts it.
func interrupt(t *testing.T, shown *screen, program, dir, arguments, sign string) *os.ProcessState {
	t.Helper()
	ours, theirs := terminal(t)
	cmd := exec.Command(program, strings.Fields(arguments)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, theirs, theirs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	read := make(chan struct{})
	go func() {
		_, _ = io.Copy(shown, ours) // ends with an error when the program has ended
		close(read)
	}()
	for limit := time.Now().Add(time.Minute); sign != "" && !strings.Contains(shown.String(), sign); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			_ = cmd.Process.Kill()
			t.Fatalf("after a minute there is no %q in %q", sign, shown)
		}
	}
	time.Sleep(200 * time.Millisecond)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	<-read
	return cmd.ProcessState
}

// TestGoesOn interrupts a comparison, and then runs the same command to its end: finished runs are not changed.
func TestGoesOn(t *testing.T) {
	folder := build(t)
	dir := t.TempDir()
	const arguments = "-epochs 2 -batch 50 -seeds 3 -net mlp-10 -trace-images 0"
	program := filepath.Join(folder, "classify")
	interrupt(t, new(screen), program, dir, arguments, "test-none-lr0.05-seed1: ")
	made := filepath.Join(dir, "classify-out", "runs", "test-none-lr0.05-seed1.json")
	first, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, strings.Fields(arguments)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if again, err := os.ReadFile(made); err != nil || !bytes.Equal(first, again) {
		t.Errorf("%s has changed, %v", made, err)
	}
	if all, err := filepath.Glob(filepath.Join(dir, "classify-out", "runs", "*.json")); err != nil || len(all) != 9 {
		t.Errorf("%d runs, want 9 (%v)", len(all), err)
	}
}

// TestDiverged: if a training diverges, the pictures are still drawn, and the output says what to try.
func TestDiverged(t *testing.T) {
	folder := build(t)
	for _, c := range []struct{ program, arguments, picture, says string }{
		{"dropin", "-epochs 2 -digits 300 -sigma 1e30", "dropin.png", "noise all: the loss was not finite in epoch 1, and training ended: try a smaller -sigma or -lr"},
		{"dropin", "-epochs 2 -digits 300 -lr 1e20", "dropin.png", "noise none: the loss was not finite in epoch 1, and training ended: try a smaller -sigma or -lr"},
		{"sparse", "-steps 100 -seeds 2 -rate 10", "sparse.png", "try a smaller -rate or -sigma"},
		{"group", "-steps 100 -seeds 1 -rate 10", "group.png", "try a smaller -rate or -sigma"},
		{"nuclear", "-steps 100 -seeds 2 -rate 10", "nuclear.png", "try a smaller -rate or -sigma"},
		{"linear", "-steps 100 -seeds 2 -pairs 2 -rate 10", "linear.png", "try a smaller -rate or -sigma"},
		{"width", "-doublings 1 -draws 40 -sigma 1e200", "width.png", "+Inf"},
		{"wide", "-dataset digits -scale absolute -width 5 -seeds 2 -sigma 1e30", "wide-out/theory.png", "4 runs diverged and are in no mean."},
		{"classify", "-epochs 2 -seeds 2 -net mlp-10 -sigma 1e30", "classify-out/curves.png", "result noise=all sigma=1e+30 lr=0.05 diverged"},
		{"addition", "-steps 20 -weight-decay 1e30", "addition-out/curves.png", "not a finite number"},
		{"gpt", "-steps 4 -every 2 -sigma 1e38", "gpt.png", "== all: layers: epoch 0, step 0: loss NaN: not a finite number: try a smaller -sigma or -lr"},
	} {
		t.Run(c.program+" "+c.arguments, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(filepath.Join(folder, c.program), strings.Fields(c.arguments)...)
			cmd.Dir = t.TempDir()
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.says) {
				t.Errorf("%v, and no %q in\n%s", err, c.says, out)
			}
			if _, err := os.Stat(filepath.Join(cmd.Dir, c.picture)); err != nil {
				t.Error(err)
			}
		})
	}
}
