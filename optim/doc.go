// Package optim injects layer-wise noise into the weights of any Gorgonia graph during training, implements sharpness-aware
// minimisation, and has solvers that update weights.
//
// # Noise injection
//
// A [PerturbedSolver] wraps a Gorgonia solver and takes the gradient at noisy weights,
//
//	w[t+1] = w[t] - eta * grad R(w[t] + sigma*eps[t]),   eps ~ N(0, I)
//
// In expectation this is gradient descent on R + sigma^2/(2n) tr(Hessian of R), plus terms of higher order, if the noise
// goes into one of n groups of weights at a time. The trace is an explicit regulariser: in simple models, the l1 norm, the
// group l1 norm or the nuclear norm. Noise on all weights at once adds another term, which grows with the width of a network
// whatever its weights are; noise on one layer at a time does not have it. The size of the regulariser itself follows the
// weights' squared norms: it stays the same in wider networks if they do, as with initial weights of variance 1/width, and
// grows if they grow, as with He's or PyTorch's.
//
// There are two protocols, with the same solver.
//
// Guarded (recommended): the solver guards the machine, which changes two lines of a program,
//
//	solver, err := optim.NewPerturbedSolver(base, 0.05)
//	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(learnables...)), learnables...)
//
// and the training loop stays as it is: RunAll, solver.Step, Reset. The weights are noisy only during RunAll and clean
// whenever your own code runs; every RunAll draws fresh noise. Values that the graph itself reads are noisy: gorgonia.Read
// of a weight, or of a loss, gives what was computed from noisy weights.
//
// Carried, where the machine is out of reach: only the solver changes. Step removes the noise, steps the base solver from
// the clean weights, and adds the noise of the next evaluation. Between steps the weights are therefore noisy: call Restore
// before evaluating, saving or replacing them, and Perturb to continue. The first evaluation is at clean weights, unless
// Bind and Perturb are called before it.
//
// # Structuring the program
//
// Use one solver for the whole run: it counts the steps, and the noise is a function of the count. A solver created inside
// the loop, or once per epoch, would draw the same noise again and again.
//
// Everything else may be created anew at each step: graphs, nodes and machines, over the same weight tensors. A parameter is
// identified by its tensor's memory, dtype and shape. The solver holds no node and no graph, so a graph per sequence leaks
// nothing, and the order in which solver and machine are made does not matter. gorgonia.Let may give a weight another tensor
// if the node stays the same. New tensors with new nodes are new parameters; it is an error if they have the name and shape
// of known ones, since the solver cannot tell whether a weight has moved or a second network begins.
//
// One solver may step several models, sets of parameters, in turn: layer-wise pretraining does not need a solver for each
// phase. Each model has its own groups, which take turns by the steps of that model. Gorgonia's solvers with moments store
// those by position in the list, with or without noise: give them a single model, or use this package's solvers, which store
// them by parameter. A solver for each phase works as well. Several solvers may train the same weights in turn, and noise
// that a discarded solver has left in the weights does no harm: each solver of this package first removes the noise of any
// other.
//
// A loop that discards a gradient (a NaN, a skipped batch) must zero it, as with any Gorgonia solver, and, guarded, call
// Restore, which discards the evaluation. For early stopping, copy the weights while they are clean and restore them by Let.
//
// A program without a solver, whose graph computes the next weights, must call Set of the guarded machine (see [Machine])
// instead of Set of the tape machine: the update then starts from the clean weights.
//
// Weights and gradients must be row-major and own their memory; every solver of this package rejects views, lazily
// transposed and column-major tensors. Gorgonia's lisp machine is rejected because its gradients are wrong.
//
// # How noise is injected
//
// While a gradient is evaluated, the parameter tensors point at other memory, which holds noisy copies of the weights, and
// afterwards at their own memory again. The clean weights are thus preserved bit for bit, with one pass over memory where
// adding in place would take three, and the graph is unchanged. A slice of the weights (Data) keeps showing the clean ones.
// Scalars, tensors that share memory with another input of the graph or with parameters of another graph of the model, and
// parameters that are not nodes are made noisy in place, and the clean weights are copied back. A tensor over the same
// memory in a graph that the solver has not seen stays clean: share the tensor, not its slice.
//
// A [Grouping] decides which parameters take noise together, a [Selection] which groups at which step, a [Noise] the
// distribution; how much depends on sigma, a [Schedule] over the steps and a [Scaling] over the parameters.
//
// Noise is a function of (seed, step, sample, tensor, element): the same bits for any number of threads and on any machine,
// independent across steps and tensors. Only counters are stored, so a resumed run continues with the same bits.
//
// # Choosing sigma
//
// A step's noise goes into one block of the weights, and adds sigma^2/2 times the trace of that block of the Hessian.
// Averaged over the n groups the loss gains
//
//	sigma^2/(2n) * tr(Hessian of R)
//
// which is n times less than noise of this sigma on all weights at every step would add, and than what [NoiseRegulariser]
// measures on all the learnables. For that reason [All] divides sigma by sqrt(n): to second order it then adds the same.
//
// So the same sigma is stronger with fewer groups: a network of four layers with weight and bias has 8 parameter tensors,
// ResNet-18 has 62. [ByLayer] puts a weight and its bias into one group, so the same sigma regularises about twice as much
// as with [ByTensor]. To keep the strength from one network or grouping to another, scale sigma with sqrt(n).
//
// SIGMA.md in this folder says where to start, how to read [PerturbedSolver.Last], what too much noise looks like, and how
// noise interacts with weight decay, norms and Adam.
//
// # Gradients
//
// Under gorgonia.BindDualValues gradients accumulate over RunAll and Reset until a solver zeroes them. All solvers here do
// so in Step, as Gorgonia's do. A zero gradient is a step like any other, with momentum and decay. NaN in a gradient becomes
// NaN in the weights, as elsewhere: check the loss before Step.
//
// # Sharpness-aware minimisation
//
// [SAM] takes the gradient where the loss is higher: at weights moved a fixed distance along a first gradient, all of them
// or one layer at a time. It is used like a guarded PerturbedSolver,
//
//	solver, err := optim.NewSAM(base, 0.05)
//	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(learnables...)), learnables...)
//
// and each RunAll evaluates the graph twice.
//
// # Solvers that update weights
//
// [SGD], [Adam] and AdamW follow PyTorch's definitions, update in one pass, store their state by parameter rather than by
// position in a slice, and can save it. Their learning rate can be set at any time or follow a [Schedule].
//
// # Sharpness
//
// [HessianTrace] and [NoiseRegulariser] measure what the noise regularises, on any graph and without side effects: weights,
// gradients and the solver's state are left as they were.
//
// # Source
//
// A. Orvieto, A. Raj, H. Kersting, F. Bach, Explicit Regularization in Overparametrized Models via Noise Injection, AISTATS
// 2023, https://arxiv.org/abs/2206.04613.
package optim
