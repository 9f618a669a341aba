package distributed

import (
	"os"
	"strconv"
)

// launch is what a launcher says in the environment of the processes that it starts.
type launch struct {
	launched bool
	openMPI  bool // by Open MPI's mpirun or prterun
	size     int  // processes, 0 if it does not say
}

// launched reads the environment. Open MPI's mpirun sets OMPI_COMM_WORLD_SIZE, hydra (MPICH, Intel MPI) and srun with PMI
// or PMIx set PMI_ or PMIX_RANK. The number of processes is in none of PMIx's variables; srun has it in SLURM_STEP_NUM_TASKS.
func launched() launch {
	l := launch{openMPI: os.Getenv("OMPI_COMM_WORLD_SIZE") != ""}
	for _, name := range []string{"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "PMIX_RANK"} {
		l.launched = l.launched || os.Getenv(name) != ""
	}
	if !l.launched {
		return l
	}
	for _, name := range []string{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"} {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			l.size = n
			return l
		}
	}
	return l
}
