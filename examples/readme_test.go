// Package examples_test checks what the pages show: every Go block of every README is a program that works when pasted into
// another module.
package examples_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A block is a piece of Go on a page.
type block struct {
	page string // its path from the repository's root
	line int
	text string

	prints string // what the page says it prints, in a block of text after "prints"; empty for nothing
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// goBlocks returns the Go blocks of a page.
func goBlocks(root, page string) ([]block, error) {
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		return nil, err
	}
	var blocks []block
	inside, prints, last := false, false, ""
	for i, line := range strings.SplitAfter(string(text), "\n") {
		switch mark := strings.TrimSpace(line); {
		case mark == "```text":
			prints = len(blocks) > 0 && last == "prints"
		case mark == "```go":
			inside = true
			blocks = append(blocks, block{page: page, line: i + 1})
		case mark == "```":
			inside, prints = false, false
		case inside:
			blocks[len(blocks)-1].text += line
		case prints:
			blocks[len(blocks)-1].prints += line
		case mark != "":
			last = mark
		}
	}
	return blocks, nil
}

// allBlocks returns the Go blocks of all pages below root.
func allBlocks(t *testing.T, root string) []block {
	var blocks []block
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		page, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		found, err := goBlocks(root, page)
		blocks = append(blocks, found...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// outside makes a module that requires this one, as a user would, and returns its folder.
func outside(t *testing.T, root string) string {
	dir := t.TempDir()
	ours, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	// The requirements of this module, so that no network is needed.
	const name = "module github.com/layernoise/layernoise"
	if !strings.HasPrefix(string(ours), name) {
		t.Fatalf("go.mod does not begin with %q", name)
	}
	mod := "module example.com/user" + strings.TrimPrefix(string(ours), name) +
		"\nrequire github.com/layernoise/layernoise v0.0.0\n\nreplace github.com/layernoise/layernoise => " + root + "\n"
	for file, content := range map[string][]byte{"go.mod": []byte(mod), "go.sum": sums} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs a command in the module in dir, and returns its output.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	// Without a network: modules come from the cache, where this module's go.sum has verified them.
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// The commands in README.md make a module that uses this one, here for the block that trains a network.
func TestSetUp(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for line := range strings.Lines(string(page)) {
		if command, indented := strings.CutPrefix(line, "\t"); indented && (strings.HasPrefix(command, "go mod ") || strings.HasPrefix(command, "mkdir trial")) {
			commands = append(commands, command)
		}
	}
	if len(commands) != 4 {
		t.Fatalf("found the commands %q, want four", commands)
	}
	blocks, err := goBlocks(root, "README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(root, filepath.Join(dir, "layernoise")); err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(dir, "main.go")
	if err := os.WriteFile(main, []byte(blocks[len(blocks)-1].text), 0o644); err != nil {
		t.Fatal(err)
	}
	// With -e, go mod tidy accepts that the cache has no modules for the tests of other modules: it has those of this one only.
	commands[len(commands)-1] = strings.Replace(commands[len(commands)-1], "go mod tidy", "go mod tidy -e", 1)
	script := "set -e\n" + strings.Join(commands[:len(commands)-1], "") + "cp " + main + " .\n" + commands[len(commands)-1] + "go build ."
	run(t, dir, "sh", "-c", script)
}

// Every Go block of every page is a complete program. All are formatted, and they are vetted, built and run in a module
// outside the repository; one that downloads is not run.
func TestBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs a program for every block of Go")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	blocks := allBlocks(t, root)
	if len(blocks) < 4 {
		t.Fatalf("found %d blocks of Go on all pages: want at least the four of README.md, layers and datasets", len(blocks))
	}
	dir := outside(t, root)
	program := func(i int) string { return fmt.Sprintf("block%d", i) }
	for i, b := range blocks {
		if !strings.HasPrefix(b.text, "package main\n") {
			t.Fatalf("%v is not a complete program: its first line is not \"package main\"", b)
		}
		if err := os.Mkdir(filepath.Join(dir, program(i)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, program(i), "main.go"), []byte(b.text), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s is %v", program(i), b)
	}
	if changed := run(t, dir, "gofmt", "-l", "."); changed != "" {
		t.Errorf("gofmt changes %s", changed)
	}
	run(t, dir, "go", "vet", "./...")
	programs := t.TempDir()
	run(t, dir, "go", "build", "-o", programs, "./...")
	for i, b := range blocks {
		t.Run(b.String(), func(t *testing.T) {
			if strings.Contains(b.text, "WithDownload") {
				return
			}
			out := run(t, t.TempDir(), filepath.Join(programs, program(i)))
			t.Log(out)
			if b.prints != "" && b.prints != out {
				t.Errorf("it does not print what the page shows:\n%s", b.prints)
			}
		})
	}
}
