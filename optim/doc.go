// Package optim injects layer-wise noise into the training of any Gorgonia graph, and updates weights.
//
// # Noise injection
//
// A [PerturbedSolver] wraps a Gorgonia solver and takes the gradient at noisy weights,
//
//	w[t+1] = w[t] - eta * grad R(w[t] + sigma*eps[t]),   eps ~ N(0, I)
//
// In expectation this is gradient descent on R + (sigma^2/2) tr(Hessian of R) and terms of higher order: an explicit
// regulariser, which is the l1 norm, the group l1 norm or the nuclear norm in simple models. Noise on all weights at once
// explodes in wide networks; noise on one layer at a time does not.
//
// For as long as a gradient is evaluated, the parameter tensors are pointed at other memory, with noisy copies of the
// weights, and at their own memory again afterwards. So the weights come out bit for bit, with one pass over memory where
// adding in place would take three, and without a change to the graph. Whoever keeps a slice of the weights (Data) sees
// clean ones. In place it is done, with the clean weights copied back, for scalars, for tensors that share their memory
// with another input of the graph or with the parameters of another graph of the model, and for parameters that are no nodes:
// there the noise would else not reach everybody. A tensor over the same memory that the solver cannot know of, in a graph
// that it has not seen, stays clean: share the tensor, not its slice.
//
// There are two protocols, with the same solver.
//
// Guarded (recommended): the solver guards the machine, and two lines of a program change,
//
//	solver, err := optim.NewPerturbedSolver(base, 0.05)
//	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(learnables...)), learnables...)
//
// and the training loop stays as it is: RunAll, solver.Step, Reset. The weights are noisy during RunAll only, and clean
// whenever your own code runs; every RunAll draws fresh noise.
//
// Carried, where the machine is out of reach: only the solver changes. Step takes the noise out, steps the base at the
// clean weights, and leaves the noise of the next evaluation in the weights. So between steps the weights are noisy:
// call Restore before evaluating or saving, and Perturb to go on. The first evaluation is at clean weights, unless Bind
// and Perturb are called before it.
//
// Which parameters take noise together is a [Grouping], which groups at which step a [Selection], of which distribution
// a [Noise], how much depends on sigma, a [Schedule] over the steps and a [Scaling] over the parameters.
//
// Noise is a function of (seed, step, sample, tensor, element): the same bits for any number of threads and on any
// machine, different and independent for other steps and tensors. Nothing is stored but counters, and a run that was
// stopped resumes with the same bits.
//
// # Gradients
//
// Under gorgonia.BindDualValues gradients add up over RunAll and Reset until a solver zeroes them. All solvers here do
// so in Step, as Gorgonia's do; a gradient that is zero is a step like any other, with momentum and decay. NaN in a
// gradient becomes NaN in the weights, as elsewhere: look at the loss before Step.
//
// # Solvers that update weights
//
// [SGD], [Adam] and AdamW follow PyTorch's definitions, update in one pass, keep their state by parameter rather than by
// place in a slice, and can save it. Their learning rate can be set at any time or follow a [Schedule].
//
// # Sharpness
//
// [HessianTrace] and [NoiseRegulariser] measure what the noise regularises, on any graph and without a trace: weights,
// gradients and the solver's state are as before.
//
// # Source
//
// A. Orvieto, A. Raj, H. Kersting, F. Bach, Explicit Regularization in Overparametrized Models via Noise Injection,
// AISTATS 2023, https://arxiv.org/abs/2206.04613.
package optim
