//go:build (darwin || freebsd || linux || netbsd) && (amd64 || arm64) && !android

package distributed

import (
	"bufio"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// MPICH before 4.2 may never come out of MPI_Finalize where it talks by UCX, as Debian 12's does: between several hosts it
// was seen in a third of all runs. A rank there first closes its connections, which needs answers of the others, and then
// waits in the launcher's barrier, where it gives no answers: a slower rank waits for them for ever
// (github.com/pmodels/mpich/pull/6596). MPI_Finalize is not called there. The rank takes leave of the launcher itself, by
// the two words of its protocol that MPI_Finalize says, and answers the others until all have done so.

var mpichVersion = regexp.MustCompile(`^MPICH Version:\s*(\d+)\.(\d+)`)

// finalizeHangs reports whether a library is one of those, by what it says of itself.
func finalizeHangs(text string) bool {
	version := mpichVersion.FindStringSubmatch(text)
	if version == nil || !strings.Contains(text, "ch4:ucx") {
		return false
	}
	major, _ := strconv.Atoi(version[1])
	minor, _ := strconv.Atoi(version[2])
	return major < 4 || major == 4 && minor < 2
}

// launcherSocket returns the file descriptor by which the launcher talks to this process, if that is hydra or srun --mpi=pmi2,
// and the protocol the first version of PMI, a line of text for each word. Slurm's plugin for the second version speaks both:
// the library says which one, and MPICH says the first unless it was built for another (--with-pmi...).
func launcherSocket() (fd int, ok bool) {
	if os.Getenv("MPI_LOCALRANKID") == "" && os.Getenv("SLURM_MPI_TYPE") != "pmi2" { // which hydra and srun set
		return 0, false
	}
	if version := os.Getenv("MPIR_CVAR_PMI_VERSION"); version != "" && version != "1" {
		return 0, false
	}
	fd, err := strconv.Atoi(os.Getenv("PMI_FD"))
	return fd, err == nil
}

// leave does what MPI_Finalize does. It is called when nothing is under way that another rank of this package waits for.
func (l *library) leave(launcher int) error {
	never, err := l.receive(make([]byte, 1), 0, tagAlarm) // to ask for, which lets MPI answer
	if err != nil {
		return err
	}
	left := make(chan error, 1)
	go func() { left <- takeLeave(os.NewFile(uintptr(launcher), "launcher")) }()
	for {
		select {
		case err := <-left:
			return err
		case <-time.After(100 * time.Microsecond):
			if _, err := l.done(never); err != nil {
				return err
			}
		}
	}
}

// takeLeave waits until all ranks have come here, and tells the launcher that this one ends in order.
func takeLeave(launcher io.ReadWriter) error {
	answers := bufio.NewReader(launcher)
	for _, word := range []struct{ say, hear string }{{"cmd=barrier_in\n", "cmd=barrier_out"}, {"cmd=finalize\n", "cmd=finalize_ack"}} {
		if _, err := io.WriteString(launcher, word.say); err != nil {
			return errors.Wrap(err, "telling the launcher that this rank ends")
		}
		heard, err := answers.ReadString('\n')
		if err != nil {
			return errors.Wrap(err, "the launcher's connection ended before this rank took leave of it")
		}
		if answer := strings.TrimSpace(heard); answer != word.hear && answer != word.hear+" rc=0" { // which srun adds
			return errors.Errorf("the launcher answered %q to %q, want %q", heard, word.say, word.hear)
		}
	}
	return nil
}
