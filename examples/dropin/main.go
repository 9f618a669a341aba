// Command dropin trains a perceptron, written as Gorgonia users would, without noise, with noise on one layer at a time, and
// with noise on all: train.go shows the lines that change.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
)

// options holds the flags.
type options struct {
	settings
	noise    string // comma-separated
	data     string
	dataset  string
	download bool
	digits   int
	out      string

	kinds []string // the kinds of noise
}

func main() {
	var o options
	flag.StringVar(&o.noise, "noise", "none,layer,all", "kinds of noise, a list of none, layer and all")
	flag.StringVar(&o.data, "data", "", "folder with IDX files; by default digits are drawn, and nothing is read")
	flag.StringVar(&o.dataset, "dataset", "fashion", "what the folder holds: fashion or mnist")
	flag.BoolVar(&o.download, "download", false, "fetch files that are missing in the folder")
	flag.IntVar(&o.digits, "digits", 1000, "number of digits drawn to train with")
	flag.IntVar(&o.epochs, "epochs", 0, "passes over the images (default 100, and 3 with -data)")
	flag.IntVar(&o.batch, "batch", 128, "images a step")
	flag.Float64Var(&o.rate, "lr", 0.05, "learning rate")
	flag.Float64Var(&o.momentum, "momentum", 0.9, "momentum")
	flag.Float64Var(&o.sigma, "sigma", 0.1, "standard deviation of the noise, in units of the weights")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of weights, order of images and noise")
	flag.StringVar(&o.protocol, "protocol", "guarded", "guarded (two lines change) or carried (one line)")
	flag.StringVar(&o.out, "out", "dropin.png", "PNG file for the picture of the curves, with an SVG beside it")
	cli.Main(func(ctx context.Context) error { return run(ctx, o) })
}

// images to train and to test on.
type images struct{ train, test *datasets.Dataset }

func run(ctx context.Context, o options) error {
	if err := o.complete(); err != nil {
		return err
	}
	data, err := o.load(ctx)
	if err != nil {
		return err
	}
	if o.batch > data.train.Len() {
		return cli.Usagef("-batch %d, there are %d images", o.batch, data.train.Len())
	}
	graph.UseBLAS()
	fmt.Printf("%v\n%v\n", data.train, data.test)
	var curves []*curve
	for _, kind := range o.kinds {
		bar := cli.Bar(o.epochs*(data.train.Len()/o.batch), fmt.Sprintf("noise %-6s", kind))
		c, err := train(ctx, kind, o.settings, data, func() { _ = bar.Add(1) })
		_ = bar.Exit() // errors of the progress bar are no reason to stop
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
	if err := drawCurves(o.out, curves, o.settings, data.train.Name()); err != nil {
		return err
	}
	fmt.Println("curves in", o.out)
	return nil
}

// complete fills in defaults that depend on other flags, and rejects contradictions.
func (o *options) complete() error {
	var err error
	if o.kinds, err = cli.List("noise", o.noise, "none", "layer", "all"); err != nil {
		return err
	}
	if o.epochs == 0 && !cli.Given("epochs") {
		o.epochs = 100
		if o.data != "" {
			o.epochs = 3
		}
	}
	for _, name := range []string{"dataset", "download"} {
		if o.data == "" && cli.Given(name) {
			return cli.Usagef("-%s belongs to -data, which is not given: digits are drawn", name)
		}
	}
	switch {
	case o.data != "" && cli.Given("digits"):
		return cli.Usagef("-digits %d, no digits are drawn with -data", o.digits)
	case o.dataset != "fashion" && o.dataset != "mnist":
		return cli.Usagef("-dataset %q, want fashion or mnist", o.dataset)
	case o.protocol != "guarded" && o.protocol != "carried":
		return cli.Usagef("-protocol %q, want guarded or carried", o.protocol)
	case o.epochs < 1:
		return cli.Usagef("-epochs %d, want 1 or more", o.epochs)
	case o.batch < 1:
		return cli.Usagef("-batch %d, want 1 or more", o.batch)
	case o.digits < 1:
		return cli.Usagef("-digits %d, want 1 or more", o.digits)
	case !(o.rate > 0 && o.rate <= math.MaxFloat32):
		return cli.Usagef("-lr %v, want a positive number", o.rate)
	case !(o.momentum >= 0 && o.momentum < 1):
		return cli.Usagef("-momentum %v, want 0 or more, below 1", o.momentum)
	case !(o.sigma >= 0 && o.sigma <= math.MaxFloat32):
		return cli.Usagef("-sigma %v, want 0 or more", o.sigma)
	}
	if err := cli.Belongs("noise, and -noise is none", !slices.Equal(o.kinds, []string{"none"}), "sigma"); err != nil {
		return err
	}
	return cli.CheckPicture("out", o.out)
}

// load reads the images from a folder, or draws digits if there is none.
func (o options) load(ctx context.Context) (data images, err error) {
	if o.data == "" {
		return images{datasets.Digits(o.digits, 1), datasets.Digits(2000, 2)}, nil
	}
	read := datasets.FashionMNIST
	if o.dataset == "mnist" {
		read = datasets.MNIST
	}
	var download []datasets.Option
	if o.download {
		download = append(download, datasets.WithDownload(ctx, datasets.Download{Progress: os.Stderr}))
	}
	if data.train, err = read(o.data, datasets.Train, download...); err != nil {
		return data, cli.Data(err)
	}
	data.test, err = read(o.data, datasets.Test, download...)
	return data, cli.Data(err)
}
