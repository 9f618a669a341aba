package layers

import "github.com/pkg/errors"

// position is where a training stands: before a batch of a pass.
type position struct {
	Epoch int
	Batch int   // batches of the pass that are behind it, those that made no step included
	Pass  Epoch // what came of them
}

// startAt begins pass number epoch behind its first batches.
func startAt(b Batches, epoch, first int) error {
	if s, ok := b.(interface{ StartAt(epoch, first int) error }); ok && first > 0 {
		if err := s.StartAt(epoch, first); err != nil {
			return errors.Wrapf(err, "layers: start of epoch %d at batch %d", epoch, first)
		}
		return nil
	}
	if err := b.Start(epoch); err != nil {
		return errors.Wrapf(err, "layers: start of epoch %d", epoch)
	}
	for range first {
		if !b.Next() {
			return errors.Errorf("layers: epoch %d has not the %d batches that are behind the training", epoch, first)
		}
	}
	return nil
}
