package layers

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Batches serves labelled images in batches, pass after pass. The loaders of package datasets implement it.
type Batches interface {
	// Start begins pass number epoch, which may determine the order of the images.
	Start(epoch int) error

	// Next advances to the next batch, after Start the first. It returns false if there is none, or after an error.
	Next() bool

	// Images returns the batch, (n, ...image), float32 or float64. Next may overwrite it.
	Images() *tensor.Dense

	// Labels returns the n classes of the batch, from 0.
	Labels() []int

	// Err returns what ended the pass early, nil at its regular end.
	Err() error

	// Len returns the number of batches per pass.
	Len() int
}

// A Pass is one pass over batches with its own position. The methods are those of [Batches]; only the first Valid images of
// a batch count, the others are padding. The passes of datasets.Loader implement it.
type Pass = interface {
	Next() bool            // advances to the next batch; false if there is none, or after an error
	Images() *tensor.Dense // of the batch, which Next may overwrite
	Labels() []int         // of the batch
	Valid() int            // how many images of the batch count
	Err() error            // what ended the pass early, nil at its regular end
	Close() error          // ends the pass, finished or not
}

// AnyBatches has the methods common to [Batches] and [SequenceBatches]: batches to train on, pass after pass.
type AnyBatches interface {
	Start(epoch int) error // begins pass number epoch
	Next() bool            // advances to the next batch; false if there is none, or after an error
	Err() error            // what ended the pass early, nil at its regular end
	Len() int              // batches per pass
}

// anyPass has the methods common to their passes.
type anyPass interface {
	Next() bool
	Valid() int
	Err() error
	Close() error
}

// passer is batches that allow any number of passes at once.
type passer interface {
	Pass(epoch, first int) (Pass, error)
}

// sequencePasser is batches of sequences that allow any number of passes at once.
type sequencePasser interface {
	Pass(epoch, first int) (SequencePass, error)
}

// hasPasses reports whether batches allow any number of passes at once.
func hasPasses(batches AnyBatches) bool {
	switch batches.(type) {
	case passer, sequencePasser:
		return true
	}
	return false
}

// begin begins pass number epoch at batch number first, a Pass or a SequencePass. Batches with a method Pass, such as
// loaders, allow several passes at once, others only one at a time.
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
		return nil, errors.Errorf("layers: a %T must be either Batches or SequenceBatches", batches)
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
			return nil, errors.Errorf("layers: epoch %d ended before the %d batches that the training has already passed", epoch, first)
		}
	}
	return p, nil
}

// onlyPass is the pass of batches that allow only one.
type onlyPass struct{ Batches }

func (p onlyPass) Valid() int {
	if b, ok := p.Batches.(interface{ Valid() int }); ok {
		return b.Valid()
	}
	return len(p.Labels())
}

func (onlyPass) Close() error { return nil }

// onlySequencePass is the pass of batches of sequences that allow only one.
type onlySequencePass struct{ SequenceBatches }

func (p onlySequencePass) Valid() int {
	if b, ok := p.SequenceBatches.(interface{ Valid() int }); ok {
		return b.Valid()
	}
	return p.Tokens().Shape()[0]
}

func (onlySequencePass) Close() error { return nil }

// checkLabels checks that there are n labels, each one of the classes.
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

// Ignored is the target of a position at which nothing is to be predicted. It equals datasets.Ignored.
const Ignored = -1

// SequenceBatches serves sequences of tokens with their targets in batches, pass after pass. The sequence loaders of package
// datasets implement it.
type SequenceBatches interface {
	// Start begins pass number epoch, which may determine the order of the sequences.
	Start(epoch int) error

	// Next advances to the next batch, after Start the first. It returns false if there is none, or after an error.
	Next() bool

	// Tokens returns the token ids of the batch, (n, context) of type tensor.Int, counted from 0. Next may overwrite it.
	Tokens() *tensor.Dense

	// Targets returns the n*context tokens to predict, sequence after sequence: at each position the one that follows the
	// tokens up to there, or Ignored.
	Targets() []int

	// Err returns what ended the pass early, nil at its regular end.
	Err() error

	// Len returns the number of batches per pass.
	Len() int
}

// A SequencePass is one pass over sequences with its own position. The methods are those of [SequenceBatches]; only the
// first Valid sequences of a batch count, the others are padding. The passes of datasets.SequenceLoader implement it.
type SequencePass = interface {
	Next() bool            // advances to the next batch; false if there is none, or after an error
	Tokens() *tensor.Dense // of the batch, which Next may overwrite
	Targets() []int        // of the batch, sequence after sequence
	Valid() int            // how many sequences of the batch count
	Err() error            // what ended the pass early, nil at its regular end
	Close() error          // ends the pass, finished or not
}

// tokenInput is the node through which a graph receives sequences.
type tokenInput struct {
	ids            []int // of the batch, the backing of the node
	batch, context int
}

// count returns the number of sequences in a batch, or an error if tokens or targets do not fit.
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
			return 0, errors.Wrapf(ErrLabel, "layers: target %d at position %d of sequence %d, want 0 to %d, or %d for none",
				target, i%in.context, i/in.context, vocabulary-1, Ignored)
		}
	}
	return s[0], nil
}

// load copies sequences lo to hi-1 to the first rows of the input. The other rows are unchanged.
func (in *tokenInput) load(tokens *tensor.Dense, lo, hi int) {
	copy(in.ids, tokens.Data().([]int)[lo*in.context:hi*in.context])
}

// input is the node through which a graph receives images. The node is permanently bound to one tensor, into which each
// batch is copied.
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

// count returns the number of images in a tensor, or an error if they do not fit: they must have the shape of the input, or
// one of the two must be flat, and they must be row-major.
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

// load copies images lo to hi-1 to the first rows of the input. The other rows are unchanged. The caller must have called
// count.
func (in *input) load(images *tensor.Dense, lo, hi int) {
	size := in.image.TotalSize()
	convert(in.value.Data(), elements(images.Data(), lo*size, hi*size))
}

// elements returns elements lo to hi-1 of a []float32 or []float64.
func elements(data interface{}, lo, hi int) interface{} {
	if d, ok := data.([]float32); ok {
		return d[lo:hi]
	}
	return data.([]float64)[lo:hi]
}
