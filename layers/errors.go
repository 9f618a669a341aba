package layers

import "errors"

// Reasons that callers can tell apart with errors.Is. The errors that wrap them name the layer or parameter and the shapes.
var (
	// ErrShape is the reason of an input, label or parameter whose shape or element type does not fit.
	ErrShape = errors.New("shape or element type does not fit")

	// ErrNilLayer is the reason of a container or classifier that was given a nil layer.
	ErrNilLayer = errors.New("layers: nil layer")

	// ErrNoNode is the reason of a layer or function of the program's own that returned neither a node nor an error.
	ErrNoNode = errors.New("neither a node nor an error came back")

	// ErrDuplicateName is the reason of two different parameters with one name in a network.
	ErrDuplicateName = errors.New("two parameters have the same name")

	// ErrNotFinite is the reason of a training that met a loss, or a norm of the gradient that was to be clipped, of NaN or
	// infinity, and of text that cannot be sampled because of such logits.
	ErrNotFinite = errors.New("not a finite number")

	// ErrNoStep is the reason of a pass over batches none of which was a whole batch.
	ErrNoStep = errors.New("no whole batch to train on")

	// ErrNoImages is the reason of an evaluation over no image at all.
	ErrNoImages = errors.New("no images")

	// ErrNoTokens is the reason of an evaluation over no token that is to be predicted, and of sampling after no token.
	ErrNoTokens = errors.New("no tokens")

	// ErrLabel is the reason of a label outside the network's classes, or a token outside its vocabulary.
	ErrLabel = errors.New("label outside the classes")

	// ErrParams is the reason of a parameter file that is not of this network: a name is missing, unknown or has another shape.
	ErrParams = errors.New("parameters do not fit the network")
)
