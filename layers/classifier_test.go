package layers_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var ctx = context.Background()

// newModel makes a classifier of images (1, 2, 3) to 4 classes in batches of 5, with a batch norm.
func newModel(t testing.TB, dtype tensor.Dtype) (*layers.Classifier, *layers.Sequential) {
	t.Helper()
	init := layers.Init{Seed: 1, Dtype: dtype}
	net := layers.NewSequential(
		layers.NewFlatten(),
		layers.NewDense("fc1", 6, 8, init), layers.NewBatchNorm("bn1", 8, init), layers.NewReLU(),
		layers.NewDense("fc2", 8, 4, init),
	)
	model, err := layers.NewClassifier(net, 5, 1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	return model, net
}

// newBatches makes learnable batches of the given sizes: the class is the index of the largest of the first four pixels.
func newBatches(dtype tensor.Dtype, sizes ...int) *list {
	l := &list{}
	for i, n := range sizes {
		x := random(uint64(40+i), dtype, n, 1, 2, 3)
		v := floats(x)
		labels := make([]int, n)
		for j := range labels {
			for k := range 4 {
				if v[6*j+k] > v[6*j+labels[j]] {
					labels[j] = k
				}
			}
		}
		l.images, l.labels = append(l.images, x), append(l.labels, labels)
	}
	return l
}

// TestFit trains for some epochs: the loss falls, the history is complete and agrees with the callbacks, and the training
// images are classified.
func TestFit(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		model, _ := newModel(t, dtype)
		batches := newBatches(dtype, 5, 5, 5, 3)
		var steps []layers.Step
		var epochs []layers.Epoch
		history, err := model.Fit(ctx, batches, G.NewVanillaSolver(G.WithLearnRate(0.1)), layers.FitConfig{
			Epochs:     60,
			FirstEpoch: 2,
			OnStep:     func(s layers.Step) error { steps = append(steps, s); return nil },
			OnEpoch:    func(e layers.Epoch) error { epochs = append(epochs, e); return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(epochs, history.Epochs); diff != "" {
			t.Errorf("epochs in callbacks and history:\n%s", diff)
		}
		if len(steps) != 180 || len(history.Losses) != 180 || len(epochs) != 60 {
			t.Fatalf("%d steps, %d losses, %d epochs", len(steps), len(history.Losses), len(epochs))
		}
		for i, s := range steps {
			if !math.IsNaN(s.Rate) {
				t.Fatalf("rate %v of a solver that does not tell", s.Rate)
			}
			s.Rate = 0
			if want := (layers.Step{Epoch: 2 + i/3, Number: i, Loss: history.Losses[i]}); s != want {
				t.Fatalf("callback %d saw %v, want %v", i, s, want)
			}
		}
		for i, e := range epochs {
			l := history.Losses[3*i : 3*i+3]
			mean := (l[0] + l[1] + l[2]) / 3
			if e.Number != 2+i || e.Steps != 3 || math.Abs(e.Loss-mean) > 1e-12 || batches.starts[i] != 2+i {
				t.Fatalf("epoch %d: %v, mean loss %v, started as %d", i, e, mean, batches.starts[i])
			}
		}
		if first, last := epochs[0].Loss, epochs[59].Loss; !(last < first/3) {
			t.Errorf("%v: loss went from %v to %v", dtype, first, last)
		}
		m, err := model.Evaluate(ctx, batches)
		if err != nil {
			t.Fatal(err)
		}
		if m.Images != 18 || m.Accuracy < 0.8 {
			t.Errorf("%v: %+v after training", dtype, m)
		}
	}
}

// TestFitIsReproducible: two trainings with the same seeds agree to the last bit.
func TestFitIsReproducible(t *testing.T) {
	train := func() map[string][]float64 {
		model, net := newModel(t, tensor.Float32)
		if _, err := model.Fit(ctx, newBatches(tensor.Float32, 5, 5), G.NewVanillaSolver(), layers.FitConfig{Epochs: 3}); err != nil {
			t.Fatal(err)
		}
		return values(net)
	}
	if diff := cmp.Diff(train(), train()); diff != "" {
		t.Error(diff)
	}
}

// TestFitInParts: training for two epochs and then two more, with one solver, is training for four.
func TestFitInParts(t *testing.T) {
	train := func(parts ...layers.FitConfig) map[string][]float64 {
		model, net := newModel(t, tensor.Float64)
		solver := G.NewMomentum(G.WithLearnRate(0.1))
		for _, c := range parts {
			if _, err := model.Fit(ctx, newBatches(tensor.Float64, 5, 5), solver, c); err != nil {
				t.Fatal(err)
			}
		}
		return values(net)
	}
	whole := train(layers.FitConfig{Epochs: 4})
	if diff := cmp.Diff(whole, train(layers.FitConfig{Epochs: 2}, layers.FitConfig{Epochs: 2, FirstEpoch: 2})); diff != "" {
		t.Error(diff)
	}
}

// TestFitRefusesBatches: a batch that does not fit is an error, with weights, running statistics and history as after the
// previous step.
func TestFitRefusesBatches(t *testing.T) {
	nan := newBatches(tensor.Float32, 5).images[0]
	nan.Data().([]float32)[3] = float32(math.NaN())
	transposed := random(1, tensor.Float32, 6, 5)
	if err := transposed.T(); err != nil {
		t.Fatal(err)
	}
	labels := []int{0, 1, 2, 3, 0}
	for _, c := range []struct {
		name   string
		images *tensor.Dense
		labels []int
		want   error
	}{
		{"other shape", random(1, tensor.Float32, 5, 1, 3, 2), labels, layers.ErrShape},
		{"other size", random(1, tensor.Float32, 5, 7), labels, layers.ErrShape},
		{"one axis", random(1, tensor.Float32, 30), labels, layers.ErrShape},
		{"too many images", random(1, tensor.Float32, 6, 1, 2, 3), append(labels, 1), layers.ErrShape},
		{"no tensor", nil, labels, layers.ErrShape},
		{"integers", tensor.New(tensor.Of(tensor.Int), tensor.WithShape(5, 1, 2, 3)), labels, layers.ErrShape},
		{"transposed", transposed, labels, layers.ErrShape},
		{"too few labels", random(1, tensor.Float32, 5, 1, 2, 3), labels[:4], layers.ErrShape},
		{"label too large", random(1, tensor.Float32, 5, 1, 2, 3), []int{0, 1, 4, 0, 0}, layers.ErrLabel},
		{"negative label", random(1, tensor.Float32, 5, 1, 2, 3), []int{0, 1, -1, 0, 0}, layers.ErrLabel},
		{"NaN", nan, labels, layers.ErrNotFinite},
	} {
		t.Run(c.name, func(t *testing.T) {
			model, net := newModel(t, tensor.Float32)
			batches := newBatches(tensor.Float32, 5)
			batches.images, batches.labels = append(batches.images, c.images), append(batches.labels, c.labels)
			var want map[string][]float64
			history, err := model.Fit(ctx, batches, G.NewVanillaSolver(), layers.FitConfig{
				OnStep: func(layers.Step) error { want = values(net); return nil },
			})
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if diff := cmp.Diff(want, values(net)); diff != "" {
				t.Errorf("the network changed:\n%s", diff)
			}
			if len(history.Losses) != 1 || len(history.Epochs) != 0 {
				t.Errorf("history %+v, want one step", history)
			}
		})
	}
}

// TestFitAfterFailure: a training continued after a loss that was not finite is as if that batch had not been served.
func TestFitAfterFailure(t *testing.T) {
	bad := newBatches(tensor.Float64, 5)
	bad.images[0].Data().([]float64)[0] = math.Inf(1)
	train := func(fail bool) map[string][]float64 {
		model, net := newModel(t, tensor.Float64)
		solver := G.NewVanillaSolver()
		for i := range 3 {
			if fail && i == 1 {
				if _, err := model.Fit(ctx, bad, solver, layers.FitConfig{}); !errors.Is(err, layers.ErrNotFinite) {
					t.Fatalf("error %v", err)
				}
			}
			if _, err := model.Fit(ctx, newBatches(tensor.Float64, 5), solver, layers.FitConfig{}); err != nil {
				t.Fatal(err)
			}
		}
		return values(net)
	}
	if diff := cmp.Diff(train(false), train(true)); diff != "" {
		t.Error(diff)
	}
}

var errStop = errors.New("stop")

// TestFitEndsEarly: whatever ends a training early is its error.
func TestFitEndsEarly(t *testing.T) {
	cancelled, cancel := context.WithCancel(ctx)
	broken := newBatches(tensor.Float32, 5, 5, 5)
	broken.breakAt = 3
	atStep := func(n int, do func() error) func(layers.Step) error {
		return func(s layers.Step) error {
			if s.Number == n {
				return do()
			}
			return nil
		}
	}
	for _, c := range []struct {
		name    string
		ctx     context.Context
		batches *list
		config  layers.FitConfig
		want    error
		steps   int
	}{
		{"cancelled", cancelled, newBatches(tensor.Float32, 5, 5, 5), layers.FitConfig{OnStep: atStep(1, func() error { cancel(); return nil })}, context.Canceled, 2},
		{"step callback", ctx, newBatches(tensor.Float32, 5, 5, 5), layers.FitConfig{OnStep: atStep(0, func() error { return errStop })}, errStop, 1},
		{"epoch callback", ctx, newBatches(tensor.Float32, 5, 5), layers.FitConfig{Epochs: 9, OnEpoch: func(layers.Epoch) error { return errStop }}, errStop, 2},
		{"broken batches", ctx, broken, layers.FitConfig{}, errBroken, 2},
		{"only short batches", ctx, newBatches(tensor.Float32, 4, 4), layers.FitConfig{}, layers.ErrNoStep, 0},
		{"no batches", ctx, newBatches(tensor.Float32), layers.FitConfig{}, layers.ErrNoStep, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			model, _ := newModel(t, tensor.Float32)
			history, err := model.Fit(c.ctx, c.batches, G.NewVanillaSolver(), c.config)
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if len(history.Losses) != c.steps {
				t.Errorf("%d steps, want %d", len(history.Losses), c.steps)
			}
		})
	}
}

func TestFitRefusesArguments(t *testing.T) {
	model, _ := newModel(t, tensor.Float32)
	if _, err := model.Fit(ctx, newBatches(tensor.Float32, 5), nil, layers.FitConfig{}); err == nil {
		t.Error("trained without a solver")
	}
	if _, err := model.Fit(ctx, nil, G.NewVanillaSolver(), layers.FitConfig{}); err == nil {
		t.Error("trained without batches")
	}
	if _, err := model.Fit(ctx, newBatches(tensor.Float32, 5), G.NewVanillaSolver(), layers.FitConfig{Epochs: -1}); err == nil {
		t.Error("trained for -1 epochs")
	}
}

// TestEvaluate compares loss and accuracy over batches of any sizes, smaller and larger than the graph's, with those over
// the images one by one.
func TestEvaluate(t *testing.T) {
	model, net := newModel(t, tensor.Float64)
	if _, err := model.Fit(ctx, newBatches(tensor.Float64, 5, 5), G.NewVanillaSolver(G.WithLearnRate(0.5)), layers.FitConfig{Epochs: 5}); err != nil {
		t.Fatal(err)
	}
	batches := newBatches(tensor.Float64, 5, 12, 1, 3)
	before := values(net)
	got, err := model.Evaluate(ctx, batches)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, values(net)); diff != "" {
		t.Errorf("the network changed:\n%s", diff)
	}
	want := layers.Metrics{Images: 21}
	var sure, right [15]float64 // by bin of the predicted class's probability
	for i, images := range batches.images {
		p, err := model.Probabilities(ctx, images)
		if err != nil {
			t.Fatal(err)
		}
		classes, err := model.Predict(ctx, images)
		if err != nil {
			t.Fatal(err)
		}
		if len(classes) != images.Shape()[0] || !p.Shape().Eq(tensor.Shape{len(classes), 4}) {
			t.Fatalf("%d images: %d classes, probabilities %v", images.Shape()[0], len(classes), p.Shape())
		}
		for j, class := range classes {
			row, sum := p.Data().([]float64)[4*j:4*j+4], 0.0
			for _, v := range row {
				sum += v
				if v > row[class] {
					t.Errorf("class %d of %v", class, row)
				}
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("probabilities %v add up to %v", row, sum)
			}
			want.Loss -= math.Log(row[batches.labels[i][j]]) / 21
			bin := int(math.Ceil(15*row[class])) - 1
			sure[bin] += row[class]
			if class == batches.labels[i][j] {
				want.Accuracy += 1. / 21
				right[bin]++
			}
		}
	}
	for i := range sure {
		want.ECE += math.Abs(right[i]-sure[i]) / 21
	}
	if got.Images != want.Images || math.Abs(got.Loss-want.Loss) > 1e-12 || math.Abs(got.ECE-want.ECE) > 1e-12 || math.Abs(got.Accuracy-want.Accuracy) > 1e-12 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if want.Accuracy == 0 || want.Accuracy == 1 {
		t.Errorf("accuracy %v tests little", want.Accuracy)
	}
}

// TestEvaluateDoesNotDependOnBatches: rows that a small batch does not fill have no effect.
func TestEvaluateDoesNotDependOnBatches(t *testing.T) {
	model, _ := newModel(t, tensor.Float64)
	images := random(9, tensor.Float64, 7, 1, 2, 3)
	all, err := model.Probabilities(ctx, images)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		one := tensor.New(tensor.WithShape(1, 1, 2, 3), tensor.WithBacking(images.Data().([]float64)[6*i:6*i+6]))
		p, err := model.Probabilities(ctx, one)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range p.Data().([]float64) {
			if w := all.Data().([]float64)[4*i+k]; math.Abs(v-w) > 1e-14 {
				t.Errorf("image %d alone: %v, among others %v", i, v, w)
			}
		}
	}
}

