package layers_test

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// resumable describes a training.
type resumable struct {
	net       string
	solver    string
	selection string
}

const (
	resumeBatch  = 6
	resumeEpochs = 2
	resumeImages = 20 // three full batches and one that is padded
)

// wrapper has the methods common to PerturbedSolver and SAM.
type wrapper interface {
	G.Solver
	encoding.BinaryMarshaler
	Last() optim.Injection
}

// task is a resumable training with new objects, as in a new process.
type task struct {
	net    layers.Layer
	model  *layers.Classifier
	solver wrapper
	train  *datasets.Loader
	test   *datasets.Loader
}

func (r resumable) make(t testing.TB) *task {
	t.Helper()
	fail := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	k := new(task)
	init := layers.Init{Seed: 1}
	image := []int{784}
	switch r.net {
	case "mlp":
		k.net = layers.NewSequential(layers.NewDense("fc1", 784, 8, init), layers.NewReLU(), layers.NewDropout(0.3, 5),
			layers.NewDense("fc2", 8, 8, init), layers.NewReLU(), layers.NewDropout(0.3, 5), layers.NewDense("fc3", 8, 10, init))
	case "cnn":
		image = []int{1, 28, 28}
		k.net = layers.NewSequential(layers.NewConv2D("conv", 1, 2, layers.ConvConfig{Kernel: layers.Square(3), Stride: layers.Square(2)}, init), layers.NewBatchNorm("bn", 2, init), layers.NewReLU(),
			layers.NewDropout(0.2, 6), layers.NewMaxPool2D(layers.PoolConfig{Kernel: layers.Square(2)}), layers.NewFlatten(), layers.NewDense("fc", 72, 10, init))
	}
	var base G.Solver
	var err error
	switch r.solver {
	case "sgd":
		base, err = optim.NewSGD(0.05, optim.WithMomentum(0.9), optim.WithWeightDecay(1e-3))
	case "adam":
		base, err = optim.NewAdam(0.01, optim.WithLearnRateSchedule(optim.Cosine(10)))
	case "adamw":
		base, err = optim.NewAdamW(0.01)
	}
	fail(err)
	if r.selection == "SAM" {
		k.solver, err = optim.NewSAM(base, 0.1, optim.WithSeed(3), optim.WithSelection(optim.Uniform()))
	} else {
		selection := map[string]func() optim.Selection{"cyclic": optim.Cyclic, "uniform": optim.Uniform, "shuffled": optim.Shuffled, "all": optim.All}[r.selection]
		k.solver, err = optim.NewPerturbedSolver(base, 0.02, optim.WithSeed(3), optim.WithSelection(selection()))
	}
	fail(err)
	k.model, err = layers.NewClassifier(k.net, resumeBatch, image...)
	fail(err)
	config := datasets.LoaderConfig{Batch: resumeBatch, Flat: len(image) == 1, Shuffle: true, Seed: 2, Last: datasets.LastPad,
		Augment: datasets.Augmentation{Pad: 2, Flip: true}}
	k.train, err = datasets.Digits(resumeImages, 1).Loader(config)
	fail(err)
	k.test, err = datasets.Digits(15, 2).Loader(datasets.LoaderConfig{Batch: resumeBatch, Flat: len(image) == 1})
	fail(err)
	return k
}

// fit trains for the epochs of the test.
func (k *task) fit(ctx context.Context, config layers.FitConfig) (*layers.History, error) {
	config.Epochs, config.Validation = resumeEpochs, k.test
	return k.model.Fit(ctx, k.train, k.solver, config)
}

// state returns the state after a training, for comparisons bit by bit.
func (k *task) state(t testing.TB, h *layers.History) string {
	t.Helper()
	var weights, table bytes.Buffer
	if err := layers.SaveTo(&weights, k.net); err != nil {
		t.Fatal(err)
	}
	if err := h.WriteJSON(&table); err != nil {
		t.Fatal(err)
	}
	solver, err := k.solver.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x\n%v\n%s%v %v %x", weights.Bytes(), h.Losses, table.Bytes(), h.Best, h.Stopped, solver)
}

var errStopHere = errors.New("stop here")

