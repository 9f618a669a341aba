package outfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/layernoise/layernoise/internal/outfile"
)

// mount mounts, or skips the test with the reason.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(target, 0) })
}

func TestMountedFile(t *testing.T) {
	dir := t.TempDir()
	inner, file := filepath.Join(dir, "inner"), filepath.Join(dir, "file")
	put(t, inner, "a longer old content", 0o640)
	put(t, file, "", 0o600)
	mount(t, inner, file, "", syscall.MS_BIND, "")
	if err := outfile.Write(file, text("new")); err != nil {
		t.Fatal(err)
	}
	expect(t, inner, "new", 0o640)
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	mount(t, "tmpfs", dir, "tmpfs", 0, "size=64k")
	file := filepath.Join(dir, "file")
	put(t, file, "old", 0o640)
	if err := outfile.Write(file, text(strings.Repeat("x", 1<<20))); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v, want no space left", err)
	}
	expect(t, file, "old", 0o640)
	if err := outfile.Write(filepath.Join(dir, "new"), text(strings.Repeat("x", 1<<20))); err == nil {
		t.Error("a file larger than the disk")
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a half file appeared")
	}
}

// The file behind a mount point lies on another disk than its folder, where there was room.
func TestFullDiskBehindMountedFile(t *testing.T) {
	dir := t.TempDir()
	disk, file := filepath.Join(dir, "disk"), filepath.Join(dir, "file")
	if err := os.Mkdir(disk, 0o777); err != nil {
		t.Fatal(err)
	}
	mount(t, "tmpfs", disk, "tmpfs", 0, "size=64k")
	put(t, filepath.Join(disk, "inner"), "old", 0o640)
	put(t, file, "", 0o600)
	mount(t, filepath.Join(disk, "inner"), file, "", syscall.MS_BIND, "")
	if err := outfile.Write(file, text(strings.Repeat("x", 1<<20))); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v, want no space left", err)
	}
	expect(t, file, "old", 0o640)
}
