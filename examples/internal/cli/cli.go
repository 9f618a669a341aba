// Package cli is what the main functions of the examples share: flags, Ctrl-C, exit codes and the progress bar.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Exit codes of the examples: usage as for package flag, interrupt as in a shell.
const (
	exitError     = 1
	exitUsage     = 2
	exitInterrupt = 130
)

// usageError is an error in what the user typed.
type usageError struct{ error }

// Usagef makes an error for arguments that are wrong: Main shows it with the usage and exits with 2.
func Usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// Main parses the command line's flags, runs the program and exits when there is an error: with 2 and the usage for wrong
// arguments, with 130 after Ctrl-C or SIGTERM, which end ctx, and with 1 otherwise. Call it last in main.
func Main(run func(ctx context.Context) error) {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if flag.NArg() > 0 {
		err = Usagef("unexpected argument %q", flag.Arg(0))
	} else {
		err = run(ctx)
	}
	code := exitCode(ctx, err)
	stop()
	if code == exitInterrupt {
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintf(flag.CommandLine.Output(), "%s: %v\n", flag.CommandLine.Name(), err)
	}
	if code == exitUsage {
		flag.Usage()
	}
	if code != 0 {
		os.Exit(code)
	}
}

func exitCode(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usageError{}):
		return exitUsage
	case ctx.Err() != nil:
		return exitInterrupt
	}
	return exitError
}

// Bar draws the progress of steps steps on standard error when that is a terminal, and nothing otherwise.
func Bar(steps int, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetVisibility(term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
	)
}
