package layernoise_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestNoDynamicLinking holds the packages to what static programs can import: only
// graph/nativeblas opens libraries at run time.
func TestNoDynamicLinking(t *testing.T) {
	const opener = "github.com/ebitengine/purego"
	dependencies := func(packages ...string) string {
		out, err := exec.Command("go", append([]string{"list", "-deps"}, packages...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if !strings.Contains(dependencies("./graph/nativeblas"), opener) {
		t.Fatalf("graph/nativeblas does not import %s: this test looks for the wrong package", opener)
	}
	for _, p := range []string{"./optim", "./layers", "./datasets", "./graph"} {
		if strings.Contains(dependencies(p), opener) {
			t.Errorf("%s imports %s", p, opener)
		}
	}
}

// TestStaticBinary builds a small training program without cgo, and wants a binary
// that starts without a dynamic linker or a library.
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
