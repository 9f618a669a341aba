package layers

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Summary returns a table of the layers of a network: the shape of each layer's result for images of the given shape, with N
// for the batch, how many numbers it learns, and which of its tensors take noise. The last line has the totals, and the
// number of groups that take turns under layer-wise noise. For a network whose first layer is an [Embedding], the shape is
// the number of tokens per sequence. Without a shape, as in fmt.Println(net), the column of results is omitted, and there is
// no error.
func Summary(net Layer, shape ...int) (string, error) {
	s := &summary{counted: make(map[*Param]bool)}
	if len(shape) == 0 {
		s.list(net, 0)
		return s.String(), nil
	}
	dtype, err := dtypeOf(net)
	if err != nil {
		return "", err
	}
	if takesTokens(net) {
		dtype = tensor.Int
	}
	full := append([]int{1}, shape...)
	for _, n := range full {
		if n < 1 {
			return "", errors.Wrapf(ErrShape, "layers: summary for images of shape %v", shape)
		}
	}
	g := G.NewGraph()
	s.builder = NewBuilder(g, Evaluation)
	x := G.NewTensor(g, dtype, len(full), G.WithShape(full...), G.WithName("x"))
	if _, err := s.trace(net, x, 0); err != nil {
		return "", err
	}
	return s.String(), nil
}

// takesTokens reports whether the first layer looks up tokens.
func takesTokens(net Layer) bool {
	for {
		s, ok := net.(*Sequential)
		if !ok || len(s.layers) == 0 {
			break
		}
		net = s.layers[0]
	}
	_, ok := net.(*Embedding)
	return ok
}

// summary is a table under construction.
type summary struct {
	builder *Builder // nil without shapes
	lines   []summaryLine
	counted map[*Param]bool
	params  []*Param // without duplicates
}

// summaryLine is a line of the table.
type summaryLine struct {
	layer, result string
	learnt        int
	tensors       []string
	shared        bool // all tensors are in an earlier line
}

// trace adds the layers of l, applied to x, and returns their result.
func (s *summary) trace(l Layer, x *G.Node, depth int) (*G.Node, error) {
	var err error
	switch l := l.(type) {
	case *Sequential:
		for _, part := range l.layers {
			if x, err = s.trace(part, x, depth); err != nil {
				return nil, err
			}
		}
		return x, l.err
	case *Residual:
		return s.residual(l, x, depth)
	}
	y, err := chain(s.builder, x, []Layer{l})
	if err != nil {
		return nil, err
	}
	s.add(l, shapeText(y), depth)
	return y, nil
}

// residual adds a line for the block, and its layers below it.
func (s *summary) residual(r *Residual, x *G.Node, depth int) (*G.Node, error) {
	y, err := r.Forward(s.builder, x)
	if err != nil {
		return nil, err
	}
	s.lines = append(s.lines, summaryLine{layer: indent(depth) + "Residual", result: shapeText(y)})
	for _, part := range [][]Layer{r.body, r.shortcut} {
		z := x
		for _, l := range part {
			if z, err = s.trace(l, z, depth+1); err != nil {
				return nil, err
			}
		}
	}
	return y, nil
}

// list adds the layers of l without results.
func (s *summary) list(l Layer, depth int) {
	var parts []Layer
	switch l := l.(type) {
	case *Sequential:
		parts = l.layers
	case *Residual:
		s.lines = append(s.lines, summaryLine{layer: indent(depth) + "Residual"})
		parts, depth = append(append(parts, l.body...), l.shortcut...), depth+1
	default:
		s.add(l, "", depth)
	}
	for _, part := range parts {
		s.list(part, depth)
	}
}

// add adds a line for a layer.
func (s *summary) add(l Layer, result string, depth int) {
	line := summaryLine{layer: indent(depth) + describe(l), result: result}
	prefix := commonPrefix(l.Params())
	line.shared = len(l.Params()) > 0
	for _, p := range l.Params() {
		if s.counted[p] {
			continue
		}
		s.counted[p], line.shared = true, false
		s.params = append(s.params, p)
		if !p.Buffer {
			line.learnt += p.Value.Size()
			line.tensors = append(line.tensors, strings.TrimPrefix(p.Name, prefix+"."))
		}
	}
	s.lines = append(s.lines, line)
}