// TestResume stops trainings at every step of two epochs and resumes them from the checkpoint with new objects: weights,
// running statistics, solver and history have the same bits as without interruption.
func TestResume(t *testing.T) {
	var trainings []resumable
	for _, net := range []string{"mlp", "cnn"} {
		for _, solver := range []string{"sgd", "adam", "adamw"} {
			for _, selection := range []string{"cyclic", "uniform", "shuffled", "all", "SAM"} {
				trainings = append(trainings, resumable{net, solver, selection})
			}
		}
	}
	for _, r := range trainings {
		t.Run(fmt.Sprintf("%s/%s/%s", r.net, r.solver, r.selection), func(t *testing.T) {
			whole := r.make(t)
			h, err := whole.fit(ctx, layers.FitConfig{})
			if err != nil {
				t.Fatal(err)
			}
			want, steps := whole.state(t, h), len(h.Losses)
			if steps != 8 {
				t.Fatalf("%d steps", steps)
			}
			for stop := range steps {
				config := layers.FitConfig{Checkpoint: filepath.Join(t.TempDir(), "checkpoint"), Resume: true}
				first := config
				first.CheckpointEvery = stop + 1 // each is flushed to disk
				first.OnStep = func(s layers.Step) error {
					if s.Number == stop {
						return errStopHere
					}
					return nil
				}
				if _, err := r.make(t).fit(ctx, first); !errors.Is(err, errStopHere) {
					t.Fatalf("error %v, want %v", err, errStopHere)
				}
				again := r.make(t)
				h, err := again.fit(ctx, config)
				if err != nil {
					t.Fatal(err)
				}
				if again.state(t, h) != want {
					t.Errorf("stopped after step %d: other bits than in one go", stop)
				}
			}
		})
	}
}

// TestResumeInProcess: the same classifier and solver continue with the batch at which a Fit was cancelled.
func TestResumeInProcess(t *testing.T) {
	r := resumable{"cnn", "adam", "cyclic"}
	whole := r.make(t)
	h, err := whole.fit(ctx, layers.FitConfig{})
	if err != nil {
		t.Fatal(err)
	}
	want := whole.state(t, h)
	k := r.make(t)
	stopped, cancel := context.WithCancel(ctx)
	first, err := k.fit(stopped, layers.FitConfig{OnStep: func(s layers.Step) error {
		if s.Number == 1 {
			cancel()
		}
		return nil
	}})
	if !errors.Is(err, context.Canceled) || len(first.Losses) != 2 {
		t.Fatalf("%d steps, error %v", len(first.Losses), err)
	}
	second, err := k.fit(ctx, layers.FitConfig{})
	if err != nil {
		t.Fatal(err)
	}
	second.Losses = slices.Concat(first.Losses, second.Losses)
	if k.state(t, second) != want {
		t.Error("other bits than in one go")
	}
}

// withoutSolver returns a state without the solver's part, in which gob numbers types in an order that differs by process.
func withoutSolver(state string) string { return state[:strings.LastIndexByte(state, ' ')] }

// TestKill runs a training in child processes that are killed at random moments, twenty times: its checkpoint is always
// complete, and it ends with the same bits as one that is not killed.
func TestKill(t *testing.T) {
	const variable = "LAYERNOISE_TEST_KILL"
	r := resumable{"cnn", "adam", "cyclic"}
	config := func(dir string) layers.FitConfig {
		return layers.FitConfig{Checkpoint: filepath.Join(dir, "checkpoint"), CheckpointEvery: 1, Resume: true, Best: filepath.Join(dir, "best.npz")}
	}
	if dir := os.Getenv(variable); dir != "" { // the child
		k := r.make(t)
		c := config(dir)
		c.OnStep = func(layers.Step) error { time.Sleep(3 * time.Millisecond); return nil }
		h, err := k.fit(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "end"), []byte(k.state(t, h)), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	whole := r.make(t)
	h, err := whole.fit(ctx, layers.FitConfig{})
	if err != nil {
		t.Fatal(err)
	}
	want := whole.state(t, h)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	kills, dir := 0, t.TempDir()
	for kills < 20 {
		child := exec.Command(program, "-test.run=^TestKill$")
		child.Env = append(os.Environ(), variable+"="+dir)
		var output bytes.Buffer
		child.Stdout, child.Stderr = &output, &output
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(5+random.IntN(60))*time.Millisecond, func() { child.Process.Kill() })
		err := child.Wait()
		if timer.Stop(); err == nil { // it has finished: start another
			if end, err := os.ReadFile(filepath.Join(dir, "end")); err != nil || withoutSolver(string(end)) != withoutSolver(want) {
				t.Fatalf("after %d kills: other bits than in one go (%v)", kills, err)
			}
			dir = t.TempDir()
			continue
		}
		if !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v\n%s", err, output.Bytes())
		}
		kills++
		for _, name := range []string{"best.npz"} {
			file := filepath.Join(dir, name)
			if _, err := os.Stat(file); err == nil {
				if err := layers.Load(file, r.make(t).net); err != nil {
					t.Fatalf("a file half written: %v", err)
				}
			}
		}
	}
	k := r.make(t)
	if h, err = k.fit(ctx, config(dir)); err != nil || k.state(t, h) != want {
		t.Errorf("other bits than in one go after %d kills (%v)", kills, err)
	}
}