func TestEvaluateErrors(t *testing.T) {
	model, _ := newModel(t, tensor.Float32)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	broken := newBatches(tensor.Float32, 5, 5)
	broken.breakAt = 2
	label := newBatches(tensor.Float32, 3)
	label.labels[0][1] = 4
	for _, c := range []struct {
		name    string
		ctx     context.Context
		batches *list
		want    error
	}{
		{"cancelled", cancelled, newBatches(tensor.Float32, 5), context.Canceled},
		{"broken", ctx, broken, errBroken},
		{"empty", ctx, newBatches(tensor.Float32), layers.ErrNoImages},
		{"label", ctx, label, layers.ErrLabel},
		{"shape", ctx, &list{images: []*tensor.Dense{random(1, tensor.Float32, 2, 5)}, labels: [][]int{{0, 1}}}, layers.ErrShape},
	} {
		if m, err := model.Evaluate(c.ctx, c.batches); !errors.Is(err, c.want) || m != (layers.Metrics{}) {
			t.Errorf("%s: %+v, error %v", c.name, m, err)
		}
	}
}

// TestPredictNotFinite: images with a NaN have no class, NaN probabilities and a NaN loss, and do not affect other images.
func TestPredictNotFinite(t *testing.T) {
	model, _ := newModel(t, tensor.Float32)
	batches := newBatches(tensor.Float32, 2)
	good, err := model.Predict(ctx, batches.images[0])
	if err != nil {
		t.Fatal(err)
	}
	batches.images[0].Data().([]float32)[0] = float32(math.NaN())
	classes, err := model.Predict(ctx, batches.images[0])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{-1, good[1]}, classes); diff != "" {
		t.Error(diff)
	}
	m, err := model.Evaluate(ctx, batches)
	if err != nil || !math.IsNaN(m.Loss) || m.Accuracy > 0.5 {
		t.Errorf("%+v, error %v", m, err)
	}
}

