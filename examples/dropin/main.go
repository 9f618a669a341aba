// Command dropin trains a perceptron, written as Gorgonia users write one, without noise, with noise on one layer at a
// time, and with noise on all: see train.go for the lines that change.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// images to train and to test with.
type images struct{ train, test *datasets.Dataset }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dropin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("dropin", flag.ExitOnError)
	var s settings
	noises := flags.String("noise", "none,layer,all", "kinds of noise, a list of none, layer and all")
	dir := flags.String("data", "", "folder with IDX files; by default digits are drawn, and nothing is read")
	name := flags.String("dataset", "fashion", "what the folder holds: fashion or mnist")
	digits := flags.Int("digits", 1000, "number of digits drawn to train with")
	flags.IntVar(&s.epochs, "epochs", 0, "passes over the images (default 40, and 3 with -data)")
	flags.IntVar(&s.batch, "batch", 64, "images a step")
	flags.Float64Var(&s.rate, "lr", 0.02, "learning rate")
	flags.Float64Var(&s.momentum, "momentum", 0.9, "momentum")
	flags.Float64Var(&s.sigma, "sigma", 0.05, "standard deviation of the noise, in units of the weights")
	flags.Uint64Var(&s.seed, "seed", 1, "seed of weights, order of images and noise")
	flags.StringVar(&s.protocol, "protocol", "guarded", "guarded (two lines change) or carried (one line)")
	out := flags.String("out", "dropin.png", "file for the picture of the curves")
	flags.Parse(args) // ends the program on an error
	if flags.NArg() > 0 {
		return errors.Errorf("unknown argument %q", flags.Arg(0))
	}
	kinds := strings.Split(*noises, ",")
	for _, kind := range kinds {
		if !slices.Contains([]string{"none", "layer", "all"}, kind) {
			return errors.Errorf("-noise %q: want a list of none, layer and all", kind)
		}
	}
	if !(s.rate > 0 && s.rate < math.MaxFloat32) || !(s.sigma >= 0 && s.sigma < math.MaxFloat32) || !(s.momentum >= 0 && s.momentum < 1) {
		return errors.Errorf("-lr %v -sigma %v -momentum %v: want a positive rate, a sigma of 0 or more, and a momentum from 0 to below 1", s.rate, s.sigma, s.momentum)
	}
	if _, err := os.Stat(filepath.Dir(*out)); err != nil {
		return errors.Wrap(err, "-out")
	}
	if s.protocol != "guarded" && s.protocol != "carried" {
		return errors.Errorf("-protocol %q: want guarded or carried", s.protocol)
	}
	if s.epochs == 0 {
		s.epochs = 40
		if *dir != "" {
			s.epochs = 3
		}
	}
	data, err := load(*dir, *name, *digits)
	if err != nil {
		return err
	}
	if s.epochs < 1 || s.batch < 1 || s.batch > data.train.Len() {
		return errors.Errorf("%d epochs of batches of %d: want at least one, and batches of 1 to %d images", s.epochs, s.batch, data.train.Len())
	}

	if blas, err := graph.UseNativeBLAS(); err != nil {
		fmt.Println("matrix products by gonum:", err)
	} else {
		fmt.Println("matrix products by", blas)
	}
	fmt.Println(data.train)
	fmt.Println(data.test)
	var curves []*curve
	for _, kind := range kinds {
		c, err := train(ctx, kind, s, data, progress(kind, s.epochs*(data.train.Len()/s.batch)))
		if err != nil {
			return errors.Wrapf(err, "noise %s", kind)
		}
		last := len(c.testAcc) - 1
		fmt.Printf("result noise=%s test_acc=%.4f test_loss=%.4f ms_per_step=%.2f\n",
			kind, c.testAcc[last], c.testLoss[last], float64(c.perStep.Microseconds())/1000)
		if c.diverged {
			fmt.Printf("noise %s: the loss was not finite in epoch %d, and training ended: try a smaller -sigma or -lr\n", kind, last+1)
		}
		curves = append(curves, c)
	}
	if err := drawCurves(*out, curves, s, data.train.Name()); err != nil {
		return err
	}
	fmt.Println("curves in", *out)
	return nil
}

func load(dir, name string, digits int) (images, error) {
	var data images
	if dir == "" {
		if digits < 1 {
			return data, errors.Errorf("-digits %d: want 1 or more", digits)
		}
		return images{datasets.Digits(digits, 1), datasets.Digits(5000, 2)}, nil
	}
	read, known := map[string]func(string, datasets.Split, ...datasets.Option) (*datasets.Dataset, error){
		"fashion": datasets.FashionMNIST, "mnist": datasets.MNIST}[name]
	if !known {
		return data, errors.Errorf("-dataset %q: want fashion or mnist", name)
	}
	var err error
	if data.train, err = read(dir, datasets.Train); err != nil {
		return data, err
	}
	data.test, err = read(dir, datasets.Test)
	return data, err
}

// progress returns what to call after every step: it moves a bar on a terminal, and does nothing elsewhere.
func progress(noise string, steps int) func() {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return func() {}
	}
	bar := progressbar.NewOptions(steps, progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetDescription(fmt.Sprintf("noise %-6s", noise)),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	return func() { _ = bar.Add(1) } // a bar that cannot be drawn is no reason to stop
}
