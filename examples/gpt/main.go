// Gpt trains a small transformer to predict the characters of a text, with and without noise in its weights, and lets it
// continue the text.
//
// Without flags the text is a file of Go's standard library, and each kind of noise takes about half a minute.
package main

import (
	"context"
	"flag"
	"fmt"
	"go/build"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/layers"
)

// settings are the flags.
type settings struct {
	text    string
	bytes   bool
	heldOut float64

	width, heads, depth, context int
	batch, steps, every          int
	rate, decay, dropout, clip   float64

	noise string
	sigma float64
	seed  uint64

	prompt      string
	length      int
	temperature float64
	topK        int
	out         string
}

func main() {
	var s settings
	flag.StringVar(&s.text, "text", "", "`file` to learn, UTF-8; by default net/http/server.go of the Go installation")
	flag.BoolVar(&s.bytes, "bytes", false, "take the file byte by byte, whatever it is")
	flag.Float64Var(&s.heldOut, "held-out", 0.1, "share of the text, its end, to validate with")
	flag.IntVar(&s.width, "width", 64, "numbers of a position")
	flag.IntVar(&s.heads, "heads", 4, "heads of an attention; divides the width")
	flag.IntVar(&s.depth, "depth", 2, "blocks of the transformer")
	flag.IntVar(&s.context, "context", 64, "tokens that it looks back")
	flag.IntVar(&s.batch, "batch", 16, "sequences in a step")
	flag.IntVar(&s.steps, "steps", 1500, "steps of a training")
	flag.IntVar(&s.every, "every", 100, "steps between evaluations")
	flag.Float64Var(&s.rate, "lr", 0.003, "learning rate of AdamW, after a tenth of the steps; it falls to 0 along a cosine")
	flag.Float64Var(&s.decay, "weight-decay", 0.1, "weight decay of AdamW, of matrices alone")
	flag.Float64Var(&s.dropout, "dropout", 0, "probability of the dropouts")
	flag.Float64Var(&s.clip, "clip", 1, "largest norm of the gradient; 0 for no bound")
	flag.StringVar(&s.noise, "noise", "none,layer,all", "`list` of kinds of noise: none, layer (one layer a step, in turn), all (with sigma/sqrt(layers))")
	flag.Float64Var(&s.sigma, "sigma", 0.02, "standard deviation of the noise, in the units of the weights")
	flag.Uint64Var(&s.seed, "seed", 1, "seed of initial weights, order, noise and samples")
	flag.StringVar(&s.prompt, "prompt", "// ", "what a sample begins with")
	flag.IntVar(&s.length, "sample", 300, "tokens of a sample")
	flag.Float64Var(&s.temperature, "temperature", 0.8, "temperature of a sample")
	flag.IntVar(&s.topK, "top-k", 20, "likeliest tokens that a sample chooses from; 0 for all")
	flag.StringVar(&s.out, "out", "gpt.png", "the picture, a PNG `file`")
	cli.Main(func(ctx context.Context) error { return run(ctx, s) })
}

// check returns the kinds of noise.
func (s settings) check() ([]string, error) {
	kinds, err := cli.List("noise", s.noise, "none", "layer", "all")
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name         string
		value, least int
	}{{"depth", s.depth, 1}, {"context", s.context, 1}, {"batch", s.batch, 1}, {"steps", s.steps, 1}, {"every", s.every, 1}, {"sample", s.length, 0}, {"top-k", s.topK, 0}} {
		if f.value < f.least {
			return nil, cli.Usagef("-%s %d, want %d or more", f.name, f.value, f.least)
		}
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"lr", s.rate}, {"weight-decay", s.decay}, {"clip", s.clip}, {"sigma", s.sigma}, {"temperature", s.temperature}} {
		if !(f.value >= 0) || math.IsInf(f.value, 1) {
			return nil, cli.Usagef("-%s %v, want 0 or more", f.name, f.value)
		}
	}
	switch {
	case s.heads < 1 || s.width < 1 || s.width%s.heads != 0:
		return nil, cli.Usagef("-width %d -heads %d, want a width that the heads divide", s.width, s.heads)
	case !(s.dropout >= 0 && s.dropout < 1):
		return nil, cli.Usagef("-dropout %v, want 0 to below 1", s.dropout)
	case !(s.heldOut > 0 && s.heldOut < 1):
		return nil, cli.Usagef("-held-out %v, want more than 0, less than 1", s.heldOut)
	}
	if err := cli.Belongs("noise, and -noise is none", !slices.Equal(kinds, []string{"none"}), "sigma"); err != nil {
		return nil, err
	}
	return kinds, cli.CheckPicture("out", s.out)
}

