// Package optim injects layer-wise noise into the training of any Gorgonia graph, or moves its weights by SAM, and updates
// weights.
//
// # Noise injection
//
// A [PerturbedSolver] wraps a Gorgonia solver and takes the gradient at noisy weights,
//
//	w[t+1] = w[t] - eta * grad R(w[t] + sigma*eps[t]),   eps ~ N(0, I)
//
// In expectation this is gradient descent on R + sigma^2/(2n) tr(Hessian of R) and terms of higher order, if the noise goes
// into one of n groups of weights at a time: an explicit regulariser, which is the l1 norm, the group l1 norm or the nuclear
// norm in simple models. Noise on all weights at once adds a term that grows with the width of a network whatever its
// weights are; noise on one layer at a time does not have it. What that adds is of the order of the weights' squared norms:
// it stays the same in wider networks if those do, as with initial weights of variance 1/width, and grows if they grow, as
// with He's or PyTorch's.
//
// There are two protocols, with the same solver.
//
// Guarded (recommended): the solver guards the machine, and two lines of a program change,
//
//	solver, err := optim.NewPerturbedSolver(base, 0.05)
//	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(learnables...)), learnables...)
//
// and the training loop stays as it is: RunAll, solver.Step, Reset. The weights are noisy during RunAll only, and clean
// whenever your own code runs; every RunAll draws fresh noise. What the graph itself shows of them is noisy: gorgonia.Read
// of a weight, or of a loss, gives what was computed from noisy weights.
//
// Carried, where the machine is out of reach: only the solver changes. Step takes the noise out, steps the base at the clean
// weights, and leaves the noise of the next evaluation in the weights. So between steps the weights are noisy: call Restore
// before evaluating, saving or replacing them, and Perturb to go on. The first evaluation is at clean weights, unless Bind
// and Perturb are called before it.
//
// # Writing the program around it
//
// One solver serves the whole run: it counts the steps, and the noise is a function of the count. A solver made anew inside
// the loop, or for each epoch, would draw the same noise again and again.
//
// Everything else may be made anew at each step: graphs, nodes and machines, over the same weight tensors. A parameter is
// its tensor's memory, type and shape; the solver keeps no node and no graph, so a graph for each sequence leaves nothing
// behind. It does not matter whether the solver is made before the machine or after it. gorgonia.Let may give a weight
// another tensor, if the node stays; new tensors with new nodes are new parameters, and those that have name and shape of
// known ones are an error, since nobody can tell whether a weight has moved or another network begins.
//
// One solver may step several models, sets of parameters, in turn: layer-wise pretraining needs no other solver for each
// phase. Each model has its own groups, which take turns by its own steps. Gorgonia's solvers with moments keep those by the
// place in the list, as they do without noise: give them one model, or use this package's, which keep them by parameter. A
// solver for each phase is as good. Several solvers may train the same weights in turn, and of a solver that was dropped
// with its noise in the weights nothing stays: whichever solver of this package meets the noise of another one takes it out
// first.
//
// A loop that throws a gradient away (a NaN, a batch that is skipped) zeroes it, as with any Gorgonia solver, and, guarded,
// calls Restore, which discards the evaluation. Early stopping copies the weights when they are clean and gives them back by
// Let.
//
// A program without a solver, whose graph computes the next weights, calls Set of the guarded machine (see [Machine]) where
// it called Set of the tape machine: the update is then taken from the clean weights.
//
// Weights and gradients must lie in row-major order and own their memory; views, lazily transposed and column-major tensors
// are refused by every solver of this package. Gorgonia's lisp machine is refused, since its gradients are wrong.
//
// # How noise gets in and out
//
// For as long as a gradient is evaluated, the parameter tensors are pointed at other memory, with noisy copies of the
// weights, and at their own memory again afterwards. So the weights come out bit for bit, with one pass over memory where
// adding in place would take three, and without a change to the graph. Whoever keeps a slice of the weights (Data) sees
// clean ones. Scalars, tensors that share their memory with another input of the graph or with the parameters of another
// graph of the model, and parameters that are no nodes are noisy in place, and the clean weights are put back. A tensor over
// the same memory that the solver cannot know of, in a graph that it has not seen, stays clean: share the tensor, not its
// slice.
//
// Which parameters take noise together is a [Grouping], which groups at which step a [Selection], of which distribution a
// [Noise], how much depends on sigma, a [Schedule] over the steps and a [Scaling] over the parameters.
//
// Noise is a function of (seed, step, sample, tensor, element): the same bits for any number of threads and on any machine,
// different and independent for other steps and tensors. Nothing is stored but counters, and a run that was stopped resumes
// with the same bits.
//
// # Choosing sigma
//
// A step's noise is in one block of the weights, and adds sigma^2/2 times the trace of that block of the Hessian. So on
// average over the n groups the loss gains
//
//	sigma^2/(2n) * tr(Hessian of R)
//
// which is n times less than what noise of this sigma on all weights at every step would add, and what [NoiseRegulariser]
// measures on all the learnables. [All] divides sigma by sqrt(n) for that reason: in second order it adds the same.
//
// So sigma means more where there are fewer groups: 8 parameter tensors of a network with four layers of weight and bias, 62
// of ResNet-18. [ByLayer] puts a weight and its bias into one group, and the same sigma then regularises about twice as much
// as with [ByTensor]. To keep the strength from one network or grouping to another, let sigma grow with sqrt(n).
//
// Where to start, how to read [PerturbedSolver.Last], what too much looks like, and how noise goes with weight decay, norms
// and Adam is in SIGMA.md of this folder.
//
// # Gradients
//
// Under gorgonia.BindDualValues gradients add up over RunAll and Reset until a solver zeroes them. All solvers here do so in
// Step, as Gorgonia's do; a gradient that is zero is a step like any other, with momentum and decay. NaN in a gradient
// becomes NaN in the weights, as elsewhere: look at the loss before Step.
//
// # Sharpness-aware minimisation
//
// [SAM] takes the gradient where the loss is higher: at weights that were moved along a first gradient by a fixed distance,
// all of them or one layer at a time. It is written like a guarded PerturbedSolver,
//
//	solver, err := optim.NewSAM(base, 0.05)
//	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(learnables...)), learnables...)
//
// and each RunAll evaluates the graph twice.
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
// A. Orvieto, A. Raj, H. Kersting, F. Bach, Explicit Regularization in Overparametrized Models via Noise Injection, AISTATS
// 2023, https://arxiv.org/abs/2206.04613.
package optim
