// Scale computes how the training of a network scales to many nodes, from what was measured on one and on two, and prints the
// tables of README.md in the folder above:
//
//	go run ./optim/distributed/scale
//
// A step is the pass, the exchange of the gradients, and the rest. The time of an exchange is a formula; -simulate
// takes that of a simulation of every message instead.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// What is measured and what is assumed; README.md says where it is from.
var (
	resnet18 = network{
		name: "ResNet-18", bytes: 4 * 11_173_962, pass: 4 * 0.244 / cores, rest: 0.006,
		early: []share{{0.4, 0.42}, {0.55, 0.75}, {0.63, 0.91}, {0.74, 0.97}, {1, 1}},
	}
	mlp2 = network{
		name: "MLP2", bytes: 4 * 53_985_010, pass: 0.22 / cores, rest: 0.03,
		early: []share{{0.66, 0.46}, {0.97, 0.93}, {1, 1}},
	}
	ethernet10  = link{name: "10 GbE", bandwidth: 1.18e9, latency: 30e-6, message: 4e-6}
	ethernet100 = link{name: "100 GbE", bandwidth: 11.8e9, latency: 5e-6, message: 1e-6}
)

const (
	cores    = 12   // a node is as fast as so many of the cores that were measured
	slowdown = 0.05 // of the exchange's time, which it takes from a pass that it overlaps
)

func main() {
	simulated := flag.Bool("simulate", false, "simulate every message")
	flag.Parse()
	if *simulated {
		for _, a := range []*algorithm{&ring, &tree, &pairwise} {
			a.closed = a.simulate
		}
	}
	tables(os.Stdout)
}

// tables writes the table of all networks and links.
func tables(w io.Writer) {
	nodes := []int{2, 4, 8, 16, 32, 64, 128, 256}
	fmt.Fprint(w, "| network, link | a step |")
	for _, n := range nodes {
		fmt.Fprintf(w, " %d |", n)
	}
	fmt.Fprintf(w, "\n|---|---|%s\n", strings.Repeat("---|", len(nodes)))
	for _, net := range []network{resnet18, mlp2} {
		for _, l := range []link{ethernet10, ethernet100} {
			half := net
			half.bytes /= 2
			for _, row := range []struct {
				name string
				step func(nodes int) float64
			}{
				{"tree", func(n int) float64 { return net.step(tree, l, n) }},
				{"ring", func(n int) float64 { return net.step(ring, l, n) }},
				{"pairs, as here", func(n int) float64 { return net.step(pairwise, l, n) }},
				{"pairs, overlapped", func(n int) float64 { return net.overlapped(pairwise, l, n, slowdown) }},
				{"ring, overlapped, bf16", func(n int) float64 { return half.overlapped(ring, l, n, slowdown) }},
			} {
				fmt.Fprintf(w, "| %s, %s | %s |", net.name, l.name, row.name)
				for _, n := range nodes {
					fmt.Fprintf(w, " %.2f |", net.efficiency(row.step(n)))
				}
				fmt.Fprintln(w)
			}
		}
	}
}
