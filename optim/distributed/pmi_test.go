//go:build (darwin || freebsd || linux || netbsd) && (amd64 || arm64) && !android

package distributed

import (
	"io"
	"net"
	"strings"
	"testing"
)

func TestFinalizeHangs(t *testing.T) {
	for text, want := range map[string]bool{
		"MPICH Version:\t4.0.2\nMPICH Device:\tch4:ucx\n":  true,
		"MPICH Version:\t3.4.1\nMPICH Device:\tch4:ucx\n":  true,
		"MPICH Version:\t4.1\nMPICH Device:\tch4:ucx\n":    true,
		"MPICH Version:      4.2.0\nMPICH Device: ch4:ucx": false,
		"MPICH Version:\t4.0.2\nMPICH Device:\tch4:ofi\n":  false,
		"MPICH Version:\t10.0\nMPICH Device:\tch4:ucx\n":   false,
		"Open MPI v4.1.4, package: ch4:ucx":                false,
		"":                                                 false,
	} {
		if got := finalizeHangs(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestLauncherSocket(t *testing.T) {
	for _, c := range []struct {
		environment map[string]string
		fd          int
		ok          bool
	}{
		{map[string]string{"MPI_LOCALRANKID": "0", "PMI_FD": "7"}, 7, true},
		{map[string]string{"MPI_LOCALRANKID": "0", "PMI_FD": "7", "MPIR_CVAR_PMI_VERSION": "1"}, 7, true},
		{map[string]string{"MPI_LOCALRANKID": "0", "PMI_FD": "7", "MPIR_CVAR_PMI_VERSION": "2"}, 0, false},
		{map[string]string{"MPI_LOCALRANKID": "0"}, 0, false},
		{map[string]string{"PMI_FD": "7", "SLURM_MPI_TYPE": "pmi2"}, 7, true},
		{map[string]string{"PMI_FD": "7", "SLURM_MPI_TYPE": "pmix"}, 0, false},
	} {
		t.Run("", func(t *testing.T) {
			for _, name := range []string{"MPI_LOCALRANKID", "PMI_FD", "MPIR_CVAR_PMI_VERSION", "SLURM_MPI_TYPE"} {
				t.Setenv(name, c.environment[name])
			}
			if fd, ok := launcherSocket(); ok != c.ok || ok && fd != c.fd {
				t.Errorf("%v: %d, %v", c.environment, fd, ok)
			}
		})
	}
}

func TestTakeLeave(t *testing.T) {
	const barrier, both = "cmd=barrier_in\n", "cmd=barrier_in\ncmd=finalize\n"
	for _, c := range []struct{ answers, said, want string }{
		{"cmd=barrier_out\n|cmd=finalize_ack\n", both, ""},
		{"cmd=barrier_out rc=0\n|cmd=finalize_ack rc=0\n", both, ""}, // srun's
		{"cmd=barrier_out rc=-1\n", barrier, `answered "cmd=barrier_out rc=-1\n"`},
		{"cmd=barrier_out\n|cmd=barrier_out\n", both, `answered "cmd=barrier_out\n" to "cmd=finalize\n", want "cmd=finalize_ack"`},
		{"cmd=abort\n", barrier, `answered "cmd=abort\n" to "cmd=barrier_in\n", want "cmd=barrier_out"`},
		{"cmd=bar", barrier, "the launcher's connection ended"},
		{"cmd=barrier_out\n", barrier, "telling the launcher that this rank ends"},
	} {
		rank, launcher := net.Pipe()
		heard := make(chan string, 1)
		go func() {
			defer launcher.Close()
			said := ""
			b := make([]byte, 100)
			for answer := range strings.SplitSeq(c.answers, "|") {
				n, _ := launcher.Read(b)
				said += string(b[:n])
				for part := range strings.SplitAfterSeq(answer, "=") { // not in one piece
					io.WriteString(launcher, part)
				}
			}
			heard <- said
		}()
		err := takeLeave(rank)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v, want %q", c.answers, err, c.want)
		}
		if said := <-heard; said != c.said {
			t.Errorf("%q: said %q, want %q", c.answers, said, c.said)
		}
		rank.Close()
	}
}
