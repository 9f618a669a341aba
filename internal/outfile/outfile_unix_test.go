//go:build unix

package outfile_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/layernoise/layernoise/internal/outfile"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// expect requires a file of the given contents and mode, and no other new files beside it.
func expect(t *testing.T, file, content string, mode os.FileMode) {
	t.Helper()
	got, err := os.ReadFile(file)
	if err != nil || string(got) != content {
		t.Errorf("%s holds %q, %v, want %q", file, got, err, content)
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm() != mode {
		t.Errorf("%s has mode %o, want %o", file, info.Mode().Perm(), mode)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*.tmp"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func put(t *testing.T, file, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

func TestModes(t *testing.T) {
	for _, umask := range []int{0o022, 0o027, 0o077, 0} {
		old := syscall.Umask(umask)
		file := filepath.Join(t.TempDir(), "new")
		err := outfile.Write(file, text("a"))
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, file, "a", os.FileMode(0o666&^umask))
	}
	for _, mode := range []os.FileMode{0o600, 0o640, 0o664, 0o755} {
		file := filepath.Join(t.TempDir(), "old")
		put(t, file, "long ago", mode)
		if err := outfile.Write(file, text("b")); err != nil {
			t.Fatal(err)
		}
		expect(t, file, "b", mode)
	}
}

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o777); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "a", "target")
	for link, to := range map[string]string{
		"absolute": target, "relative": "a/target", "a/b/up": "../target", "chain": "relative", "through": "a/b/up",
	} {
		for _, there := range []bool{false, true} {
			os.Remove(target)
			if there {
				put(t, target, "old", 0o640)
			}
			link := filepath.Join(dir, link)
			os.Remove(link)
			if err := os.Symlink(to, link); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(link, "chain") || strings.HasSuffix(link, "through") {
				os.Symlink("a/target", filepath.Join(dir, "relative"))
				os.Symlink("../target", filepath.Join(dir, "a/b/up"))
			}
			if err := outfile.Write(link, text("new")); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("%s is no link any more", link)
			}
			if got, err := os.ReadFile(target); err != nil || string(got) != "new" {
				t.Errorf("%s: the target holds %q, %v", link, got, err)
			}
			if info, _ := os.Stat(target); there && info.Mode().Perm() != 0o640 {
				t.Errorf("%s: the target has mode %o", link, info.Mode())
			}
		}
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if err := outfile.Write(loop, text("x")); err == nil {
		t.Error("a link to itself was written to")
	}
}

func TestPipesAndDevices(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	read := make(chan string)
	go func() {
		data, _ := os.ReadFile(pipe)
		read <- string(data)
	}()
	if err := outfile.Write(pipe, text("through")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "through" {
		t.Errorf("read %q", got)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Error("the pipe is gone")
	}
	if err := outfile.Write(os.DevNull, text("x")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		if err := outfile.Write("/dev/full", text("x")); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("a full device: %v", err)
		}
	}
}

// TestStandardOutput writes to the standard output of a child process, a pipe and a file, between other output. It uses a
// link like /dev/stdout, so that a bug cannot destroy the machine's own.
func TestStandardOutput(t *testing.T) {
	if stdout := os.Getenv("OUTFILE_CHILD"); stdout != "" {
		fmt.Print("before ")
		if err := outfile.Write(stdout, text("content")); err != nil {
			t.Fatal(err)
		}
		os.Exit(0)
	}
	stdout := filepath.Join(t.TempDir(), "stdout")
	if err := os.Symlink("/proc/self/fd/1", stdout); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stdout); err != nil {
		t.Skipf("no /proc: %v", err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestStandardOutput$")
	child.Env = append(os.Environ(), "OUTFILE_CHILD="+stdout)
	out, err := child.Output()
	if err != nil || string(out) != "before content" {
		t.Errorf("pipe: %q, %v", out, err)
	}
	name := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	child = exec.Command(os.Args[0], "-test.run=^TestStandardOutput$")
	child.Env, child.Stdout = append(os.Environ(), "OUTFILE_CHILD="+stdout), file
	if err := child.Run(); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(name); string(got) != "before content" {
		t.Errorf("file: %q", got)
	}
}

func TestLongName(t *testing.T) {
	file := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
	for range 2 {
		if err := outfile.Write(file, text("x")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailureLeavesTheOldFile: whatever goes wrong while the contents are made, the old file is kept.
func TestFailureLeavesTheOldFile(t *testing.T) {
	stop := errors.New("stop")
	file := filepath.Join(t.TempDir(), "file")
	half := func(w io.Writer) error { io.WriteString(w, "half"); return stop }
	if err := outfile.Write(file, half); err != stop {
		t.Errorf("%v, want %v", err, stop)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a half file appeared")
	}
	put(t, file, "old", 0o600)
	if err := outfile.Write(file, half); err != stop {
		t.Errorf("%v, want %v", err, stop)
	}
	expect(t, file, "old", 0o600)
}

// asUser skips tests that are meaningless with the superuser's permissions.
func asUser(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
}

func TestReadOnlyFile(t *testing.T) {
	asUser(t)
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "old", 0o444)
	if err := outfile.Write(file, text("x")); !errors.Is(err, os.ErrPermission) {
		t.Errorf("%v, want a permission error", err)
	}
	expect(t, file, "old", 0o444)
}

func TestReadOnlyFolder(t *testing.T) {
	asUser(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	put(t, file, "a longer old content", 0o640)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	if err := outfile.Write(file, text("new")); err != nil {
		t.Fatal(err)
	}
	expect(t, file, "new", 0o640)
	if err := outfile.Write(filepath.Join(dir, "other"), text("x")); !errors.Is(err, os.ErrPermission) {
		t.Errorf("%v, want a permission error", err)
	}
}

// Check finds what would keep Write from writing, names the file, and leaves nothing behind.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "old")
	put(t, old, "kept", 0o600)
	for name, good := range map[string]bool{"old": true, "new": true, "": false, "old/new": false, "none/new": false, "../" + filepath.Base(dir): false} {
		name = filepath.Join(dir, name)
		err := outfile.Check(name)
		if (err == nil) != good || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	expect(t, old, "kept", 0o600)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}
