package main

import (
	"bytes"
	"math"
	"os"
	"testing"
)

// TestTable: README.md has the table that the program prints.
func TestTable(t *testing.T) {
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	tables(&table)
	if !bytes.Contains(page, table.Bytes()) {
		t.Errorf("README.md does not have this table:\n%s", &table)
	}
}

// The formulas are those of the simulation of every message. The ring's and the tree's are exact; the one of the pairs leaves out
// what blocks wait for each other within a window.
func TestSimulation(t *testing.T) {
	for _, test := range []struct {
		algorithm
		tolerance float64
	}{{ring, 1e-9}, {tree, 1e-9}, {pairwise, 0.06}} {
		for _, l := range []link{ethernet10, ethernet100} {
			for _, nodes := range []int{2, 4, 8, 16, 64} {
				for _, bytes := range []float64{3.6e6, resnet18.bytes} {
					closed, simulated := test.closed(l, nodes, bytes), test.simulate(l, nodes, bytes)
					if math.Abs(closed/simulated-1) > test.tolerance {
						t.Errorf("%s, %s, %d nodes, %.3g bytes: %.4g s by the formula, %.4g s simulated",
							test.name, l.name, nodes, bytes, closed, simulated)
					}
				}
			}
		}
	}
}

// No exchange is faster than the bytes that have to leave each node.
func TestBound(t *testing.T) {
	for _, a := range []algorithm{ring, tree, pairwise} {
		for nodes := 2; nodes <= 256; nodes *= 2 {
			r := float64(nodes)
			bound := 2 * (r - 1) / r * resnet18.bytes / ethernet10.bandwidth
			if s := a.exchange(ethernet10, nodes, resnet18.bytes); s < bound {
				t.Errorf("%s, %d nodes: %.4g s, less than the bound %.4g s", a.name, nodes, s, bound)
			}
		}
	}
}

// Overlap takes no longer than the exchange after the pass but for the slowdown, and hides no more than the pass.
func TestOverlap(t *testing.T) {
	for _, n := range []network{resnet18, mlp2} {
		for nodes := 1; nodes <= 256; nodes *= 2 {
			after, during := n.step(pairwise, ethernet10, nodes), n.overlapped(pairwise, ethernet10, nodes, 0)
			if during > after+1e-12 || during < math.Max(n.pass+n.rest, after-n.pass)-1e-12 {
				t.Errorf("%s, %d nodes: %.4g s overlapped, %.4g s after the pass of %.4g s", n.name, nodes, during, after, n.pass)
			}
		}
	}
}
