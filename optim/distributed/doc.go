// Package distributed trains on several processes and machines, over MPI: each rank takes its share of the images, and a
// solver steps with the mean of all ranks' gradients. Any Gorgonia program can be run so; three lines change:
//
//	world, err := distributed.Init(distributed.Config{})
//	mean, err := distributed.NewSolver(base, world)         // base is any solver
//	solver, err := optim.NewPerturbedSolver(mean, 0.05)
//	...
//	err = world.Finalize()
//
// It is started by mpirun, mpiexec or srun, as any MPI program; without one it is a world of one rank, and needs no library.
//
// # With package layers
//
// Two lines more, and loaders that share the images (datasets.LoaderConfig):
//
//	train, err := images.Loader(datasets.LoaderConfig{Batch: 64, Shuffle: true, Rank: world.Rank(), Ranks: world.Size()})
//	model, err := layers.NewClassifier(net, 64, 3, 32, 32) // the batch of a rank
//	err = model.Join(world)
//
// Then two ranks train as one process with batches of 128 does, image for image. Fit, Evaluate and the checkpoints are those
// of all ranks together: see Join of layers.Classifier, also for what becomes of batch norms. Rank 0 writes the files and
// draws progress; [World] has Rank for what a program prints itself.
//
// # The library
//
// MPI is opened when Init is called: Open MPI 4 to 6, MPICH 4 to 5 and what shares its ABI (Intel MPI, MVAPICH, Cray MPICH), or
// a library of MPI 5's standard ABI. No C compiler is needed, and only programs that import this package are linked to the
// system's libraries at all. LAYERNOISE_MPI names another library file. The library must be the launcher's: another one
// would make many worlds of one rank, and is an error.
//
// Open MPI's mpirun binds each rank to one processor when there are one or two ranks: give it --bind-to none, or the number
// of processors with --map-by slot:PE=n. String of a World tells how many processors this rank has.
//
// MPI_Init_thread and MPI_Finalize are called on a thread of the operating system that Init starts. So is all between them
// where the library wants that (MPI_THREAD_FUNNELED); others are called by whoever has something to send, one at a time,
// because a rank that shares its host would lose milliseconds by waking another thread. Nothing but MPI_Isend, MPI_Irecv and
// MPI_Test is used between the two, so no call blocks, and a rank that waits for another one can give up.
//
// # Overlap
//
// Between hosts Fit exchanges gradients while the pass that computes others still runs; loops of your own do so by
// [Solver.Overlap]. README.md has what it gives, and how far a training scales.
//
// # The noise
//
// It is a function of seeds and counters and needs no communication: all ranks perturb their weights by the same noise. That
// is the method of the paper with a larger batch. With [IndependentNoise] each rank draws its own, and the step is taken
// with the mean over as many draws.
//
// # The same bits
//
// Sums over ranks are taken in a fixed order, by pairs: ((g0+g1)+(g2+g3))+..., on whichever rank and by whichever library.
// The weights are the same bits on all ranks, from run to run, and on any network. With another number of ranks the sums are
// rounded otherwise: the weights agree to rounding.
//
// # When a rank fails
//
// A rank that cannot make the next call says so by Withdraw: that call returns an error to all others, and the world goes
// on. All else breaks it. Before each exchange the ranks tell each other what they call. A rank that makes another call,
// leaves, or says that it failed (Abort), is named in the error that all others return at once; one that has died, hangs or
// is cut off, when Config.Timeout and a second are over. Ranks that wait in vain ask around first, so that the one is named
// that is silent, and not one that itself waits for it. A rank that is killed ends the others by way of the launcher, as a
// rule at once. After an error the weights are those before the step. Launchers may wait for ever for a host that is gone:
// give jobs a limit of time.
package distributed
