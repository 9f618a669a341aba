package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/internal/lockfile"
	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/pkg/errors"
)

// A results folder has a file for each run, in runsFolder: to merge the runs of several machines, copy those files into one
// folder. While a run is in progress, its lock is held by the process that makes it, and its checkpoint is beside it.
const (
	runsFolder  = "runs"
	resultsName = "results.json" // all runs in one file
	tableName   = "table.md"
	curvesName  = "curves.png"
	sweepName   = "sweep.png"

	mistakesName = "mistakes.png"
)

// savedRun is the file of a run.
type savedRun struct {
	Settings *settings `json:"settings"`
	Run      *record   `json:"run"`
}

func (x *experiment) file(name string) string { return filepath.Join(x.Settings.out, name) }

// runFile returns the file of a run with the given ending.
func (x *experiment) runFile(t task, ending string) string {
	return filepath.Join(x.Settings.out, runsFolder, t.String()+ending)
}

// openExperiment reads the images, and the results in the folder, which must have the same settings.
func openExperiment(ctx context.Context, s *settings) (*experiment, error) {
	x := &experiment{results: results{Settings: s}}
	var err error
	if x.images, err = s.open(ctx); err != nil {
		return nil, err
	}
	x.Runs, err = onFirst(s, func() ([]*record, error) {
		err := x.readFolder()
		return x.Runs, err
	})
	return x, err
}

// readFolder reads the runs in the folder.
func (x *experiment) readFolder() error {
	data, err := os.ReadFile(x.file(resultsName))
	if err == nil {
		before, err := readResults(data)
		if err != nil {
			return errors.WithMessage(err, x.file(resultsName))
		}
		if err := x.sameSettings(before.Settings, x.file(resultsName)); err != nil {
			return err
		}
		x.Runs = before.Runs
	} else if !errors.Is(err, fs.ErrNotExist) {
		return errors.Wrap(err, "earlier results")
	}
	if err := os.MkdirAll(x.file(runsFolder), 0o755); err != nil {
		return errors.Wrap(err, "folder for the results")
	}
	return x.gather()
}

// gather reads the runs in files.
func (x *experiment) gather() error {
	entries, err := os.ReadDir(x.file(runsFolder))
	if err != nil {
		return errors.Wrap(err, "earlier results")
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			if _, err := x.read(filepath.Join(x.file(runsFolder), e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// read reads the run in a file, replacing what is known of it. It returns nil if there is no such file.
func (x *experiment) read(name string) (*record, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.Wrap(err, "earlier results")
	}
	var saved savedRun
	if err := json.Unmarshal(data, &saved); err != nil {
		return nil, errors.Wrapf(err, "earlier results in %s", name)
	}
	if saved.Settings == nil || saved.Run == nil {
		return nil, errors.Errorf("%s is not the file of a run", name)
	}
	if err := x.sameSettings(saved.Settings, name); err != nil {
		return nil, err
	}
	x.adopt(saved.Run)
	return saved.Run, nil
}

// adopt replaces what is known of a run.
func (x *experiment) adopt(run *record) {
	for i, r := range x.Runs {
		if r.task == run.task {
			x.Runs[i] = run
			return
		}
	}
	x.Runs = append(x.Runs, run)
}

// sameSettings returns an error for results made with other settings.
func (x *experiment) sameSettings(of *settings, file string) error {
	before, err := json.Marshal(of)
	if err != nil {
		return errors.Wrap(err, "settings")
	}
	now, err := json.Marshal(x.Settings)
	if err != nil {
		return errors.Wrap(err, "settings")
	}
	if string(before) != string(now) {
		return cli.Usagef("%s holds results of other settings, %s, these are %s: name another folder by -out", file, before, now)
	}
	return nil
}

// claim reserves a run for this process. The function that releases it is nil if another process has it.
func (x *experiment) claim(t task) (release func(), err error) {
	return lockfile.Try(x.runFile(t, ".lock"))
}

// keep writes the file of a run.
func (x *experiment) keep(r *record) error {
	if !x.Settings.first() {
		return nil
	}
	data, err := json.Marshal(savedRun{x.Settings, r})
	if err != nil {
		return errors.Wrapf(err, "run %v", r.task)
	}
	return writeFile(x.runFile(r.task, ".json"), append(data, '\n'))
}

// writeFile writes a file through package outfile.
func writeFile(name string, data []byte) error {
	return outfile.Write(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// report writes results, table and pictures into the folder, and the tables and the lines that begin with "result" to w.
func (x *experiment) report(w io.Writer) error {
	data, err := x.results.MarshalJSON()
	if err != nil {
		return err
	}
	if err := writeFile(x.file(resultsName), data); err != nil {
		return err
	}
	var tables string
	if len(x.choices(onValidation)) > 0 {
		tables = x.sweepTable() + "\n"
		if err := x.drawSweep(x.file(sweepName)); err != nil {
			return err
		}
	}
	tables += x.table()
	fmt.Fprintln(w, tables)
	for _, line := range append(x.resultLines(), x.verdicts()...) {
		fmt.Fprintln(w, line)
	}
	if err := writeFile(x.file(tableName), []byte(tables)); err != nil {
		return err
	}
	if err := x.drawCurves(x.file(curvesName)); err != nil {
		return err
	}
	return x.drawMistakes(x.file(mistakesName), x.images.test.Classes())
}
