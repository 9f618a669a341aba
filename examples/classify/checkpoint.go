package main

import (
	"bytes"
	"encoding/gob"
	"os"

	"github.com/layernoise/layernoise/layers"
	"github.com/pkg/errors"
)

// checkpointName is the file of the run in progress.
const checkpointName = "checkpoint"

// checkpoint keeps a run in progress in a file: after an interruption it goes on to the same numbers.
type checkpoint struct {
	name   string
	net    layers.Layer
	solver solver
	off    bool // the run cannot go on from weights and solver alone
}

// saved is what the file holds.
type saved struct {
	Noise   noise
	Seed    uint64
	Points  []point
	Weights []byte // as layers.WriteTo writes them
	Solver  []byte
}

// save writes the run as it is after an epoch that was measured.
func (c *checkpoint) save(r *record) error {
	if c.off {
		return nil
	}
	state := saved{Noise: r.noise, Seed: r.Seed, Points: r.Points}
	var weights, file bytes.Buffer
	if err := layers.WriteTo(&weights, c.net); err != nil {
		return err
	}
	state.Weights = weights.Bytes()
	var err error
	if state.Solver, err = c.solver.MarshalBinary(); err != nil {
		return err
	}
	if err := gob.NewEncoder(&file).Encode(state); err != nil {
		return errors.Wrap(err, "checkpoint")
	}
	if err := writeFile(c.name, file.Bytes()); err != nil {
		return errors.Wrap(err, "checkpoint")
	}
	return nil
}

// load puts network and solver into the state of the file and returns what was measured up to there, nothing if the file is
// of another run or there is none.
func (c *checkpoint) load(r *record) ([]point, error) {
	data, err := os.ReadFile(c.name)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.Wrap(err, "checkpoint")
	}
	var state saved
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&state); err != nil {
		return nil, errors.Wrapf(err, "checkpoint %s", c.name)
	}
	if state.Noise != r.noise || state.Seed != r.Seed {
		return nil, nil
	}
	if err := layers.ReadFrom(bytes.NewReader(state.Weights), int64(len(state.Weights)), c.net); err != nil {
		return nil, errors.WithMessagef(err, "checkpoint %s", c.name)
	}
	if err := c.solver.UnmarshalBinary(state.Solver); err != nil {
		return nil, errors.WithMessagef(err, "checkpoint %s", c.name)
	}
	return state.Points, nil
}

// remove removes the file of a run that is done.
func (c *checkpoint) remove() error {
	if err := os.Remove(c.name); !os.IsNotExist(err) {
		return err
	}
	return nil
}
