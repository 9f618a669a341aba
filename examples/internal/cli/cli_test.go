package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestExitCode(t *testing.T) {
	running := context.Background()
	interrupted, stop := context.WithCancel(running)
	stop()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{running, nil, 0},
		{running, errors.New("disk full"), exitError},
		{running, Usagef("steps %d", -1), exitUsage},
		{running, fmt.Errorf("flags: %w", Usagef("steps %d", -1)), exitUsage},
		{interrupted, context.Canceled, exitInterrupt},
		{interrupted, nil, 0},
	} {
		if got := exitCode(c.ctx, c.err); got != c.want {
			t.Errorf("exit code for %v is %d, want %d", c.err, got, c.want)
		}
	}
}
