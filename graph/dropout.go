package graph

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Dropout sets each element to zero with probability p and multiplies the
// others by 1/(1-p), for any shape; leave it out of evaluation graphs. Each run
// of the machine draws a new mask, a function of the seed and the number of
// runs before it. Nodes with the same seed drop the same elements. 0 <= p < 1.
//
// Srivastava et al., Dropout, JMLR 2014.
func Dropout(x *G.Node, p float64, seed uint64) (*G.Node, error) {
	return nil, errors.New("graph: Dropout: not there yet")
}
