//go:build unix

package examples_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write into README.md what programs say of wrong input")

// programs builds the examples once, and returns the folder that holds them.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "layernoise-examples-")
	if err != nil {
		return "", err
	}
	built = dir
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", dir, "./...").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return dir, err
})

// built is the folder that programs has made.
var built string

// allPrograms are the examples.
var allPrograms = []string{"dropin", "sparse", "group", "nuclear", "linear", "width", "wide", "classify", "addition", "gpt"}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// build returns the folder of the built examples.
func build(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and drives all examples")
	}
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range allPrograms {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(allPrograms) {
		t.Fatalf("%d programs are built, %d are tested (%v)", len(entries), len(allPrograms), err)
	}
	return dir
}

// wrong is an invalid input of a program, and the response.
type wrong struct {
	program, arguments string
	exit               int
	line               string // the last one
}

// wrongInputs lists them, for programs that run in a folder made by furnish. README.md shows the output.
func wrongInputs() []wrong {
	var list []wrong
	add := func(program string, arguments ...string) {
		for _, a := range arguments {
			list = append(list, wrong{program: program, arguments: a})
		}
	}
	for _, p := range allPrograms {
		add(p, "-bogus", "-seeds x -seed x", "extra")
	}
	pictures := []string{"-out x.txt", "-out none/x.png", "-out file/x.png", "-out folder.png", "-out locked/x.png"}
	folders := []string{"-out=", "-out file", "-out file/x", "-out locked/x"}
	add("dropin", pictures...)
	add("dropin", "-noise bogus", "-noise layer,layer", "-noise=", "-dataset bogus -data none", "-dataset mnist", "-download", "-data none",
		"-data none -dataset mnist", "-data none -digits 10", "-data none -download", "-data=", "-digits 0", "-batch 0", "-batch 100000", "-epochs 0",
		"-lr -1", "-lr NaN", "-momentum 1", "-sigma -1", "-sigma Inf", "-noise none -sigma 0.1", "-protocol bogus", "-sigma")
	for _, p := range []string{"sparse", "group", "nuclear"} {
		add(p, "-out x.txt", "-out none/x.png", "-sigma -1", "-rate 0", "-rate NaN", "-steps 1", "-errors NaN")
	}
	add("sparse", "-n 0", "-d 0", "-active 0", "-active 81")
	add("group", "-groups 0", "-k 41", "-active 21")
	add("nuclear", "-rows 0", "-cols 0", "-rank 31", "-width 0")
	add("linear", "-out x.txt", "-out none/x.png", "-sigma 0", "-sigma Inf", "-rate 0", "-rate NaN", "-steps 1", "-errors NaN", "-rows 0", "-cols 0", "-rank 16",
		"-depth 0", "-width 0", "-seeds 0", "-pairs 1")
	add("width", "-out x.txt", "-variances none/x.png", "-variances width.png", "-sigma 0", "-doublings 0", "-doublings 13", "-draws 1")
	add("wide", folders...)
	add("wide", "-dataset bogus", "-dataset digits,digits", "-dataset fashion -data none", "-scale bogus", "-noise bogus", "-noise layer,layer",
		"-width 0", "-width 5,5", "-sigma 0", "-sigma 1,1", "-first-seed 0", "-noise none -sigma 1",
		"-dataset digits -data none", "-report", "-report -width 50", "-report -out spoilt")
	add("classify", folders...)
	add("classify", "-dataset bogus", "-data none", "-download", "-dataset fashion", "-dataset fashion -data none", "-dataset mnist -data none", "-dataset cifar10 -data none",
		"-dataset fashion -data none -download", "-net bogus", "-net cnn2", "-batch 0", "-batch 100000", "-batch 100 -subset 50",
		"-batch 20 -trace-images 10", "-epochs 0", "-wrong-labels 2", "-augment bogus", "-optimizer bogus", "-optimizer adam -momentum 0.5",
		"-schedule bogus", "-lr x", "-lr 0.1,0.1", "-noise bogus", "-noise layer,layer", "-noise none:1", "-noise dropout", "-noise dropout:1", "-noise sam:0",
		"-noise none -sigma 0.1", "-sigma -1", "-protocol bogus", "-validate 5", "-sweep -choose bogus", "-probes 0", "-ranks bogus", "-ranks=", "-part bogus", "-part 2/2",
		"-part -1/2", "-part 0/0", "-part 1/2/3", "-part=", "-page none", "-page none -seeds 3", "-out spoilt")
	add("addition", folders...)
	add("addition", "-p 1", "-fraction 1", "-heads 3", "-batch 100000", "-steps 15", "-weight-decay x", "-weight-decay 1,1", "-weight-decay -1", "-seeds 3", "-study -seed 2", "-study -out spoilt")
	add("gpt", pictures...)
	add("gpt", "-text none", "-text=", "-text folder.png", "-text binary", "-text book -context 800", "-text book -batch 1000", "-text book -prompt ♜", "-noise bogus", "-noise layer,layer", "-heads 3", "-depth 0",
		"-context 0", "-batch 0", "-steps 0", "-every 0", "-lr -1", "-sigma -1", "-noise none -sigma 1", "-dropout 1", "-held-out 1", "-prompt=")
	slices.SortStableFunc(list, func(a, b wrong) int {
		return slices.Index(allPrograms, a.program) - slices.Index(allPrograms, b.program)
	})
	return list
}