// open reads the text.
func (s settings) open() (*datasets.Text, error) {
	file := s.text
	if file == "" {
		file = filepath.Join(build.Default.GOROOT, "src", "net", "http", "server.go")
		if _, err := os.Stat(file); err != nil {
			return nil, cli.Usagef("there is no %s to learn: name a text by -text", file)
		}
	}
	read := datasets.OpenCharacters
	if s.bytes {
		read = datasets.OpenBytes
	}
	text, err := read(file)
	if err != nil {
		return nil, cli.Usagef("-text: %v", err)
	}
	learn := s.learnt(text)
	if rest := text.Len() - learn; min(learn, rest) <= s.context {
		return nil, cli.Usagef("-context %d, and there are %d tokens to train on and, by -held-out, %d to validate with", s.context, learn, rest)
	}
	if sequences := (learn - 1) / s.context; s.batch > sequences {
		return nil, cli.Usagef("-batch %d, and there are %d sequences to train on", s.batch, sequences)
	}
	return text, nil
}

// learnt returns how many tokens of the text are for training.
func (s settings) learnt(text *datasets.Text) int { return int(float64(text.Len()) * (1 - s.heldOut)) }

func run(ctx context.Context, s settings) error {
	kinds, err := s.check()
	if err != nil {
		return err
	}
	text, err := s.open()
	if err != nil {
		return err
	}
	prompt, err := text.Vocabulary().Encode(s.prompt)
	if err != nil {
		return cli.Usagef("-prompt %q: %v", s.prompt, err)
	}
	fmt.Println(text)
	panel := figure.Panel{
		Title: fmt.Sprintf("Loss on the held-out end of the text\nsigma %v", s.sigma),
		X:     "steps", Y: s.unit(),
	}
	for _, kind := range kinds {
		r, err := train(ctx, s, kind, text)
		if err != nil {
			return err
		}
		if len(r.steps) > 0 {
			panel.Curves = append(panel.Curves, r.curve(kind))
		}
		if r.diverged != "" {
			fmt.Printf("\n== %s: %s: try a smaller -sigma or -lr\n", kind, r.diverged)
			continue
		}
		m := r.last()
		fmt.Printf("\n== %s: after %d steps, training loss %.3f; held out %.3f, perplexity %.2f, %.3f %s\n", kind, s.steps, r.loss, m.Loss, m.Perplexity(), m.BitsPerToken(), s.unit())
		ids, err := r.model.Sample(ctx, prompt, s.length, layers.SampleConfig{Temperature: s.temperature, TopK: s.topK, Seed: s.seed})
		if err != nil {
			return err
		}
		sample, err := text.Vocabulary().Decode(ids)
		if err != nil {
			return err
		}
		if sample = s.prompt + sample; s.bytes {
			sample = strconv.Quote(sample) // a terminal might interpret some bytes as commands
		}
		fmt.Println(sample)
	}
	if len(panel.Curves) == 0 {
		fmt.Println("\nno picture: no training came to its first evaluation")
		return nil
	}
	if err := figure.Save(s.out, panel); err != nil {
		return err
	}
	fmt.Println("\npicture:", s.out)
	return nil
}

// unit is the unit of the loss.
func (s settings) unit() string {
	if s.bytes {
		return "bits per byte"
	}
	return "bits per character"
}
