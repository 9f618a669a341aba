package main

import (
	"fmt"

	"github.com/layernoise/layernoise/layers"
)

// task is a run to make.
type task struct {
	choice
	On   string `json:"on"` // the images it is measured on
	Seed uint64 `json:"seed"`
}

// The images that runs are measured on.
const (
	onTest       = "test"
	onValidation = "validation"
)

// tuneSeed is added to 1, 2, ... for the seeds of runs on validation images, which no reported run shares.
const tuneSeed = 1000

// String is the task's name, which names its files.
func (t task) String() string {
	strength := ""
	if t.Kind != "none" {
		strength = fmt.Sprintf("-%v", t.Strength)
	}
	return fmt.Sprintf("%s-%s%s-lr%v-seed%d", t.On, t.Kind, strength, t.LearnRate, t.Seed)
}

// record is a run: its task and its measurements.
type record struct {
	task
	Points []point `json:"points"` // the first one before the training

	// Done reports that all epochs were made. Diverged says why not, if the loss ceased to be finite.
	Done     bool   `json:"done"`
	Diverged string `json:"diverged,omitempty"`

	// Confusion is the confusion matrix on the images that the run is evaluated on, at the end.
	Confusion layers.Confusion `json:"confusion,omitempty"`
}

// ended reports whether the run exists and finished with finite numbers.
func (r *record) ended() bool { return r != nil && r.Done && r.Diverged == "" }

// end returns the last measurements.
func (r *record) end() point { return r.Points[len(r.Points)-1] }

// outcome describes how the run ended.
func (r *record) outcome() string {
	if !r.ended() {
		return r.Diverged
	}
	e := r.end()
	return fmt.Sprintf("%s accuracy %.2f%%, loss %.4f", r.On, 100*e.Accuracy, e.Loss)
}
