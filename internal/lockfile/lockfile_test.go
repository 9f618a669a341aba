//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lockfile

import (
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestTry: one holder at a time, and nothing is left when it has given back.
func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Try(path)
	if err != nil || release == nil {
		t.Fatalf("a free lock: %v", err)
	}
	if second, err := Try(path); second != nil || err != nil {
		t.Errorf("a lock that is held: got it %v, error %v", second != nil, err)
	}
	release()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is left behind: %v", err)
	}
	if release, err = Try(path); err != nil || release == nil {
		t.Errorf("a lock that was given back: %v", err)
	} else {
		release()
	}
	if _, err := Try(filepath.Join(path, "missing", "lock")); err == nil {
		t.Error("a folder that is not there: no error")
	}
}

// TestLockOfEndedHolder opens a lock file just before its holder removes it.
func TestLockOfEndedHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	write(t, path)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if !isAt(file, path) {
		t.Error("the file is not at its path")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if isAt(file, path) {
		t.Error("a removed file is at its path")
	}
	write(t, path)
	if isAt(file, path) {
		t.Error("a removed file is at the path of another")
	}
}
