package layers

// position is where a training stands: before a batch of a pass.
type position struct {
	Epoch int
	Batch int   // batches of the pass that are behind it, those that made no step included
	Pass  Epoch // what came of them
}
