package distributed

import (
	"os"
	"strconv"

	"github.com/pkg/errors"
)

// launch is what a launcher says in the environment of the processes that it starts.
type launch struct {
	launched bool
	openMPI  bool // in a way that Open MPI understands
	rank     int  // of this process
	size     int  // processes, 0 if it does not say
}

// noLibrary is the LAYERNOISE_MPI of processes that a launcher starts side by side, each a world of one.
const noLibrary = "none"

// launched reads the environment. Open MPI's mpirun sets OMPI_COMM_WORLD_SIZE, hydra (MPICH, Intel MPI) and srun with PMI
// or PMIx set PMI_ or PMIX_RANK. PMIx is what Open MPI understands, and builds of MPICH that were made for it. The number of
// processes is in none of PMIx's variables; srun has it in SLURM_STEP_NUM_TASKS.
func launched() (launch, error) {
	set := func(name string) bool { return os.Getenv(name) != "" }
	l := launch{openMPI: set("OMPI_COMM_WORLD_SIZE") || set("PMIX_RANK") && !set("PMI_RANK")}
	for _, name := range []string{"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "PMIX_RANK"} {
		l.launched = l.launched || set(name)
	}
	number := func(name string) int {
		n, _ := strconv.Atoi(os.Getenv(name))
		return n
	}
	if !l.launched {
		if n := number("SLURM_STEP_NUM_TASKS"); n > 1 && set("SLURM_PROCID") {
			return l, errors.Errorf("distributed: srun started %d processes and no MPI among them: give it --mpi=pmix (Open MPI) or "+
				"--mpi=pmi2 (MPICH), or set LAYERNOISE_MPI=%s for processes that train apart", n, noLibrary)
		}
		return l, nil
	}
	for _, name := range []string{"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"} {
		if set(name) {
			l.rank = number(name)
			break
		}
	}
	for _, name := range []string{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"} {
		if l.size = number(name); l.size > 0 {
			break
		}
	}
	return l, nil
}