// TestEarlyStopping: the training ends when validation has not improved for Patience passes, Best holds the weights of the
// best pass, and resuming a training that has ended changes nothing.
func TestEarlyStopping(t *testing.T) {
	dir := t.TempDir()
	k := resumable{"mlp", "sgd", "cyclic"}.make(t)
	config := layers.FitConfig{Epochs: 200, Validation: k.test, Patience: 3,
		Best: filepath.Join(dir, "best.npz"), Checkpoint: filepath.Join(dir, "checkpoint"), Resume: true}
	var rates []float64
	config.OnStep = func(s layers.Step) error { rates = append(rates, s.Rate); return nil }
	h, err := k.model.Fit(ctx, k.train, k.solver, config)
	if err != nil {
		t.Fatal(err)
	}
	n := len(h.Epochs)
	if !h.Stopped || n == 200 || h.Best != n-1-3 {
		t.Fatalf("stopped %v after %d passes, the best number %d", h.Stopped, n, h.Best)
	}
	for i, e := range h.Epochs {
		if best := h.Epochs[h.Best].Validation.Loss; e.Validation.Loss < best || e.Validation.Loss == best && i < h.Best {
			t.Errorf("pass %d has less validation loss than the best", i)
		}
	}
	if slices.Min(rates) != 0.05 || slices.Max(rates) != 0.05 {
		t.Errorf("rates from %v to %v, want 0.05", slices.Min(rates), slices.Max(rates))
	}
	again := resumable{"mlp", "sgd", "cyclic"}.make(t)
	config.Validation = again.test
	h2, err := again.model.Fit(ctx, again.train, again.solver, config)
	if err != nil || !reflect.DeepEqual(h, h2) {
		t.Errorf("another history after a training that has ended (%v)", err)
	}
	if err := layers.Load(config.Best, again.net); err != nil {
		t.Fatal(err)
	}
	m, err := again.model.Evaluate(ctx, again.test)
	if err != nil || m != *h.Epochs[h.Best].Validation {
		t.Errorf("the best weights give %v, want %v (%v)", m, *h.Epochs[h.Best].Validation, err)
	}
}

// flipped returns data with a bit of byte i flipped.
func flipped(data []byte, i int) []byte {
	data = bytes.Clone(data)
	data[i] ^= 4
	return data
}

