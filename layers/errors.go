package layers

import "errors"

// Sentinel errors for errors.Is. The errors that wrap them name the layer or parameter and the shapes.
var (
	// ErrShape: the shape or dtype of an input, label or parameter does not fit.
	ErrShape = errors.New("shape or element type does not fit")

	// ErrNilLayer: a container or classifier was given a nil layer.
	ErrNilLayer = errors.New("layers: nil layer")

	// ErrNoNode: a custom layer or function returned neither a node nor an error.
	ErrNoNode = errors.New("neither a node nor an error came back")

	// ErrDuplicateName: two parameters of a network have the same name.
	ErrDuplicateName = errors.New("two parameters have the same name")

	// ErrNotFinite: the loss of a training, or the norm of a gradient to be clipped, is NaN or infinite, or text cannot be
	// sampled from such logits.
	ErrNotFinite = errors.New("not a finite number")

	// ErrNoStep: a pass had no whole batch to train on.
	ErrNoStep = errors.New("no whole batch to train on")

	// ErrNoImages: an evaluation had no images.
	ErrNoImages = errors.New("no images")

	// ErrNoTokens: an evaluation had no tokens to predict, or the prompt to sample from was empty.
	ErrNoTokens = errors.New("no tokens")

	// ErrLabel: a label outside the network's classes, or a token outside its vocabulary.
	ErrLabel = errors.New("label outside the classes")

	// ErrParams: a parameter file does not fit the network: a name is missing, unknown, or has another shape.
	ErrParams = errors.New("parameters do not fit the network")
)
