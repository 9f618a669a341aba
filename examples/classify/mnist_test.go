package main

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/internal/testfile"
)

// writeMNIST writes drawn digits into the four files of MNIST, as they are published, and returns their folder.
func writeMNIST(t *testing.T, train, test *datasets.Dataset) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte, dims ...int) {
		var b bytes.Buffer
		if err := datasets.WriteIDX(&b, &datasets.IDX{Dims: dims, Data: data}); err != nil {
			t.Fatal(err)
		}
		testfile.Write(t, filepath.Join(dir, name), testfile.Gzip(t, b.Bytes()))
	}
	for prefix, d := range map[string]*datasets.Dataset{"train": train, "t10k": test} {
		var pixels, labels []byte
		for i, label := range d.Labels() {
			pixels, labels = append(pixels, d.Pixels(i)...), append(labels, byte(label))
		}
		write(prefix+"-images-idx3-ubyte.gz", pixels, d.Len(), 28, 28)
		write(prefix+"-labels-idx1-ubyte.gz", labels, d.Len())
	}
	return dir
}

// The page's comparison on MNIST reads the published files, trains on those for it and measures on the others; so does a sweep.
func TestMNIST(t *testing.T) {
	train, test := datasets.Digits(80, 1), datasets.Digits(30, 2)
	data := writeMNIST(t, train, test)
	for _, sweep := range []bool{false, true} {
		s := tiny(t.TempDir())
		s.Dataset, s.data, s.sigma, s.sweep = "mnist", data, "0.05,0.1", sweep
		x, choices, out := reported(t, s)
		if len(choices) != 5 {
			t.Fatalf("choices %v, want none and two sigmas of two kinds", choices)
		}
		rows := 5
		if sweep {
			rows = 3 // the best of each kind
		}
		if n := strings.Count(out, "\nresult noise="); n != rows {
			t.Errorf("sweep %v: %d result lines, want %d:\n%s", sweep, n, rows, out)
		}
		for _, set := range []struct{ got, want *datasets.Dataset }{{x.images.train, train}, {x.images.test, test}} {
			same := set.got.Len() == set.want.Len() && slices.Equal(set.got.Labels(), set.want.Labels())
			for i := 0; same && i < set.want.Len(); i++ {
				same = bytes.Equal(set.got.Pixels(i), set.want.Pixels(i))
			}
			if !same {
				t.Errorf("sweep %v: the images are not those of the files", sweep)
			}
		}
	}
}
