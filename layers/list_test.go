package layers_test

import (
	"errors"

	"gorgonia.org/tensor"
)

// list is batches in memory, the same in every pass.
type list struct {
	images []*tensor.Dense
	labels [][]int

	breakAt int // the batch, counted from 1, at which reading fails; 0 for none
	starts  []int
	next    int
	err     error
}

var errBroken = errors.New("broken batch")

func (l *list) Start(epoch int) error {
	l.starts = append(l.starts, epoch)
	l.next, l.err = 0, nil
	return nil
}

func (l *list) Next() bool {
	l.next++
	if l.next == l.breakAt {
		l.err = errBroken
		return false
	}
	return l.next <= len(l.images)
}

func (l *list) Images() *tensor.Dense { return l.images[l.next-1] }
func (l *list) Labels() []int         { return l.labels[l.next-1] }
func (l *list) Err() error            { return l.err }
func (l *list) Len() int              { return len(l.images) }
