//go:build (darwin || freebsd || linux || netbsd) && (amd64 || arm64) && !android

package distributed

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pkg/errors"
)

// launchVariables are all that a launcher's environment is told by.
var launchVariables = []string{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMI_SIZE", "PMIX_RANK", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "LAYERNOISE_MPI"}

// Environments as they were found under each launcher.
func TestLaunch(t *testing.T) {
	for name, test := range map[string]struct {
		environment map[string]string
		want        launch
		wrong       string
	}{
		"none":               {nil, launch{}, ""},
		"mpirun of Open MPI": {map[string]string{"OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_RANK": "2", "PMIX_RANK": "2"}, launch{true, true, 2, 3}, ""},
		"hydra":              {map[string]string{"PMI_RANK": "1", "PMI_SIZE": "4"}, launch{true, false, 1, 4}, ""},
		"srun --mpi=pmi2":    {map[string]string{"PMI_RANK": "1", "PMI_SIZE": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}, launch{true, false, 1, 2}, ""},
		"srun --mpi=pmix":    {map[string]string{"PMIX_RANK": "1", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}, launch{true, true, 1, 2}, ""},
		"srun --mpi=none":    {map[string]string{"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}, launch{}, "srun started 2 processes and no MPI among them"},
		"srun -n 1":          {map[string]string{"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, launch{}, ""},
		"mpirun within salloc": {map[string]string{"OMPI_COMM_WORLD_SIZE": "2", "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"},
			launch{true, true, 0, 2}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range launchVariables {
				t.Setenv(v, test.environment[v])
			}
			got, err := launched()
			if got != test.want || (err != nil) != (test.wrong != "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%+v, %v: want %+v, %q", got, err, test.want, test.wrong)
			}
			first := candidates(got)[0]
			if openMPI := first == "libmpi.so.40"; openMPI != test.want.openMPI {
				t.Errorf("the first library is %s", first)
			}
			t.Setenv("LAYERNOISE_MPI", noLibrary)
			if w, err := Init(Config{}); err != nil || w.Size() != 1 {
				t.Errorf("LAYERNOISE_MPI=%s: %v, %v", noLibrary, w, err)
			}
		})
	}
}

// Ranks of one machine are on one host, and those of several are named by theirs.
func TestFindHosts(t *testing.T) {
	everyRank(t, 3, func(w *World) error {
		if err := w.findHosts("node"); err != nil || w.hosts != 1 {
			return errors.Errorf("%d hosts, want 1: %v", w.hosts, err)
		}
		return nil
	})
	errs := newPost().run(t, 3, 50*time.Millisecond, func(w *World) error {
		if err := w.findHosts(fmt.Sprint("node", (w.rank+1)/2)); err != nil || w.hosts != 2 {
			t.Errorf("%d hosts, want 2: %v", w.hosts, err)
		}
		if w.rank == 2 {
			return nil
		}
		return w.Barrier()
	})
	for _, err := range errs[:2] {
		if err == nil || !strings.Contains(err.Error(), "for rank 2 on node1, which has died") {
			t.Errorf("%v: want the name of the host of rank 2", err)
		}
	}
}
