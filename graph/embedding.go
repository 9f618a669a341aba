package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Embedding looks up a row of a table for each token.
//
// Shapes: tokens (...), one to four axes of type tensor.Int, each from 0 to V-1; table (V, D); result (..., D). Tokens have
// no gradient; that of a row is the sum, in order, over the positions where it was looked up. A token out of range is an
// error when the machine runs, which names the token and its position.
//
// Tokens are integers on purpose: float32 represents integers only up to 2^24, and a float input could not be recognised as
// tokens.
func Embedding(tokens, table *G.Node) (*G.Node, error) {
	const name = "Embedding"
	inTable := input{"table", table}
	if err := check(name, inTable); err != nil {
		return nil, err
	}
	if err := checkDims(name, inTable, 2); err != nil {
		return nil, err
	}
	switch {
	case tokens == nil:
		return nil, errors.Errorf("graph: %s: tokens is nil", name)
	case tokens.Dtype() != tensor.Int:
		return nil, errors.Errorf("graph: %s: tokens is of type %v, want int", name, tokens.Dtype())
	case tokens.Graph() != table.Graph():
		return nil, errors.Errorf("graph: %s: tokens and table are in different graphs", name)
	}
	if err := checkDims(name, input{"tokens", tokens}, 1, 2, 3, 4); err != nil {
		return nil, err
	}
	if table.Dtype() == tensor.Float32 {
		return embeddingNode[float32](name, tokens, table)
	}
	return embeddingNode[float64](name, tokens, table)
}

// embeddingNode has the table as its first operand, where Layers looks for it.
func embeddingNode[T kernel.Float](name string, tokens, table *G.Node) (*G.Node, error) {
	rows, cols := table.Shape()[0], table.Shape()[1]
	shape := append(tokens.Shape().Clone(), cols)
	return apply(&op[T]{
		name:  name,
		role:  lookup,
		shape: shape,
		inert: []bool{false, true},
		run: func(y []T, in []operand[T]) error {
			for i, token := range in[1].labels {
				if token < 0 || token >= rows {
					return errors.Errorf("token %d at %v is out of range, want 0 to %d", token, place(i, shape[:len(shape)-1]), rows-1)
				}
			}
			kernel.Gather(y, in[0].f, in[1].labels, cols)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			dtable, err := gradient(name+"Grad", in[0], func(dtable []T, v []operand[T]) error {
				kernel.Scatter(dtable, v[0].f, v[1].labels, cols)
				return nil
			}, dy, in[1], y) // y, so that the tokens have been checked
			return G.Nodes{dtable, nil}, err
		},
	}, table, tokens)
}

// place returns the index along each axis of element i.
func place(i int, shape tensor.Shape) []int {
	at := make([]int, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		at[axis], i = i%shape[axis], i/shape[axis]
	}
	return at
}

// AddPositions adds a row of the table to each position of every sequence: row t to position t.
//
//	y[n, t] = x[n, t] + table[t]
//
// Shapes: x (N, T, D); table (L, D) with L >= T; result as x. Rows from T on have gradient zero. For [Layers] the table is a
// layer of its own, not the bias of what it is added to.
func AddPositions(x, table *G.Node) (*G.Node, error) {
	const name = "AddPositions"
	inX, inTable := input{"x", x}, input{"table", table}
	if err := check(name, inX, inTable); err != nil {
		return nil, err
	}
	if err := checkDims(name, inX, 3); err != nil {
		return nil, err
	}
	if err := checkDims(name, inTable, 2); err != nil {
		return nil, err
	}
	if s, t := x.Shape(), table.Shape(); t[0] < s[1] || t[1] != s[2] {
		return nil, errors.Errorf("graph: %s: table has shape %v, want (%d or more, %d) for x of shape %v", name, t, s[1], s[2], s)
	}
	if x.Dtype() == tensor.Float32 {
		return addPositionsNode[float32](name, x, table)
	}
	return addPositionsNode[float64](name, x, table)
}

func addPositionsNode[T kernel.Float](name string, x, table *G.Node) (*G.Node, error) {
	size := x.Shape()[1] * x.Shape()[2]
	return apply(&op[T]{
		name:  name,
		shape: x.Shape(),
		run: func(y []T, in []operand[T]) error {
			kernel.AddRows(y, in[0].f, in[1].f, size)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			dtable, err := gradient(name+"Grad", in[1], func(dtable []T, v []operand[T]) error {
				kernel.SumRows(dtable[:size], v[0].f)
				clear(dtable[size:])
				return nil
			}, dy)
			return G.Nodes{dy, dtable}, err
		},
	}, x, table)
}
