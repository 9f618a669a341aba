package layernoise_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// must is how the examples treat errors.
func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// meanSquare is a graph whose cost is the mean square of x*w + b.
func meanSquare() (g *G.ExprGraph, cost *G.Node, learnables G.Nodes) {
	g = G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(4, 3), G.WithInit(G.RangedFrom(1)))
	w := G.NewMatrix(g, tensor.Float64, G.WithName("w"), G.WithShape(3, 2), G.WithInit(G.Ones()))
	b := G.NewVector(g, tensor.Float64, G.WithName("b"), G.WithShape(2), G.WithInit(G.Ones()))
	y := G.Must(G.BroadcastAdd(G.Must(G.Mul(x, w)), b, nil, []byte{0}))
	cost = G.Must(G.Mean(G.Must(G.Square(y))))
	learnables = G.Nodes{w, b}
	_, err := G.Grad(cost, learnables...)
	must(err)
	return g, cost, learnables
}

// The two lines that change.
func Example() {
	g, _, learnables := meanSquare()
	const steps = 4
	solver, err := optim.NewPerturbedSolver(G.NewAdamSolver(G.WithLearnRate(1e-3)), 0.05)
	must(err)
	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(learnables...)), learnables...)
	must(err)
	for range steps {
		err = vm.RunAll()
		must(err)
		fmt.Println(solver.Last().Step, solver.Last().Layers)
		err = solver.Step(G.NodesToValueGrads(learnables))
		must(err)
		vm.Reset()
	}
	// Output:
	// 0 [w]
	// 1 [b]
	// 2 [w]
	// 3 [b]
}

// From images to a result.
func Example_classifier() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	must(err)
	defer os.RemoveAll(dir)
	back, err := os.Getwd()
	must(err)
	must(os.Chdir(dir))
	defer os.Chdir(back)

	train, err := datasets.Digits(1000, 1).Loader(datasets.LoaderConfig{Batch: 50, Shuffle: true, Seed: 1})
	must(err)
	test, err := datasets.Digits(1000, 2).Loader(datasets.LoaderConfig{Batch: 50})
	must(err)
	net := layers.NewMLP(layers.Init{Seed: 1}, 784, 100, 10)
	model, err := layers.NewClassifier(net, 50, 784)
	must(err)
	sgd, err := optim.NewSGD(0.05, optim.WithMomentum(0.9), optim.WithWeightDecay(5e-4))
	must(err)
	solver, err := optim.NewPerturbedSolver(sgd, 0.02)
	must(err)
	history, err := model.Fit(ctx, train, solver, layers.FitConfig{Epochs: 10})
	must(err)
	metrics, err := model.Evaluate(ctx, test)
	must(err)
	err = layers.Save("digits.npz", net)
	must(err)

	fmt.Println(len(history.Losses), "steps,", metrics.Images, "images, more than 80% right:", metrics.Accuracy > 0.8)
	// Output: 200 steps, 1000 images, more than 80% right: true
}

// All the options of a PerturbedSolver.
func Example_options() {
	g, cost, learnables := meanSquare()
	layers, err := graph.Layers(cost, learnables...)
	must(err)
	base := G.NewVanillaSolver()
	solver, err := optim.NewPerturbedSolver(base, 0.05,
		optim.WithSeed(7),
		optim.WithGrouping(optim.ByLayer(layers...)), // a weight with its bias; graph.Layers finds them
		optim.WithSelection(optim.Uniform()),         // Cyclic, Uniform, Shuffled, All, or your own
		optim.WithNoise(optim.Rademacher()),          // Gaussian, Rademacher, UniformNoise, or your own
		optim.WithSchedule(optim.Cosine(10_000)),     // sigma over the steps
		optim.WithScaling(optim.RelativeRMS()),       // sigma over the tensors
		optim.WithSamples(2), optim.WithAntithetic()) // several draws a step
	must(err)
	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(learnables...)), learnables...)
	must(err)
	must(vm.RunAll())
	fmt.Println(solver.Last().Layers)
	// Output: [w+b]
}

// TestReadme finds each line of the README's Go code in the examples above, in the same order.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for i, block := range strings.Split(string(readme), "```") {
		language, code, _ := strings.Cut(block, "\n")
		if i%2 == 0 || language != "go" && language != "diff" {
			continue
		}
		blocks++
		if strings.HasPrefix(code, "package ") { // a whole program, which the tests of examples build
			continue
		}
		rest := strings.Split(string(source), "\n")
		for line := range strings.Lines(code) {
			line = strings.TrimRight(line, "\n")
			if language == "diff" {
				if strings.HasPrefix(line, "-") {
					continue
				}
				line = line[min(1, len(line)):]
			}
			line = strings.TrimSpace(line)
			if line == "" || line == "}" || line == "g := G.NewGraph()" || strings.HasPrefix(line, "//") {
				continue
			}
			for len(rest) > 0 && strings.TrimSpace(rest[0]) != line {
				rest = rest[1:]
			}
			if len(rest) == 0 {
				t.Errorf("in no example, or in another order: %s", line)
				break
			}
		}
	}
	if blocks != 3 {
		t.Errorf("%d blocks of code, want 3", blocks)
	}
}

// TestReadmeLinks opens every file that a README names in a link.
func TestReadmeLinks(t *testing.T) {
	readmes, err := filepath.Glob("*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("*/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, file := range append(append(readmes, more...), "README.md") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder // without the blocks of code
		for i, part := range strings.Split(string(content), "```") {
			if i%2 == 0 {
				text.WriteString(part)
			}
		}
		for _, part := range strings.Split(text.String(), "](")[1:] {
			target, _, _ := strings.Cut(part, ")")
			target, _, _ = strings.Cut(target, "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), target)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if links == 0 {
		t.Error("no links")
	}
}
