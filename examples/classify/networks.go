package main

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/layers"
)

// network is a network that -net can select.
type network struct {
	hidden  []int                                                  // widths of a perceptron, which takes flattened images of any size
	make    func(layers.Init) *layers.Sequential                   // for colour images of 32x32 and ten classes
	makeFor func(classes int, init layers.Init) *layers.Sequential // for colour images of 32x32
}

var networks = map[string]network{
	"mlp1":      {hidden: []int{500, 500, 500}},
	"mlp2":      {hidden: []int{5000, 5000, 5000}},
	"mlp3":      {hidden: []int{1000, 1000, 1000, 1000, 1000}},
	"cnn1":      {make: layers.NewCNN1},
	"cnn2":      {make: layers.NewCNN2},
	"cnn3":      {make: layers.NewCNN3},
	"cnn3-relu": {make: newCNN3ReLU},
	"resnet18":  {makeFor: layers.NewResNet18},
	"resnet34":  {makeFor: layers.NewResNet34},
	"vgg11":     {makeFor: layers.NewVGG11},
}

// newCNN3ReLU makes CNN3 as in the authors' program, with a ReLU on its logits.
func newCNN3ReLU(init layers.Init) *layers.Sequential {
	return layers.NewSequential(layers.NewCNN3(init), layers.NewReLU())
}

// widths matches the names of perceptrons with given widths of their hidden layers.
var widths = regexp.MustCompile(`^mlp(-[1-9][0-9]{0,4})+$`)

// findNetwork returns the network of the given name.
func findNetwork(name string) (network, error) {
	if net, known := networks[name]; known {
		return net, nil
	}
	if !widths.MatchString(name) {
		return network{}, cli.Usagef("-net %q, want one of %s, or widths such as mlp-256-256", name, names(networks))
	}
	var net network
	for _, text := range strings.Split(name, "-")[1:] {
		width, err := strconv.Atoi(text)
		if err != nil {
			return network{}, cli.Usagef("-net %q: %v", name, err)
		}
		net.hidden = append(net.hidden, width)
	}
	return net, nil
}

// takes reports whether the network fits the images.
func (n network) takes(images source) bool {
	return n.hidden != nil || images.shape == (datasets.Shape{Channels: 3, Height: 32, Width: 32}) && (n.makeFor != nil || images.classes == 10)
}

// shape returns the shape of an image as the network's input.
func (n network) shape(s datasets.Shape) []int {
	if n.hidden != nil {
		return []int{s.Size()}
	}
	return []int{s.Channels, s.Height, s.Width}
}

// build makes the network of a run, with a dropout of the given probability after each ReLU of a perceptron.
func (n network) build(images *datasets.Dataset, seed uint64, dropout float64) *layers.Sequential {
	init := layers.Init{Seed: seed}
	switch {
	case n.makeFor != nil:
		return n.makeFor(len(images.Classes()), init)
	case n.make != nil:
		return n.make(init)
	}
	sizes := append([]int{images.Shape().Size()}, n.hidden...)
	sizes = append(sizes, len(images.Classes()))
	if dropout == 0 {
		return layers.NewMLP(init, sizes...)
	}
	var net []layers.Layer // like layers.NewMLP, with the same initial weights
	for i := 1; i < len(sizes); i++ {
		if i > 1 {
			net = append(net, layers.NewReLU(), layers.NewDropout(dropout, seed))
		}
		net = append(net, layers.NewDense("fc"+strconv.Itoa(i), sizes[i-1], sizes[i], init))
	}
	return layers.NewSequential(net...)
}
