package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim/distributed"
	"github.com/pkg/errors"
)

// Under mpirun or srun, the ranks either make each run together, each with its part of every batch, or separately: then they
// are processes that share a folder and do not communicate.
const (
	together = "together"
	apart    = "apart"
)

// onRanks runs the program on the ranks that a launcher started, or alone, and ends all of them together.
func onRanks(ctx context.Context, s *settings) error {
	world, err := distributed.Init(distributed.Config{Timeout: s.timeout()})
	if err != nil {
		return err
	}
	err = sameFlags(world)
	var choices []choice
	if err == nil {
		choices, err = s.parse(world)
	}
	if err == nil {
		err = makeAndReport(ctx, s, choices)
	}
	return leave(ctx, world, err)
}

// sameFlags returns an error on a rank that was started with other flags than rank 0. Where its files are is its own affair.
func sameFlags(world layers.World) error {
	var mine []string
	flag.VisitAll(func(f *flag.Flag) {
		if f.Name != "data" && f.Name != "out" {
			mine = append(mine, fmt.Sprintf("-%s %v", f.Name, f.Value))
		}
	})
	theirs, err := world.Share([]byte(strings.Join(mine, "\n")))
	if err != nil {
		return err
	}
	for i, theirs := range strings.Split(string(theirs), "\n") {
		if i < len(mine) && mine[i] != theirs {
			return errors.Errorf("started with %s, and rank 0 with %s", mine[i], theirs)
		}
	}
	return nil
}

// leave ends this rank. If it has an error of its own, it ends all ranks. If all have the same error, or none, it returns
// the error on rank 0, which reports it.
func leave(ctx context.Context, world *distributed.World, err error) error {
	if world.Size() == 1 {
		if failed := world.Finalize(); err == nil {
			return failed
		}
		return err
	}
	if err != nil && ctx.Err() != nil { // others may have ended before this one learnt why
		err = cli.Kept(ctx.Err(), "the same command goes on, on any number of ranks")
	}
	same := err == nil || errors.Is(err, context.Canceled) || cli.IsUsage(err)
	if !same {
		world.Abort(err) // does not return
	}
	if failed := world.Finalize(); failed != nil && err == nil {
		world.Abort(failed)
	}
	if world.Rank() > 0 {
		os.Exit(cli.ExitCode(err))
	}
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err) // names the rank that was interrupted
	}
	return err
}

// how returns what -ranks asks for, or what is meant without it.
func (s *settings) how() string {
	switch {
	case s.howRanks != "":
		return s.howRanks
	case s.sweep:
		return apart
	}
	return together
}

// runTime is longer than any run.
const runTime = 30 * 24 * time.Hour

// timeout returns how long a rank waits for others, 0 for the default. Those that make runs of their own wait at the end, for
// each other's last run.
func (s *settings) timeout() time.Duration {
	if s.how() == apart {
		return runTime
	}
	return 0
}

// divide sets how the ranks of the world share the work.
func (s *settings) divide(world *distributed.World) error {
	s.rank, s.ranks = world.Rank(), world.Size()
	switch s.how() {
	case apart:
	case together:
		if world.Size() > 1 {
			s.team = world
		}
		if s.Batch%world.Size() != 0 {
			return cli.Usagef("-batch %d is not a multiple of the %d ranks that share it", s.Batch, world.Size())
		}
	default:
		return cli.Usagef("-ranks %q, want %s or %s", s.howRanks, together, apart)
	}
	var index, of int
	if s.part != "" {
		if n, err := fmt.Sscanf(s.part+"\n", "%d/%d\n", &index, &of); n != 2 || err != nil || index < 0 || index >= of {
			return cli.Usagef("-part %q, want i/n with i from 0 to n-1", s.part)
		}
	}
	s.partIndex, s.parts = index, of
	return nil
}

// ranksFlags defines the flags for several processes.
func (s *settings) ranksFlags() {
	flag.StringVar(&s.howRanks, "ranks", "", "what the ranks of mpirun or srun do: together for each run by all of them, which divide the batch, or apart for runs of their own; "+
		"by default apart in a sweep, and together otherwise")
	flag.BoolVar(&s.SyncNorms, "sync-batchnorm", false, "batch norms of ranks that make a run together normalise by the images of all; otherwise each by its own rank's, as is usual")
	flag.StringVar(&s.part, "part", "", "`i/n`: make part i of n of the runs, i from 0, and do not wait for others")
}

// batch returns this process's number of images per step.
func (s *settings) batch() int {
	if s.team != nil {
		return s.Batch / s.team.Size()
	}
	return s.Batch
}

// first reports whether this process writes the files of its runs.
func (s *settings) first() bool { return s.team == nil || s.team.Rank() == 0 }

// reports reports whether this process prints progress and results.
func (s *settings) reports() bool { return s.rank == 0 }

// onFirst returns the result of get on the rank that reads files, on all ranks that make a run together.
func onFirst[T any](s *settings, get func() (T, error)) (value T, err error) {
	if s.team == nil {
		return get()
	}
	var answer struct {
		Value T
		Error string
		Usage bool
	}
	var data []byte
	if s.first() {
		var failed error
		if answer.Value, failed = get(); failed != nil {
			answer.Error, answer.Usage = failed.Error(), cli.IsUsage(failed)
		}
		if data, err = json.Marshal(answer); err != nil {
			return value, errors.Wrap(err, "for the other ranks")
		}
	}
	if data, err = s.team.Share(data); err != nil {
		return value, err
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return value, errors.Wrap(err, "from rank 0")
	}
	switch {
	case answer.Usage:
		return value, cli.Usagef("%s", answer.Error)
	case answer.Error != "":
		return value, errors.New(answer.Error)
	}
	return answer.Value, nil
}

// synchronise makes the batch norms of a network normalise over the images of all ranks, if requested.
func (s *settings) synchronise(net layers.Layer) error {
	if s.team == nil || !s.SyncNorms {
		return nil
	}
	return layers.SyncBatchNorm(net, s.team)
}

// join attaches a classifier and a base solver to the ranks that make a run together.
func (s *settings) join(c *layers.Classifier) error {
	if s.team == nil {
		return nil
	}
	return c.Join(s.team)
}

func (s *settings) averaging(base solver) (solver, error) {
	if s.team == nil {
		return base, nil
	}
	return distributed.NewSolver(base, s.team)
}

// mine returns the runs that this process makes; each of several ranks starts at a different one.
func (s *settings) mine(all []task) []task {
	var list []task
	for i, t := range all {
		if s.parts == 0 || i%s.parts == s.partIndex {
			list = append(list, t)
		}
	}
	if s.team != nil || s.ranks < 2 {
		return list
	}
	begin := len(list) * s.rank / s.ranks
	return append(list[begin:len(list):len(list)], list[:begin]...)
}
