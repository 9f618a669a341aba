package layernoise_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/layernoise/layernoise/"

// dependencies lists the packages that others depend on, a line each.
func dependencies(t *testing.T, packages ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-deps"}, packages...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Fields(string(out))
}

// TestDependencies holds the packages to one direction: what is internal uses nothing above it, optim, graph and datasets do
// not use each other, and MPI stays in its package.
func TestDependencies(t *testing.T) {
	for _, test := range []struct {
		packages string
		without  []string
	}{
		{"./internal/...", []string{"optim", "graph", "layers", "datasets"}},
		{"./optim", []string{"graph", "layers", "datasets", "optim/distributed"}},
		{"./graph", []string{"optim", "layers", "datasets"}},
		{"./datasets", []string{"optim", "graph", "layers"}},
		{"./layers", []string{"optim", "datasets", "optim/distributed"}},
	} {
		all := dependencies(t, test.packages)
		for _, p := range test.without {
			if slices.Contains(all, module+p) {
				t.Errorf("%s uses %s", test.packages, p)
			}
		}
	}
}

// TestNoDynamicLinking holds the packages to what static programs can import: only graph/nativeblas and optim/distributed
// open libraries at run time.
func TestNoDynamicLinking(t *testing.T) {
	const opener = "github.com/ebitengine/purego"
	for _, p := range []string{"./graph/nativeblas", "./optim/distributed"} {
		if !slices.Contains(dependencies(t, p), opener) {
			t.Fatalf("%s does not import %s: this test looks for the wrong package", p, opener)
		}
	}
	for _, p := range []string{"./optim", "./layers", "./datasets", "./graph"} {
		if slices.Contains(dependencies(t, p), opener) {
			t.Errorf("%s imports %s", p, opener)
		}
	}
}

// TestStaticBinary builds a small training program without cgo, and wants a binary that starts without a dynamic linker or a
// library.
func TestStaticBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program: not in -short")
	}
	if runtime.GOOS != "linux" {
		t.Skip("reads ELF files")
	}
	dir, err := os.MkdirTemp(".", "testdata-static-") // inside of the module, so that imports resolve
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	const program = `package main

import (
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
)

func main() {
	_, err := optim.NewPerturbedSolver(G.NewAdamSolver(G.WithLearnRate(1e-3)), 0.05)
	println(G.NewGraph() != nil, err == nil)
}
`
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", "build", "-o", binary, "./"+dir)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program has an interpreter")
		}
	}
	if libraries, err := f.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("the program needs %v", libraries)
	}
	if out, err := exec.Command(binary).CombinedOutput(); err != nil || string(out) != "true true\n" {
		t.Errorf("the program prints %q, %v", out, err)
	}
}