// TestResumeErrors: a checkpoint of another training, or a damaged one, is an error, and network and solver are unchanged.
func TestResumeErrors(t *testing.T) {
	r := resumable{"mlp", "adam", "cyclic"}
	file := filepath.Join(t.TempDir(), "checkpoint")
	if _, err := r.make(t).fit(ctx, layers.FitConfig{Checkpoint: file}); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data   []byte
		of     resumable
		change func(k *task, c *layers.FitConfig)
		want   string
	}{
		"cut":             {data: good[:len(good)/2], of: r, want: "checksum"},
		"cut at the end":  {data: good[:len(good)-1], of: r, want: "checksum"},
		"a byte too many": {data: append(good[:len(good):len(good)], 0), of: r, want: "checksum"},
		"a flipped bit":   {data: flipped(good, len(good)/3), of: r, want: "checksum"},
		"in the history":  {data: flipped(good, len(good)-20), of: r, want: "checksum"},
		"another file":    {data: flipped(good, 0), of: r, want: "not a checkpoint"},
		"empty":           {data: nil, of: r, want: "EOF"},
		"another network": {data: good, of: resumable{"cnn", "adam", "cyclic"}, want: "checkpoint"},
		"another solver":  {data: good, of: resumable{"mlp", "sgd", "cyclic"}, want: "base solver"},
		"other batches": {data: good, of: r, want: "4 batches per pass, this one has 2", change: func(k *task, _ *layers.FitConfig) {
			k.train, _ = datasets.Digits(12, 1).Loader(datasets.LoaderConfig{Batch: resumeBatch, Flat: true})
		}},
		"a later epoch": {data: good, of: r, want: "starts at epoch 9", change: func(_ *task, c *layers.FitConfig) { c.FirstEpoch = 9 }},
	} {
		if err := os.WriteFile(file, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		k := c.of.make(t)
		config := layers.FitConfig{Checkpoint: file, Resume: true}
		if c.change != nil {
			c.change(k, &config)
		}
		before := k.state(t, new(layers.History))
		if _, err := k.fit(ctx, config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		if k.state(t, new(layers.History)) != before {
			t.Errorf("%s: network or solver changed", name)
		}
	}
	k := r.make(t)
	for name, c := range map[string]struct {
		config layers.FitConfig
		solver G.Solver
		want   string
	}{
		"no validation for patience": {layers.FitConfig{Patience: 1}, k.solver, "need Validation"},
		"no file to resume":          {layers.FitConfig{Resume: true}, k.solver, "name of a Checkpoint"},
		"negative patience":          {layers.FitConfig{Patience: -1}, k.solver, "patience -1"},
		"epochs without end":         {layers.FitConfig{FirstEpoch: 1, Epochs: math.MaxInt}, k.solver, "epochs from number 1"},
		"a nil solver":               {layers.FitConfig{}, (*optim.SGD)(nil), "no solver"},
		"a nil validation":           {layers.FitConfig{Validation: (*datasets.Loader)(nil)}, k.solver, "Validation is a *datasets.Loader"},
		"a solver without state":     {layers.FitConfig{Checkpoint: file}, G.NewVanillaSolver(), "want MarshalBinary"},
	} {
		if _, err := k.model.Fit(ctx, k.train, c.solver, c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// TestHistoryFiles compares the files of a history with what they should be.
func TestHistoryFiles(t *testing.T) {
	h := layers.History{Best: 1, Epochs: []layers.Epoch{
		{Number: 4, Steps: 3, Loss: 0.5},
		{Number: 5, Steps: 3, Loss: 0.25, Validation: &layers.Metrics{Images: 10, Loss: 0.75, Accuracy: 0.8, Top5: 1}},
		{Number: 6, Steps: 3, Loss: 0.5, Validation: &layers.Metrics{Images: 10, Loss: math.Inf(1), ECE: math.NaN()}},
	}}
	for _, c := range []struct {
		write func(io.Writer) error
		want  string
	}{
		{h.WriteCSV, "epoch,steps,loss,validation_loss,validation_accuracy\n4,3,0.5,,\n5,3,0.25,0.75,0.8\n6,3,0.5,+Inf,0\n"},
		{h.WriteJSON, `{"epoch":4,"steps":3,"loss":0.5}` + "\n" +
			`{"epoch":5,"steps":3,"loss":0.25,"validation":{"images":10,"loss":0.75,"accuracy":0.8,"top5":1,"ece":0}}` + "\n" +
			`{"epoch":6,"steps":3,"loss":0.5,"validation":{"images":10,"loss":null,"accuracy":0,"top5":0,"ece":null}}` + "\n"},
	} {
		var b bytes.Buffer
		if err := c.write(&b); err != nil || b.String() != c.want {
			t.Errorf("%q, want %q (%v)", b.String(), c.want, err)
		}
	}
	for _, e := range h.Epochs[1:] {
		data, err := json.Marshal(e)
		var again layers.Epoch
		if err == nil {
			err = json.Unmarshal(data, &again)
		}
		if math.IsInf(e.Validation.Loss, 1) {
			e.Validation.Loss = math.NaN() // as documented
		}
		if diff := cmp.Diff(e, again, cmpopts.EquateNaNs()); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", data, err, diff)
		}
	}
}
