package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/layernoise/layernoise/internal/lockfile"
	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/pkg/errors"
)

// A results folder has a file for each run in runsFolder, to which several processes can add, and all runs in resultsName
// once the program has reported.
const (
	runsFolder  = "runs"
	resultsName = "results.json"
)

// results are records of runs.
type results map[key]*record

// readResults reads the runs in a folder.
func readResults(folder string) (results, error) {
	x := results{}
	data, err := os.ReadFile(filepath.Join(folder, resultsName))
	if err == nil {
		err = x.take(data)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, errors.Wrapf(err, "earlier results in %s", filepath.Join(folder, resultsName))
	}
	files, err := filepath.Glob(filepath.Join(folder, runsFolder, "*.json"))
	if err != nil {
		return nil, errors.Wrap(err, "earlier results")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil {
			err = x.take(data)
		}
		if err != nil {
			return nil, errors.Wrapf(err, "earlier results in %s", file)
		}
	}
	return x, nil
}

// take adds records, one or more, a line of JSON each.
func (x results) take(data []byte) error {
	for decoder := json.NewDecoder(bytes.NewReader(data)); ; {
		r := new(record)
		if err := decoder.Decode(r); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		x[r.key] = r
	}
}

// write writes all records into the folder's file, a line each.
func (x results) write(folder string) error {
	return outfile.Write(filepath.Join(folder, resultsName), func(w io.Writer) error {
		for _, k := range x.keys() {
			if err := json.NewEncoder(w).Encode(x[k]); err != nil {
				return err
			}
		}
		return nil
	})
}

// keys returns the keys of all records in the order of a table.
func (x results) keys() []key {
	place := func(k key) int { return slices.IndexFunc(scales, func(s scale) bool { return s.name == k.Scale }) }
	noise := func(k key) int { return slices.Index([]string{"none", "layer", "all"}, k.Noise) }
	list := make([]key, 0, len(x))
	for k := range x {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b key) int {
		return cmp.Or(strings.Compare(a.Dataset, b.Dataset), place(a)-place(b), cmp.Compare(a.Sigma, b.Sigma), a.Width-b.Width,
			noise(a)-noise(b), cmp.Compare(a.Seed, b.Seed))
	})
	return list
}

// make makes a run, unless another process has made it or is making it, and stores its record.
func (s *settings) make(ctx context.Context, k key, images *images) (*record, error) {
	file := filepath.Join(s.out, runsFolder, k.String())
	release, err := lockfile.Try(file + ".lock")
	if err != nil || release == nil {
		return nil, err
	}
	defer release()
	if _, err := os.Stat(file + ".json"); err == nil {
		return nil, nil
	}
	r, err := train(ctx, k, images)
	if err != nil {
		return nil, errors.WithMessagef(err, "%v", k)
	}
	err = outfile.Write(file+".json", func(w io.Writer) error { return json.NewEncoder(w).Encode(r) })
	return r, err
}

// missing returns the keys without a record.
func (x results) missing(wanted []key) []key {
	return slices.DeleteFunc(slices.Clone(wanted), func(k key) bool { return x[k] != nil })
}

// String counts the records, for messages.
func (x results) String() string { return fmt.Sprintf("%d runs", len(x)) }
