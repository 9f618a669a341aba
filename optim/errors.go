package optim

import "errors"

// Errors that callers may want to tell apart with errors.Is. Each comes wrapped in a message that names the parameter.
var (
	// ErrNoGradient: a parameter has no gradient. Was the machine built with gorgonia.BindDualValues, and has it run?
	ErrNoGradient = errors.New("no gradient")

	// ErrModel: the parameters, or their groups, cannot be trained, or are not those of earlier steps.
	ErrModel = errors.New("the model does not fit")

	// ErrProtocol: a call that belongs to the other protocol or comes in the wrong order.
	ErrProtocol = errors.New("call out of place")

	// ErrState: a saved state that is damaged or belongs to another solver or model.
	ErrState = errors.New("saved state does not fit")
)
