package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/cli"
)

// choice is what a run is trained with: the object of a comparison.
type choice struct {
	Kind      string  `json:"method"`   // a key of kinds
	Strength  float64 `json:"strength"` // sigma, weight decay, probability, rho or share of the epochs: see kinds
	LearnRate float64 `json:"lr"`
}

// kind is a way to regularise.
type kind struct {
	strength string    // name of its strength
	usual    []float64 // the strengths of a sweep, if none are given
	chosen   float64   // default strength without a sweep, as chosen by a sweep over drawn digits; 0 for none
}

var kinds = map[string]kind{
	"none":     {},
	"layer":    {"sigma", []float64{0.0125, 0.025, 0.05, 0.1, 0.2}, 0.05},
	"all":      {"sigma", []float64{0.0125, 0.025, 0.05, 0.1, 0.2}, 0.1},
	"stop":     {"share of epochs", []float64{0.1, 0.2, 0.3, 0.5, 0.7}, 0},
	"decay":    {"weight decay", []float64{0.0003, 0.001, 0.003, 0.01, 0.03}, 0},
	"dropout":  {"probability", []float64{0.1, 0.2, 0.3, 0.5, 0.7}, 0},
	"sam":      {"rho", []float64{0.02, 0.05, 0.1, 0.2, 0.5}, 0},
	"sam-half": {"rho", []float64{0.02, 0.05, 0.1, 0.2, 0.5}, 0},
}

// kindNames lists the kinds in the order of tables and pictures.
var kindNames = []string{"none", "layer", "all", "stop", "decay", "dropout", "sam", "sam-half"}

func (c choice) String() string {
	if c.Kind == "none" {
		return c.Kind
	}
	return fmt.Sprintf("%s, %s %v", c.Kind, kinds[c.Kind].strength, c.Strength)
}

// choices makes the choices asked for by -noise, -sigma and -lr: every kind with every strength (none has no strength), at
// every learning rate.
func (s *settings) choices() ([]choice, error) {
	rates, err := numbers("lr", s.rate, ",")
	if err != nil {
		return nil, err
	}
	var list []choice
	taken := false // whether -sigma is used, by a kind of noise without its own strengths
	for _, text := range strings.Split(s.noise, ",") {
		name, own, _ := strings.Cut(text, ":")
		taken = taken || own == "" && kinds[name].strength == "sigma"
		strengths, err := s.strengths(name, own)
		if err != nil {
			return nil, err
		}
		for _, rate := range rates {
			for _, strength := range strengths {
				c := choice{name, strength, rate}
				if slices.Contains(list, c) {
					return nil, cli.Usagef("-noise %q -sigma %q -lr %q: %v occurs twice", s.noise, s.sigma, s.rate, c)
				}
				list = append(list, c)
			}
		}
	}
	if cli.Given("sigma") && !taken {
		return nil, cli.Usagef("-sigma %s is for layer and all without strengths of their own, and -noise is %s", s.sigma, s.noise)
	}
	return list, nil
}

// strengths returns the strengths of a kind; own are those listed after its name, if any.
func (s *settings) strengths(name, own string) ([]float64, error) {
	k, known := kinds[name]
	noise := name == "layer" || name == "all"
	var list []float64
	var err error
	switch {
	case !known:
		return nil, cli.Usagef("-noise %q: %q, want some of %s", s.noise, name, strings.Join(kindNames, ", "))
	case name == "none" && own == "":
		return []float64{0}, nil
	case name == "none":
		return nil, cli.Usagef("-noise %q: none has no strength", s.noise)
	case own != "":
		list, err = numbers("noise", own, "/")
	case noise && s.sigma != "":
		list, err = numbers("sigma", s.sigma, ",")
	case s.sweep:
		list = k.usual
	case k.chosen > 0:
		list = []float64{k.chosen}
	default:
		return nil, cli.Usagef("-noise %q: which %s has %s? Say %s:%v", s.noise, k.strength, name, name, k.usual[0])
	}
	for _, x := range list {
		switch {
		case name == "stop" && !(x > 0 && x < 1):
			return nil, cli.Usagef("-noise stop:%v, want a share of the epochs above 0 and below 1", x)
		case name == "dropout" && !(x < 1):
			return nil, cli.Usagef("-noise dropout:%v, want a probability below 1", x)
		case strings.HasPrefix(name, "sam") && x == 0:
			return nil, cli.Usagef("-noise %s:%v, want a rho above 0", name, x)
		case x > math.MaxFloat32:
			return nil, cli.Usagef("-noise %s:%v is too large", name, x)
		}
	}
	if err == nil && name == "dropout" {
		if net, _ := findNetwork(s.Net); net.hidden == nil {
			err = cli.Usagef("-noise dropout is for the perceptrons, not for -net %s", s.Net)
		}
	}
	return list, err
}

// epochs returns the number of epochs of a run.
func (s *settings) epochs(c choice) int {
	switch c.Kind {
	case "sam-half":
		return max(1, s.Epochs/2)
	case "stop":
		return max(1, int(math.Round(c.Strength*float64(s.Epochs))))
	}
	return s.Epochs
}
