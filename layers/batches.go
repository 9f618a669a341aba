package layers

import (
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// Batches are labelled images, handed out in batches, pass after pass. The loaders of package datasets are; so is whatever
// else has these methods.
type Batches interface {
	// Start begins pass number epoch, on which the order of the images may depend.
	Start(epoch int) error

	// Next moves to the next batch, the first after Start. It returns false when there is none or after an error.
	Next() bool

	// Images returns the batch, (n, ...image), float32 or float64. It may be overwritten by Next.
	Images() *tensor.Dense

	// Labels returns the n classes of the batch, from 0.
	Labels() []int

	// Err returns what ended the pass early, nil at a regular end.
	Err() error

	// Len returns the number of batches in a pass.
	Len() int
}

// A Pass is one pass over batches that keeps its own place. The methods are those of [Batches]; Valid is how many images of
// the batch, its first, count: the others fill it up. Passes of datasets.Loader are such passes.
type Pass = interface {
	Next() bool            // moves to the next batch, the first at first; false when there is none or after an error
	Images() *tensor.Dense // of the batch, which Next may overwrite
	Labels() []int         // of the batch
	Valid() int            // how many images of the batch count
	Err() error            // what ended the pass early, nil at a regular end
	Close() error          // ends the pass, half way too
}

// AnyBatches is what [Batches] and [SequenceBatches] have in common: what a training goes over, pass after pass.
type AnyBatches interface {
	Start(epoch int) error // begins pass number epoch
	Next() bool            // moves to the next batch; false when there is none or after an error
	Err() error            // what ended the pass early, nil at a regular end
	Len() int              // batches in a pass
}

// anyPass is what their passes have in common.
type anyPass interface {
	Next() bool
	Valid() int
	Err() error
	Close() error
}

// passer is batches of which any number of passes may be under way.
type passer interface {
	Pass(epoch, first int) (Pass, error)
}

// sequencePasser is such batches of sequences.
type sequencePasser interface {
	Pass(epoch, first int) (SequencePass, error)
}

// hasPasses reports whether any number of passes over batches may be under way.
func hasPasses(batches AnyBatches) bool {
	switch batches.(type) {
	case passer, sequencePasser:
		return true
	}
	return false
}

// begin begins pass number epoch at batch number first, a Pass or a SequencePass. Batches that have a method Pass, as loaders
// do, are not disturbed by other passes; of others there is one pass at a time.
func begin(batches AnyBatches, epoch, first int) (anyPass, error) {
	switch b := batches.(type) {
	case passer:
		return b.Pass(epoch, first)
	case sequencePasser:
		return b.Pass(epoch, first)
	}
	images, isImages := batches.(Batches)
	sequences, isSequences := batches.(SequenceBatches)
	var p anyPass
	switch {
	case isImages == isSequences:
		return nil, errors.Errorf("layers: a %T is not either Batches or SequenceBatches", batches)
	case isImages:
		p = onlyPass{images}
	default:
		p = onlySequencePass{sequences}
	}
	if err := batches.Start(epoch); err != nil {
		return nil, err
	}
	for range first {
		if !p.Next() {
			return nil, errors.Errorf("layers: epoch %d has not the %d batches that are behind the training", epoch, first)
		}
	}
	return p, nil
}

// onlyPass is the pass of batches that have only one.
type onlyPass struct{ Batches }

func (p onlyPass) Valid() int {
	if b, ok := p.Batches.(interface{ Valid() int }); ok {
		return b.Valid()
	}
	return len(p.Labels())
}

func (onlyPass) Close() error { return nil }

// onlySequencePass is the pass of batches of sequences that have only one.
type onlySequencePass struct{ SequenceBatches }

func (p onlySequencePass) Valid() int {
	if b, ok := p.SequenceBatches.(interface{ Valid() int }); ok {
		return b.Valid()
	}
	return p.Tokens().Shape()[0]
}

func (onlySequencePass) Close() error { return nil }

// checkLabels checks that there is a class for each of n images.
func checkLabels(labels []int, n, classes int) error {
	if len(labels) != n {
		return errors.Wrapf(ErrShape, "layers: %d labels for %d images", len(labels), n)
	}
	for i, l := range labels {
		if l < 0 || l >= classes {
			return errors.Wrapf(ErrLabel, "layers: label %d of image %d, want 0 to %d", l, i, classes-1)
		}
	}
	return nil
}
