package optim

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
)

// A Scaling returns the factor that multiplies sigma for one parameter tensor, before every draw. It must be finite and not
// negative.
type Scaling func(p *Param) float64

// Absolute uses the same sigma for every tensor.
func Absolute() Scaling { return func(*Param) float64 { return 1 } }

// RelativeRMS uses sigma times the root mean square of the tensor at the time of the draw: sigma is then a fraction of the
// weights. A tensor of zeros, such as a fresh bias, takes no noise.
func RelativeRMS() Scaling { return (*Param).RMS }

// FanIn uses sigma/sqrt(fan-in), so that the noise in a unit's input does not grow with the width.
//
// The fan-in of a tensor of shape (out, in, ...), the layout of package layers and PyTorch, is the product of all dimensions
// but the first. A matrix that is the right factor of a product, gorgonia.Mul(x, w), has shape (in, out), and its fan-in is
// the first dimension. The fan-in of vectors and scalars is 1.
func FanIn() Scaling {
	return func(p *Param) float64 { return 1 / math.Sqrt(float64(fanIn(p))) }
}

func fanIn(p *Param) int {
	shape := p.Shape()
	if shape.Dims() < 2 {
		return 1
	}
	if p.right {
		return shape[0]
	}
	return p.Size() / shape[0]
}

// isRightFactor reports whether w is used as gorgonia.Mul(x, w). Gorgonia's product is recognised by its string, since its
// type is not exported; products added to the graph by differentiation print a transposition.
func isRightFactor(w *G.Node) bool {
	g := w.Graph()
	for users := g.To(w.ID()); users.Next(); {
		user := users.Node().(*G.Node)
		if fmt.Sprint(user.Op()) != "A × B" {
			continue
		}
		factors := g.From(user.ID())
		factors.Next() // the left one
		if factors.Next() && factors.Node().ID() == w.ID() {
			return true
		}
	}
	return false
}