// TestFlatImages: a network with flat input takes images in their own shape, and the other way around.
func TestFlatImages(t *testing.T) {
	model, _ := newModel(t, tensor.Float32)
	images := random(3, tensor.Float64, 2, 1, 2, 3)
	flat := tensor.New(tensor.WithShape(2, 6), tensor.WithBacking(images.Data()))
	want, err := model.Probabilities(ctx, images)
	if err != nil {
		t.Fatal(err)
	}
	got, err := model.Probabilities(ctx, flat)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Data(), got.Data()); diff != "" {
		t.Error(diff)
	}
}

// nothing returns neither a node nor an error.
func nothing(*G.Node) (*G.Node, error) { return nil, nil }

func TestNewClassifierErrors(t *testing.T) {
	init := layers.Init{}
	for _, c := range []struct {
		name  string
		net   layers.Layer
		batch int
		image []int
	}{
		{"nil", nil, 4, []int{3}},
		{"nil pointer", (*layers.Sequential)(nil), 4, []int{3}},
		{"batch beyond memory", layers.NewDense("fc", 3, 2, init), 1 << 62, []int{3}},
		{"images beyond memory", layers.NewDense("fc", 3, 2, init), 4, []int{1 << 32, 1 << 32}},
		{"no parameters", layers.NewReLU(), 4, []int{3}},
		{"broken layer", layers.NewDense("fc", 0, 1, init), 4, []int{3}},
		{"batch of none", layers.NewDense("fc", 3, 2, init), 0, []int{3}},
		{"no shape", layers.NewDense("fc", 3, 2, init), 4, nil},
		{"negative sizes", layers.NewDense("fc", 3, 2, init), 4, []int{-3, -1}},
		{"function that returns nothing", layers.NewSequential(layers.NewDense("fc", 3, 2, init), layers.NewFunc("f", nothing)), 4, []int{3}},
		{"empty shape", layers.NewDense("fc", 3, 2, init), 4, []int{3, 0}},
		{"other input", layers.NewDense("fc", 3, 2, init), 4, []int{4}},
		{"result of images", layers.NewBatchNorm("bn", 3, init), 4, []int{3, 2, 2}},
		{"mixed types", layers.NewSequential(layers.NewDense("a", 3, 3, init), layers.NewDense("b", 3, 2, layers.Init{Dtype: tensor.Float64})), 4, []int{3}},
	} {
		if _, err := layers.NewClassifier(c.net, c.batch, c.image...); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}
