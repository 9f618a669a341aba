package fetch

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A meter shows how much of a file has arrived.
type meter struct {
	show func(have int64)
	stop func() // ends the display, at any time
}

// newMeter returns the meter that suits w: a bar on a terminal, lines elsewhere, nothing if w is nil.
func newMeter(w io.Writer, name string, size int64) meter {
	switch {
	case w == nil:
		return meter{show: func(int64) {}, stop: func() {}}
	case isTerminal(w):
		return newBar(w, name, size)
	default:
		return newLines(w, name, size)
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func newBar(w io.Writer, name string, size int64) meter {
	bar := progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(name),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowTotalBytes(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
	)
	return meter{
		// The bar's errors are those of the terminal, and no reason for a download to fail.
		show: func(have int64) { _ = bar.Set64(have) },
		stop: func() { fmt.Fprintln(w) },
	}
}

// newLines writes a line whenever another tenth of the file has arrived.
func newLines(w io.Writer, name string, size int64) meter {
	last := int64(-1)
	return meter{
		show: func(have int64) {
			tenth := have * 10 / size
			if tenth == last {
				return
			}
			last = tenth
			fmt.Fprintf(w, "%s: %d%% of %.1f MB\n", name, tenth*10, float64(size)/1e6)
		},
		stop: func() {},
	}
}
