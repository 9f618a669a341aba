//go:build unix

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// stuckVariable makes the test's binary a program that ignores the interrupt.
const stuckVariable = "LAYERNOISE_TEST_STUCK"

func TestMain(m *testing.M) {
	if os.Getenv(stuckVariable) == "" {
		os.Exit(m.Run())
	}
	Main(func(ctx context.Context) error {
		fmt.Println("begun")
		<-ctx.Done()
		fmt.Println("interrupted")
		select {}
	})
}

// TestSecondInterrupt: the program handles the first Ctrl-C; the second ends it at once.
func TestSecondInterrupt(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), stuckVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, want := range []string{"begun", "interrupted"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("it prints %q, want %q (%v)", lines.Text(), want, lines.Err())
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
	}
	if lines.Scan() {
		t.Errorf("after the second Ctrl-C it prints %q", lines.Text())
	}
	if err := cmd.Wait(); ctx.Err() != nil || !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupt {
		t.Errorf("%v, want exit status %d", cmd.ProcessState, exitInterrupt)
	}
}
