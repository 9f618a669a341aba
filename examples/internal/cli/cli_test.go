package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExit(t *testing.T) {
	for _, c := range []struct {
		err     error
		code    int
		message string
	}{
		{nil, 0, ""},
		{errors.New("disk full"), exitError, "disk full"},
		{Usagef("-steps %d", -1), exitUsage, "-steps -1"},
		{fmt.Errorf("flags: %w", Usagef("-steps %d", -1)), exitUsage, "flags: -steps -1"},
		{fmt.Errorf("step 3: %w", context.Canceled), exitInterrupt, "interrupted: nothing is kept, and the same command begins anew"},
		{fmt.Errorf("run 3: %w", Kept(context.Canceled, "go on")), exitInterrupt, "interrupted: go on"},
		{Kept(errors.New("disk full"), "go on"), exitError, "disk full"},
		{Kept(nil, "go on"), 0, ""},
	} {
		code := ExitCode(c.err)
		if code != c.code {
			t.Errorf("exit code for %v is %d, want %d", c.err, code, c.code)
		}
		if c.err == nil {
			continue
		}
		if got := message(c.err, code); got != c.message {
			t.Errorf("message for %v is %q, want %q", c.err, got, c.message)
		}
	}
}

func TestList(t *testing.T) {
	if got, err := List("noise", "none, layer", "none", "layer", "all"); err != nil || strings.Join(got, "+") != "none+layer" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "none,", "some", "none,layer,none"} {
		if got, err := List("noise", bad, "none", "layer"); err == nil || !strings.HasPrefix(err.Error(), "-noise ") {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

// The checks leave no files behind, and fail where writing would.
func TestChecks(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.png"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, good := range map[string]bool{"new.png": true, "x.txt": false, "": false, "none/new.png": false, "file/new.png": false, "folder.png": false} {
		if name != "" {
			name = filepath.Join(dir, name)
		}
		if err := CheckPicture("out", name); (err == nil) != good {
			t.Errorf("picture %q: %v", name, err)
		}
	}
	for name, good := range map[string]bool{"": false, dir: true, file: false, dir + "/a/b": true, file + "/a": false} {
		if err := CheckFolder("out", name); (err == nil) != good {
			t.Errorf("folder %q: %v", name, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "kept" {
		t.Errorf("the file holds %q, %v", data, err)
	}
}
