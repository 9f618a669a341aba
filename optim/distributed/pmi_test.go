//go:build (darwin || freebsd || linux || netbsd) && (amd64 || arm64) && !android

package distributed

import (
	"strings"
	"syscall"
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
		{map[string]string{"PMI_FD": "7", "SLURM_PROCID": "0"}, 0, false}, // srun's second version of PMI
	} {
		t.Run("", func(t *testing.T) {
			for _, name := range []string{"MPI_LOCALRANKID", "PMI_FD", "MPIR_CVAR_PMI_VERSION"} {
				t.Setenv(name, c.environment[name])
			}
			if fd, ok := launcherSocket(); ok != c.ok || ok && fd != c.fd {
				t.Errorf("%v: %d, %v", c.environment, fd, ok)
			}
		})
	}
}

func TestAsk(t *testing.T) {
	for answer, want := range map[string]string{
		"cmd=barrier_out\n": "",
		"cmd=abort\n":       `answered "cmd=abort\n" to "cmd=barrier_in\n", want "cmd=barrier_out\n"`,
		"cmd=bar":           "the launcher's connection ended",
	} {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan string, 1)
		go func() {
			b := make([]byte, 100)
			n, _ := syscall.Read(pair[1], b)
			heard <- string(b[:n])
			for _, part := range strings.SplitAfter(answer, "=") { // not in one piece
				syscall.Write(pair[1], []byte(part))
			}
			syscall.Close(pair[1])
		}()
		err = ask(pair[0], "cmd=barrier_in\n", "cmd=barrier_out\n")
		if said := <-heard; said != "cmd=barrier_in\n" {
			t.Errorf("said %q", said)
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", answer, err, want)
		}
		syscall.Close(pair[0])
	}
}
