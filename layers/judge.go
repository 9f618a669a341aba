package layers

import (
	"context"

	"github.com/pkg/errors"
)

// judged is what came of a batch.
type judged struct {
	places   int // for outcomes: as many on every rank
	count    int // images or sequences that were not shown before
	outcomes []outcome
}

// evaluate goes over pass number 0 of the batches. It calls f with what came of each prediction, in the order of the pass,
// whichever rank made it, and returns how many images or sequences there were. So every rank adds up the same numbers in the same
// order as a process alone does.
func (r *ranks) evaluate(ctx context.Context, batches AnyBatches, judge func(context.Context, anyPass) (judged, error), f func(outcome)) (count int, err error) {
	shared, err := r.shares(batches)
	if err != nil {
		return 0, err
	}
	pass, err := begin(batches, 0, 0)
	if err != nil {
		return 0, errors.Wrap(err, "layers: start of the evaluation")
	}
	defer pass.Close()
	for pass.Next() {
		var j judged
		err := ctx.Err()
		if err != nil {
			err = errors.Wrapf(err, "layers: evaluation after %d images or sequences", count)
		}
		if err == nil || shared { // the others have to be told, by as many numbers as they tell
			var failed error
			if j, failed = judge(ctx, pass); err == nil {
				err = failed
			}
		}
		if shared {
			j, err = r.gather(j, err)
		}
		if err != nil {
			return 0, err
		}
		for _, o := range j.outcomes {
			f(o)
		}
		count += j.count
	}
	if err := pass.Err(); err != nil {
		return 0, errors.Wrap(err, "layers: batches of the evaluation")
	}
	return count, nil
}

// outcomeSize is how many numbers an outcome is.
const outcomeSize = 5

// numbers writes the outcome to x.
func (o outcome) numbers(x []float64) {
	x[0], x[1], x[2], x[3], x[4] = float64(o.label), float64(o.class), o.sure, o.loss, 0
	if o.top5 {
		x[4] = 1
	}
}

func outcomeFrom(x []float64) outcome {
	return outcome{label: int(x[0]), class: int(x[1]), sure: x[2], loss: x[3], top5: x[4] != 0}
}

// gather returns what came of the batches of all ranks, those of rank 0 first, unless a rank has an error. A rank's part of the
// sums is zero for all others.
func (r *ranks) gather(mine judged, err error) (judged, error) {
	const head = 2
	size := head + outcomeSize*mine.places
	x := make([]float64, r.Size()*size)
	if err == nil {
		part := x[r.Rank()*size:][:size]
		part[0], part[1] = float64(mine.count), float64(len(mine.outcomes))
		for i, o := range mine.outcomes {
			o.numbers(part[head+outcomeSize*i:])
		}
	}
	if err := r.sum(x, err); err != nil {
		return judged{}, err
	}
	var all judged
	for ; len(x) > 0; x = x[size:] {
		all.count += int(x[0])
		for i := range int(x[1]) {
			all.outcomes = append(all.outcomes, outcomeFrom(x[head+outcomeSize*i:]))
		}
	}
	return all, nil
}
