// Package cli is shared by the main functions of the examples: flags, Ctrl-C, exit codes, the progress bar, and checks of
// common flags.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Exit codes of the examples: usage as for package flag, interrupt as in a shell.
const (
	exitError     = 1
	exitUsage     = 2
	exitInterrupt = 130
)

// usageError is an error in the command line.
type usageError struct{ error }

// Usagef makes an error for invalid arguments, for which Main exits with code 2. The message should begin with the name of
// the flag.
func Usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// IsUsage reports whether an error was made by Usagef.
func IsUsage(err error) bool { return errors.As(err, &usageError{}) }

// keptError is an error after which partial results are kept.
type keptError struct {
	error
	how string
}

func (e keptError) Unwrap() error { return e.error }

// Kept adds to an interruption how to continue, such as "the same command goes on from FOLDER". Other errors are returned
// unchanged.
func Kept(err error, how string) error {
	if err == nil {
		return nil
	}
	return keptError{err, how}
}

// Main parses the command line's flags and runs the program. If there is an error, Main prints it as the last line and exits
// with code 2 for invalid arguments, 130 after Ctrl-C or SIGTERM, which cancel ctx, and 1 otherwise. A second Ctrl-C while
// run is still handling the first ends the program immediately, also with 130, and without a message. Call it last in main.
func Main(run func(ctx context.Context) error) {
	parse()
	ctx := interruptible()
	err := checkGiven()
	if err == nil {
		err = run(ctx)
	}
	exit(err)
}

// interruptible returns a context that the first Ctrl-C or SIGTERM cancels. The second ends the program.
func interruptible() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitInterrupt)
	}()
	return ctx
}

// seeHelp is appended to errors in the names of flags.
const seeHelp = "; -h lists the flags"

// parse parses the flags. It ends the program after -h, and after a mistake: with one line, where package flag would print
// the usage of all flags.
func parse() {
	flags := flag.CommandLine
	flags.Init(filepath.Base(os.Args[0]), flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	err := flags.Parse(os.Args[1:])
	flags.SetOutput(os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Printf("%s's flags:\n", flags.Name())
		flag.PrintDefaults()
		os.Exit(0)
	}
	if err != nil {
		exit(Usagef("%w%s", err, seeHelp))
	}
}

// checkGiven rejects arguments that are not flags, and flags with an empty value, as in -data "$DIR" with DIR unset.
func checkGiven() error {
	if flag.NArg() > 0 {
		return Usagef("%q is no flag%s", flag.Arg(0), seeHelp)
	}
	var err error
	flag.Visit(func(f *flag.Flag) {
		if err == nil && f.Value.String() == "" {
			err = Usagef("-%s is empty", f.Name)
		}
	})
	return err
}

// exit prints the error, if there is one, and ends the program.
func exit(err error) {
	code := ExitCode(err)
	if code == 0 {
		return
	}
	if shown != nil {
		_ = shown.Clear() // make room for the message
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", flag.CommandLine.Name(), message(err, code))
	os.Exit(code)
}

// ExitCode returns Main's exit code for an error.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case IsUsage(err):
		return exitUsage
	case errors.Is(err, context.Canceled): // only a signal cancels
		return exitInterrupt
	}
	return exitError
}

// message returns the text printed for an error.
func message(err error, code int) string {
	if code != exitInterrupt {
		return err.Error()
	}
	var kept keptError
	if errors.As(err, &kept) {
		return "interrupted: " + kept.how
	}
	return "interrupted: nothing is kept, and the same command begins anew"
}

// shown is the bar made last.
var shown *progressbar.ProgressBar

// Bar draws the progress of the given number of steps on standard error if that is a terminal, and nothing otherwise. There
// is only one at a time.
func Bar(steps int, what string) *progressbar.ProgressBar {
	shown = progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetVisibility(term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
	)
	_ = shown.RenderBlank() // the first step may take a while
	return shown
}

// Given reports whether a flag was set on the command line.
func Given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// List splits the value of a flag at its commas, and checks that each item is one of the known names, or not empty if there
// are none, and occurs once.
func List(name, value string, known ...string) ([]string, error) {
	list := strings.Split(value, ",")
	for i, entry := range list {
		list[i] = strings.TrimSpace(entry)
		switch {
		case known != nil && !slices.Contains(known, list[i]):
			return nil, Usagef("-%s %q: %q, want some of %s", name, value, list[i], strings.Join(known, ","))
		case slices.Contains(list[:i], list[i]):
			return nil, Usagef("-%s %q: %q occurs twice", name, value, list[i])
		}
	}
	return list, nil
}

// Belongs rejects flags that were set although the option to which they belong was not: they would have no effect.
func Belongs(to string, there bool, names ...string) error {
	for _, name := range names {
		if !there && Given(name) {
			return Usagef("-%s belongs to %s", name, to)
		}
	}
	return nil
}

// AtLeast checks that flags are integers of at least least.
func AtLeast(least int, names ...string) error {
	for _, name := range names {
		if x := value(name).(int); x < least {
			return Usagef("-%s %d, want %d or more", name, x, least)
		}
	}
	return nil
}

// NotNegative checks that flags are finite numbers of at least 0.
func NotNegative(names ...string) error {
	for _, name := range names {
		if x := value(name).(float64); !(x >= 0) || math.IsInf(x, 1) {
			return Usagef("-%s %v, want 0 or more", name, x)
		}
	}
	return nil
}

// value returns the value of a flag.
func value(name string) any { return flag.Lookup(name).Value.(flag.Getter).Get() }

// Data adds the -data folder to an error of reading it, and says how to get missing files.
func Data(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, datasets.ErrNotFound):
		return fmt.Errorf("-data: %w; -download fetches them", err)
	}
	return fmt.Errorf("-data: %w", err)
}

// CheckPicture reports what would keep a program from writing a picture: a name that does not end in .png, or a folder that
// does not exist or is not writable. An SVG goes beside it.
func CheckPicture(name, file string) error {
	if filepath.Ext(file) != ".png" {
		return Usagef("-%s %q, want a file that ends in .png", name, file)
	}
	for _, file := range []string{file, strings.TrimSuffix(file, ".png") + ".svg"} {
		if err := outfile.Check(file); err != nil {
			return Usagef("-%s: %v", name, err)
		}
	}
	return nil
}

// CheckFolder reports what would keep a program from creating a folder, with its parents, and writing into it.
func CheckFolder(name, folder string) error {
	if folder == "" {
		return Usagef("-%s is empty", name)
	}
	there := filepath.Clean(folder)
	for {
		info, err := os.Stat(there)
		if err == nil && !info.IsDir() {
			return Usagef("-%s %q, want a folder: %s is a file", name, folder, there)
		}
		if above := filepath.Dir(there); err != nil && above != there {
			there = above
			continue
		}
		if err == nil {
			err = outfile.Check(filepath.Join(there, "results"))
		}
		if err != nil {
			return Usagef("-%s %q: %v", name, folder, err)
		}
		return nil
	}
}