// furnish fills a folder for the programs to run in: a file, a folder with the name of a picture, a folder that is not
// writable, and invalid results. None of it may change.
func furnish(dir string) error {
	for name, content := range map[string]string{
		"file": "kept\n", "binary": "\xff\xfe\x00", "book": strings.Repeat("one two ", 1000), "folder.png/kept": "kept\n", "locked/kept": "kept\n", "spoilt/results.json": "{",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(dir, "spoilt"), 0o777); err != nil { // whoever runs the programs
		return err
	}
	return os.Chmod(filepath.Join(dir, "locked"), 0o555)
}

// contents lists what is below dir, with the contents of files.
func contents(dir string) (string, error) {
	var all strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if !info.Mode().IsRegular() {
			fmt.Fprintln(&all, name)
			return nil
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %d bytes %.20q\n", name, len(data), data)
		return err
	})
	return all.String(), err
}

// drive runs a program, with the proxy as its network, and returns its exit status and the last line of its output.
func drive(ctx context.Context, folder, dir, proxy, program, arguments string) (exit int, last string, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(folder, program), strings.Fields(arguments)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HTTP_PROXY="+proxy, "HTTPS_PROXY="+proxy, "http_proxy="+proxy, "https_proxy="+proxy)
	asNobody(cmd)
	out, err := cmd.CombinedOutput()
	if status := new(exec.ExitError); errors.As(err, &status) {
		exit, err = status.ExitCode(), nil
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	return exit, lines[len(lines)-1], err
}

// TestWrongInputs runs every program with its invalid inputs: it ends soon with a nonzero status, its last line is the error
// and names what is wrong, and nothing on the disk has changed. README.md shows the output.
func TestWrongInputs(t *testing.T) {
	folder := build(t)
	refuses := httptest.NewServer(http.NotFoundHandler())
	defer refuses.Close()
	list := wrongInputs()
	t.Run("drive", func(t *testing.T) {
		for i := range list {
			w := &list[i]
			t.Run(w.program+" "+w.arguments, func(t *testing.T) {
				t.Parallel()
				w.drive(t, folder, refuses.URL)
			})
		}
	})
	if t.Failed() {
		return
	}
	const begin, end = "<!-- wrong inputs -->\n", "<!-- end -->"
	var table bytes.Buffer
	table.WriteString("\n| command | exit status | last line |\n|---|---|---|\n")
	for _, w := range list {
		fmt.Fprintf(&table, "| `%s %s` | %d | `%s` |\n", w.program, w.arguments, w.exit, strings.ReplaceAll(w.line, "|", "\\|"))
	}
	table.WriteString("\n")
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(page), begin)
	old, tail, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("README.md has no place for the table: %q ... %q", begin, end)
	}
	if old == table.String() {
		return
	}
	if !*update {
		t.Errorf("README.md has another table: go test ./examples -run WrongInputs -update\n%s", table.String())
		return
	}
	if err := os.WriteFile("README.md", []byte(head+begin+table.String()+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// drive runs the program with the input, and records the response.
func (w *wrong) drive(t *testing.T, folder, proxy string) {
	dir := t.TempDir()
	if err := furnish(dir); err != nil {
		t.Fatal(err)
	}
	letIn(t, dir)
	before, err := contents(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if w.exit, w.line, err = drive(ctx, folder, dir, proxy, w.program, w.arguments); err != nil {
		t.Fatal(err)
	}
	if after, err := contents(dir); err != nil || after != before {
		t.Errorf("the folder holds\n%sand before\n%s(%v)", after, before, err)
	}
	if w.exit == 0 || w.exit > 2 {
		t.Errorf("exit status %d: %s", w.exit, w.line)
	}
	// What is wrong: a flag, or an unexpected argument.
	names := false
	for _, argument := range strings.Fields(w.arguments) {
		name, _, _ := strings.Cut(argument, "=")
		names = names || strings.Contains(w.line, name) || strings.HasPrefix(name, "-data") && strings.Contains(w.line, "-data: ")
	}
	if !strings.HasPrefix(w.line, w.program+": ") || !names {
		t.Errorf("the last line is %q: want the error, and what is wrong in it", w.line)
	}
}

// nobody is an unprivileged user.
const nobody = 65534

// asNobody makes a command that root starts run as nobody, to whom permissions apply.
func asNobody(cmd *exec.Cmd) {
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

// letIn gives nobody access to a test's folder.
func letIn(t *testing.T, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	for above := dir; above != filepath.Dir(above) && above != filepath.Clean(os.TempDir()); above = filepath.Dir(above) {
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
}
