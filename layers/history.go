package layers

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

// Step describes one step of a training.
type Step struct {
	Epoch  int     // number of the pass
	Number int     // number of the step in this training, from 0
	Loss   float64 // mean cross entropy of the batch at the weights of the gradient, perturbed if the solver perturbs them
	Rate   float64 // the solver's learning rate at this step, its schedule included; NaN if unknown
	Sigma  float64 // sigma of the noise at this step, or SAM's rho, its schedule included; zero if the solver has no method Sigma

	// GradNorm is the norm of the gradient before clipping; zero without FitConfig.ClipNorm.
	GradNorm float64
}

// Epoch describes one pass over the batches.
type Epoch struct {
	Number     int      `json:"epoch"`                // its number
	Steps      int      `json:"steps"`                // number of steps
	Loss       float64  `json:"loss"`                 // mean of the steps' losses
	Validation *Metrics `json:"validation,omitempty"` // metrics after the pass; nil without validation
}

// History describes a training.
type History struct {
	Losses []float64 // of each step
	Epochs []Epoch   // the completed passes

	// Best is the index in Epochs of the smallest validation loss, the first among equal ones; -1 without validation. NaN is
	// larger than any number.
	Best int

	// Stopped reports that the training ended early because validation had not improved for FitConfig.Patience passes.
	Stopped bool
}

// WriteCSV writes a header line and a line for each pass: epoch, steps, loss, validation_loss, validation_accuracy. The last
// two are empty without validation.
func (h *History) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	lines := [][]string{{"epoch", "steps", "loss", "validation_loss", "validation_accuracy"}}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	for _, e := range h.Epochs {
		line := []string{strconv.Itoa(e.Number), strconv.Itoa(e.Steps), number(e.Loss), "", ""}
		if v := e.Validation; v != nil {
			line[3], line[4] = number(v.Loss), number(v.Accuracy)
		}
		lines = append(lines, line)
	}
	if err := out.WriteAll(lines); err != nil {
		return errors.Wrap(err, "layers: write history")
	}
	return nil
}

// WriteJSON writes a line of JSON for each pass, an [Epoch]. Metrics that are NaN or infinite are null.
func (h *History) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	for _, e := range h.Epochs {
		if err := out.Encode(e); err != nil {
			return errors.Wrapf(err, "layers: write epoch %d of the history", e.Number)
		}
	}
	return nil
}

// add appends a completed pass, and reports whether its validation loss is the smallest so far.
func (h *History) add(e Epoch) (best bool) {
	h.Epochs = append(h.Epochs, e)
	if e.Validation == nil {
		return false
	}
	if h.Best < 0 || better(e.Validation.Loss, h.Epochs[h.Best].Validation.Loss) {
		h.Best = len(h.Epochs) - 1
		return true
	}
	return false
}

// better reports whether a validation loss is smaller than another; any number is smaller than NaN.
func better(loss, than float64) bool {
	return loss < than || math.IsNaN(than) && !math.IsNaN(loss)
}

// shownEpochs is the number of passes that String shows at the start and at the end of a long training.
const shownEpochs = 10

// String returns a table with a line for each pass; of a long training the first and last ten. The pass with the smallest
// validation loss has a star.
func (h *History) String() string {
	var b strings.Builder
	validated := h.Best >= 0
	b.WriteString("epoch  steps      loss")
	if validated {
		b.WriteString("  validation loss  accuracy")
	}
	for i, e := range h.Epochs {
		if n := len(h.Epochs); i >= shownEpochs && i < n-shownEpochs {
			if i == shownEpochs {
				b.WriteString("\n  ...")
			}
			continue
		}
		fmt.Fprintf(&b, "\n%5d  %5d  %8.4f", e.Number, e.Steps, e.Loss)
		if v := e.Validation; v != nil {
			fmt.Fprintf(&b, "  %15.4f  %7.2f%%", v.Loss, 100*v.Accuracy)
		}
		if i == h.Best {
			b.WriteString(" *")
		}
	}
	if h.Stopped {
		b.WriteString("\nstopped early")
	}
	return b.String()
}
