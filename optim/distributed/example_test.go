package distributed_test

import (
	"fmt"
	"log"

	"github.com/layernoise/layernoise/optim"
	"github.com/layernoise/layernoise/optim/distributed"
)

// A solver for a training on all ranks. Without a launcher there is one.
func Example() {
	world, err := distributed.Init(distributed.Config{})
	if err != nil {
		log.Fatal(err)
	}
	sgd, err := optim.NewSGD(0.1, optim.WithMomentum(0.9))
	if err != nil {
		log.Fatal(err)
	}
	mean, err := distributed.NewSolver(sgd, world)
	if err != nil {
		log.Fatal(err)
	}
	solver, err := optim.NewPerturbedSolver(mean, 0.05)
	if err != nil {
		log.Fatal(err)
	}
	_ = solver // guard a machine and step, as ever
	fmt.Println(world)
	if err := world.Finalize(); err != nil {
		world.Abort(err)
	}
	// Output: rank 0 of 1
}
