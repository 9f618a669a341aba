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

// tuneSeed is added to 1, 2, ... for the seeds of runs on validation images: no run that is reported shares them.
const tuneSeed = 1000

// String is the task's name, which names its files.
func (t task) String() string {
	strength := ""
	if t.Kind != "none" {
		strength = fmt.Sprintf("-%v", t.Strength)
	}
	return fmt.Sprintf("%s-%s%s-lr%v-seed%d", t.On, t.Kind, strength, t.LearnRate, t.Seed)
}

// record is a run: what it was to be, and what was measured.
type record struct {
	task
	Points []point `json:"points"` // the first before the training

	// Done says that all epochs were made. Diverged is why they were not, where the loss was no longer finite.
	Done     bool   `json:"done"`
	Diverged string `json:"diverged,omitempty"`

	// Confusion is the confusion matrix of the images that the run was measured on, at the end.
	Confusion layers.Confusion `json:"confusion,omitempty"`
}

// ended reports whether there is a run, and it came to its end with finite numbers.
func (r *record) ended() bool { return r != nil && r.Done && r.Diverged == "" }

// end returns what was measured last.
func (r *record) end() point { return r.Points[len(r.Points)-1] }

// outcome says how the run ended.
func (r *record) outcome() string {
	if !r.ended() {
		return r.Diverged
	}
	e := r.end()
	return fmt.Sprintf("%s accuracy %.2f%%, loss %.4f", r.On, 100*e.Accuracy, e.Loss)
}
