package layers

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
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

// begin begins pass number epoch at batch number first, a Pass or a SequencePass. Batches that have a method Pass, as
// loaders do, are not disturbed by other passes; of others there is one pass at a time.
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

// Ignored is the target of a place in a sequence at which nothing is to be predicted. It is datasets.Ignored.
const Ignored = -1

// SequenceBatches are sequences of tokens with their targets, handed out in batches, pass after pass. The sequence loaders
// of package datasets are; so is whatever else has these methods.
type SequenceBatches interface {
	// Start begins pass number epoch, on which the order of the sequences may depend.
	Start(epoch int) error

	// Next moves to the next batch, the first after Start. It returns false when there is none or after an error.
	Next() bool

	// Tokens returns the batch, (n, context) of type tensor.Int: the ids of the tokens, from 0. It may be overwritten by Next.
	Tokens() *tensor.Dense

	// Targets returns the n*context tokens to predict, sequence after sequence: at each place the one that comes after the
	// tokens up to there, or Ignored.
	Targets() []int

	// Err returns what ended the pass early, nil at a regular end.
	Err() error

	// Len returns the number of batches in a pass.
	Len() int
}

// A SequencePass is one pass over sequences that keeps its own place. The methods are those of [SequenceBatches]; Valid is
// how many sequences of the batch, its first, count: the others fill it up. Passes of datasets.SequenceLoader are such
// passes.
type SequencePass = interface {
	Next() bool            // moves to the next batch, the first at first; false when there is none or after an error
	Tokens() *tensor.Dense // of the batch, which Next may overwrite
	Targets() []int        // of the batch, sequence after sequence
	Valid() int            // how many sequences of the batch count
	Err() error            // what ended the pass early, nil at a regular end
	Close() error          // ends the pass, half way too
}

// tokenInput is the node through which a graph gets its sequences.
type tokenInput struct {
	ids            []int // of the batch, the backing of the node
	batch, context int
}

// count returns how many sequences a batch holds, or why they and their targets do not fit.
func (in *tokenInput) count(tokens *tensor.Dense, targets []int, vocabulary int) (int, error) {
	if tokens == nil {
		return 0, errors.Wrap(ErrShape, "layers: no tokens")
	}
	s := tokens.Shape()
	switch {
	case tokens.Dtype() != tensor.Int:
		return 0, errors.Wrapf(ErrShape, "layers: tokens %v of %v, want int", s, tokens.Dtype())
	case len(s) != 2, s[0] < 1, s[1] != in.context:
		return 0, errors.Wrapf(ErrShape, "layers: tokens %v, want (N, %d)", s, in.context)
	case tokens.RequiresIterator() || !tokens.DataOrder().IsRowMajor():
		return 0, errors.Wrapf(ErrShape, "layers: tokens %v are not contiguous in memory", s)
	case len(targets) != s[0]*s[1]:
		return 0, errors.Wrapf(ErrShape, "layers: %d targets for tokens %v", len(targets), s)
	}
	for i, target := range targets {
		if target != Ignored && (target < 0 || target >= vocabulary) {
			return 0, errors.Wrapf(ErrLabel, "layers: target %d at place %d of sequence %d, want 0 to %d, or %d for none",
				target, i%in.context, i/in.context, vocabulary-1, Ignored)
		}
	}
	return s[0], nil
}

// load copies the sequences numbered lo to hi-1 to the first rows of the input. The other rows keep what they held.
func (in *tokenInput) load(tokens *tensor.Dense, lo, hi int) {
	copy(in.ids, tokens.Data().([]int)[lo*in.context:hi*in.context])
}

// input is the node through which a graph gets its images. The node is bound to one tensor for good, into which each batch
// is copied.
type input struct {
	node  *G.Node
	value *tensor.Dense // (batch, ...image)
	batch int
	image tensor.Shape
}

// newInput adds an input of batch images to g.
func newInput(g *G.ExprGraph, dtype tensor.Dtype, batch int, image tensor.Shape) *input {
	shape := append(tensor.Shape{batch}, image...)
	value := tensor.New(tensor.Of(dtype), tensor.WithShape(shape...))
	node := G.NewTensor(g, dtype, len(shape), G.WithShape(shape...), G.WithName("images"), G.WithValue(value))
	return &input{node: node, value: value, batch: batch, image: image}
}

// count returns how many images a tensor holds, or why they do not fit: they must have the shape of the input's, or one of
// the two be flat, and lie row by row in memory.
func (in *input) count(images *tensor.Dense) (int, error) {
	if images == nil {
		return 0, errors.Wrap(ErrShape, "layers: no images")
	}
	s := images.Shape()
	switch dt := images.Dtype(); {
	case dt != tensor.Float32 && dt != tensor.Float64:
		return 0, errors.Wrapf(ErrShape, "layers: images %v of %v, want float32 or float64", s, dt)
	case len(s) < 2, s[0] < 1,
		s[1:].TotalSize() != in.image.TotalSize(),
		len(s) > 2 && len(in.image) > 1 && !s[1:].Eq(in.image):
		return 0, errors.Wrapf(ErrShape, "layers: images %v, want N times %v", s, in.image)
	case images.RequiresIterator() || !images.DataOrder().IsRowMajor():
		return 0, errors.Wrapf(ErrShape, "layers: images %v are not contiguous in memory", s)
	}
	return s[0], nil
}

// load copies the images numbered lo to hi-1 to the first rows of the input. The other rows keep what they held. The caller
// has counted the images.
func (in *input) load(images *tensor.Dense, lo, hi int) {
	size := in.image.TotalSize()
	convert(in.value.Data(), elements(images.Data(), lo*size, hi*size))
}

// elements returns the part from lo to hi of a []float32 or []float64.
func elements(data interface{}, lo, hi int) interface{} {
	if d, ok := data.([]float32); ok {
		return d[lo:hi]
	}
	return data.([]float64)[lo:hi]
}
