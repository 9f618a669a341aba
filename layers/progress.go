package layers

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// barInterval is the least time between two drawings of a bar.
const barInterval = 100 * time.Millisecond

// bar draws the progress of one pass over the batches, some of which may be behind it already. The nil bar draws nothing. What
// the writer says to it is ignored: a broken terminal is no reason to stop a training.
type bar struct {
	*progressbar.ProgressBar
	title string
}

func newBar(c FitConfig, epoch, behind, batches int) *bar {
	if c.Progress == nil {
		return nil
	}
	b := &bar{
		ProgressBar: progressbar.NewOptions(batches,
			progressbar.OptionSetWriter(c.Progress),
			progressbar.OptionShowCount(),
			progressbar.OptionThrottle(barInterval),
		),
		title: fmt.Sprintf("epoch %d/%d", epoch+1, c.FirstEpoch+max(c.Epochs, 1)),
	}
	_ = b.Add(behind)
	return b
}

// step notes a batch and its loss.
func (b *bar) step(loss float64) {
	if b == nil {
		return
	}
	b.Describe(fmt.Sprintf("%s loss %.4f", b.title, loss))
	_ = b.Add(1)
}

// end completes the bar with the mean loss of the pass.
func (b *bar) end(loss float64) {
	if b == nil {
		return
	}
	b.Describe(fmt.Sprintf("%s mean loss %.4f", b.title, loss))
	_ = b.Finish()
}
