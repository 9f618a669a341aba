// Package golden reads the reference data in testdata for the tests.
package golden

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"gorgonia.org/tensor"
)

// Dir returns the folder of the reference data: LAYERNOISE_GOLDEN if it is set, otherwise testdata at the root of the
// module.
func Dir() string {
	if dir := os.Getenv("LAYERNOISE_GOLDEN"); dir != "" {
		return dir
	}
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "testdata")
}

// Tensor is a tensor of the reference data, row-major.
type Tensor struct {
	Shape []int
	Data  []float64
}

// Dense returns a float64 copy of the tensor.
func (t Tensor) Dense() *tensor.Dense {
	return tensor.New(tensor.WithShape(t.Shape...), tensor.WithBacking(append([]float64(nil), t.Data...)))
}

// Dense32 returns a float32 copy of the tensor.
func (t Tensor) Dense32() *tensor.Dense {
	data := make([]float32, len(t.Data))
	for i, v := range t.Data {
		data[i] = float32(v)
	}
	return tensor.New(tensor.WithShape(t.Shape...), tensor.WithBacking(data))
}

// Layer is a case of layers.json: a layer or a block at a generic point, with the gradients for GradOutput.
type Layer struct {
	Name       string
	Config     Config
	Inputs     map[string]Tensor
	Params     map[string]Tensor
	Output     Tensor
	GradOutput Tensor `json:"grad_output"`
	Grads      map[string]Tensor
	Extra      map[string]Tensor
}

// Config is the settings of a case, as far as its layer has them.
type Config struct {
	Kernel, Stride, Padding Pair
	Momentum, Eps           float64
	Labels                  []int
	InChannels              int `json:"in_channels"`
	OutChannels             int `json:"out_channels"`

	Ignore int   // the label to ignore
	Tokens []int // of the shape Shape
	Shape  []int

	Width, Heads, Hidden, Depth          int
	Causal, Tied                         bool
	Keys                                 [][]bool `json:"padded_keys"` // true for padding
	Vocabulary, Context, Patch, Channels int
	Image                                [2]int
	Classes                              int
	ClassToken                           bool `json:"class_token"`
}

// Pair is a number for both rows and columns, or one for each.
type Pair [2]int

// UnmarshalJSON reads a number or a list of two.
func (p *Pair) UnmarshalJSON(b []byte) error {
	var one int
	if err := json.Unmarshal(b, &one); err == nil {
		*p = Pair{one, one}
		return nil
	}
	return json.Unmarshal(b, (*[2]int)(p))
}

// Layers reads the cases of layers.json. It fails the test if there are none.
func Layers(t *testing.T) []Layer {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Dir(), "layers.json"))
	return cases(t, b, err)
}

// Transformers reads the cases of transformers.json in the same way. Reference data in another folder may be older than that
// file: the test is then skipped.
func Transformers(t *testing.T) []Layer {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Dir(), "transformers.json"))
	if os.IsNotExist(err) && os.Getenv("LAYERNOISE_GOLDEN") != "" {
		t.Skip(err)
	}
	return cases(t, b, err)
}

func cases(t *testing.T, b []byte, err error) []Layer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var cases []Layer
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatalf("no cases in %s", Dir())
	}
	return cases
}

// Near fails the test unless every number is within tolerance of the wanted one, relative to the largest of those.
func Near(t *testing.T, name string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", name, len(got), len(want))
	}
	scale := 0.0
	for _, w := range want {
		scale = max(scale, math.Abs(w))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= tolerance*scale) {
			t.Fatalf("%s: element %d is %v, want %v", name, i, got[i], w)
		}
	}
}