// String returns the table.
func (s *summary) String() string {
	cells := [][]string{{"layer", "result", "parameters", "tensors"}}
	for _, l := range s.lines {
		learnt := ""
		switch {
		case l.shared:
			learnt = "shared"
		case l.learnt > 0:
			learnt = thousands(l.learnt)
		}
		cells = append(cells, []string{l.layer, l.result, learnt, strings.Join(l.tensors, ", ")})
	}
	var widths [4]int
	for _, row := range cells {
		for i, text := range row {
			widths[i] = max(widths[i], len([]rune(text)))
		}
	}
	var b strings.Builder
	for _, row := range cells {
		line := fmt.Sprintf("%-*s  ", widths[0], row[0])
		if s.builder != nil {
			line += fmt.Sprintf("%-*s  ", widths[1], row[1])
		}
		line += fmt.Sprintf("%*s  %s", widths[2], row[2], row[3])
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	learnt, tensors, statistics := 0, 0, 0
	groups := make(map[string]bool)
	for _, p := range s.params {
		if p.Buffer {
			statistics += p.Value.Size()
			continue
		}
		learnt, tensors = learnt+p.Value.Size(), tensors+1
		groups[prefixOf(p.Name)] = true
	}
	fmt.Fprintf(&b, "%s parameters", thousands(learnt))
	if statistics > 0 {
		fmt.Fprintf(&b, ", %s running statistics", thousands(statistics))
	}
	fmt.Fprintf(&b, "; noise takes turns over %d tensors, or by layer over %d groups", tensors, len(groups))
	return b.String()
}

// describe returns a layer's type, or a function's name, and the common prefix of its parameters' names.
func describe(l Layer) string {
	kind := reflect.Indirect(reflect.ValueOf(l)).Type().Name()
	if f, ok := l.(*Func); ok {
		kind = f.name
	}
	return strings.TrimRight(kind+" "+commonPrefix(l.Params()), " ")
}

// prefixOf returns the layer part of a parameter's name: everything up to the last dot, or all of it.
func prefixOf(name string) string {
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		return name[:dot]
	}
	return name
}

// commonPrefix returns the longest common prefix of the parameters' names, in whole words between dots.
func commonPrefix(params []*Param) string {
	if len(params) == 0 {
		return ""
	}
	prefix := prefixOf(params[0].Name)
	for _, p := range params {
		for prefix != "" && !strings.HasPrefix(p.Name, prefix+".") && p.Name != prefix {
			dot := strings.LastIndexByte(prefix, '.')
			prefix = prefix[:max(dot, 0)]
		}
	}
	return prefix
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

// shapeText formats a shape whose first axis is the batch.
func shapeText(n *G.Node) string {
	s := n.Shape()
	if len(s) == 0 {
		return "()"
	}
	text := []string{"N"}
	for _, k := range s[1:] {
		text = append(text, fmt.Sprint(k))
	}
	return "(" + strings.Join(text, ", ") + ")"
}

// thousands formats a non-negative number with commas.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// plain returns the summary without shapes.
func plain(l Layer) string {
	if err := check(l); err != nil {
		return err.Error()
	}
	text, _ := Summary(l) // no error without a shape
	return text
}

// String returns the [Summary] without shapes.
func (s *Sequential) String() string { return plain(s) }

// String returns the [Summary] without shapes.
func (r *Residual) String() string { return plain(r) }

// String returns the layer's type and name.
func (a *SelfAttention) String() string { return describe(a) }

// String returns the layer's type and name.
func (n *BatchNorm) String() string { return describe(n) }

// String returns the layer's type and name.
func (c *Conv2D) String() string { return describe(c) }

// String returns the layer's type and name.
func (d *Dense) String() string { return describe(d) }

// String returns the layer's type and probability.
func (d *Dropout) String() string { return fmt.Sprintf("%s %v", describe(d), d.p) }

// String returns the layer's type and name.
func (e *Embedding) String() string { return describe(e) }

// String returns the name of the function.
func (f *Func) String() string { return describe(f) }

// String returns the layer's type and name.
func (n *LayerNorm) String() string { return describe(n) }

// String returns the layer's type.
func (m MaxPool2D) String() string { return describe(m) }

// String returns the layer's type and name.
func (p *Positions) String() string { return describe(p) }

// String returns the layer's type.
func (r ReLU) String() string { return describe(r) }

// String returns the parameter's name and shape.
func (p *Param) String() string { return fmt.Sprintf("%s %v", p.Name, p.Value.Shape()) }
