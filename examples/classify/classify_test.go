package main

import (
	"bytes"
	"context"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/layers"
)

// softmax is a network without kinks, for tests.
func init() {
	networks["softmax"] = network{make: func(i layers.Init) *layers.Sequential { return layers.NewMLP(i, 784, 10) }, flat: true}
	networks["small"] = network{make: func(i layers.Init) *layers.Sequential { return layers.NewMLP(i, 784, 12, 10) }, flat: true}
}

// tiny are settings of runs that take no time.
func tiny(out string) *settings {
	return &settings{
		Dataset: "digits", Net: "small", Subset: 40, Epochs: 4, Batch: 16, Optimizer: "sgd", LearnRate: 0.1, Momentum: 0.9, Schedule: "cosine",
		NoiseEpochs: 3, TraceImages: 32, Probes: 2, noise: "none,layer,all", sigma: "0.1", seeds: 2, out: out,
	}
}

// limited is a context that ends after so many questions whether it has.
type limited struct {
	context.Context
	left int
}

func (l *limited) Err() error {
	if l.left--; l.left < 0 {
		return context.Canceled
	}
	return nil
}

// train runs the experiment until it is done, each time for so many batches, and returns its folder and how often it began.
func train(t *testing.T, batches int) (folder string, starts int) {
	t.Helper()
	s := tiny(t.TempDir())
	noises, err := s.parse()
	if err != nil {
		t.Fatal(err)
	}
	for starts = 1; ; starts++ {
		x, err := openExperiment(context.Background(), s, noises)
		if err != nil {
			t.Fatal(err)
		}
		err = x.train(&limited{context.Background(), batches})
		if err == nil {
			if err := x.report(new(bytes.Buffer)); err != nil {
				t.Fatal(err)
			}
			return s.out, starts
		}
		if starts > 100 {
			t.Fatalf("no progress after %d starts: %v", starts, err)
		}
	}
}

// A training that is interrupted again and again ends with the same bytes.
func TestResume(t *testing.T) {
	whole, starts := train(t, 1_000_000)
	if starts != 1 {
		t.Fatalf("%d starts without an interruption", starts)
	}
	parts, starts := train(t, 300)
	if starts < 5 {
		t.Fatalf("%d starts: the test interrupts too seldom", starts)
	}
	for _, name := range []string{resultsName, tableName, curvesName} {
		want, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(parts, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is another one after %d starts", name, starts)
		}
	}
	if left, err := filepath.Glob(filepath.Join(parts, checkpointName+"*")); err != nil || len(left) > 0 {
		t.Errorf("checkpoints are left behind: %v (%v)", left, err)
	}
}

// reported trains what s asks for and returns it with its noises and the report.
func reported(t *testing.T, s *settings) (*experiment, []noise, string) {
	t.Helper()
	noises, err := s.parse()
	if err != nil {
		t.Fatal(err)
	}
	x, err := openExperiment(context.Background(), s, noises)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.train(context.Background()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := x.report(&out); err != nil {
		t.Fatal(err)
	}
	return x, noises, out.String()
}

func TestReport(t *testing.T) {
	s := tiny(t.TempDir())
	x, noises, out := reported(t, s)
	line := regexp.MustCompile(`(?m)^result noise=(none|layer|all) sigma=(0|0\.1) test_acc=\d+\.\d+±\d+\.\d+ test_loss=\d+\.\d+±\d+\.\d+ hessian_trace=\d+\.\d+$`)
	if n := len(line.FindAllString(out, -1)); n != len(noises) {
		t.Errorf("%d result lines, want %d, in\n%s", n, len(noises), out)
	}
	// Paired differences are those of runs with the same seed.
	layer := noises[1]
	var sum float64
	for seed := uint64(1); seed <= 2; seed++ {
		sum += x.find(layer, seed).end().TestLoss - x.find(noises[0], seed).end().TestLoss
	}
	if d, ok := x.paired(layer, testLoss); !ok || math.Abs(d.mean-sum/2) > 1e-12 {
		t.Errorf("paired difference %v, want %v", d, sum/2)
	}
	file, err := os.Open(filepath.Join(s.out, curvesName))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := png.Decode(file); err != nil {
		t.Error(err)
	}
	// The noise is off for the last epoch, and the evaluations are clean: training loss falls under all noises.
	for _, r := range x.Runs {
		if first, last := r.Points[0].TrainLoss, r.end().TrainLoss; last >= first {
			t.Errorf("%v, seed %d: training loss %v, at first %v", r.noise, r.Seed, last, first)
		}
	}
}

// Runs whose loss is no longer finite are recorded as such, and are in no mean.
func TestDiverged(t *testing.T) {
	s := tiny(t.TempDir())
	s.LearnRate, s.WeightDecay = 1e9, 1e9
	_, noises, out := reported(t, s)
	if n := strings.Count(out, "(2 diverged)"); n != len(noises) {
		t.Errorf("%d noises of %d are reported as diverged in\n%s", n, len(noises), out)
	}
	if n := strings.Count(out, "NaN"); n > 0 {
		t.Errorf("NaN in\n%s", out)
	}
}

// For a network without kinks the two traces are the same, up to their errors.
func TestTracesAgreeWithoutKinks(t *testing.T) {
	s := tiny(t.TempDir())
	s.Net, s.Probes = "softmax", 400
	train, err := s.choose(images{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCurvature(networks[s.Net].make(layers.Init{Seed: 1}), s, train)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	smooth, differences, err := c.traces(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("away from kinks %v, by differences %v", *smooth, *differences)
	if d, e := math.Abs(smooth.Mean-differences.Mean), math.Hypot(smooth.StdErr, differences.StdErr); d > 5*e || e > 0.1*smooth.Mean {
		t.Errorf("traces %v and %v", *smooth, *differences)
	}
}

func TestDrawLabels(t *testing.T) {
	const n = 20_000
	logits := make([]float32, 0, 3*n)
	for range n {
		logits = append(logits, 0, 1, -1)
	}
	labels, counts := make([]int, n), make([]float64, 3)
	drawLabels(rand.New(rand.NewPCG(1, 2)), logits, labels)
	for _, l := range labels {
		counts[l] += 1.0 / n
	}
	total := 1 + math.E + 1/math.E
	for k, p := range []float64{1 / total, math.E / total, 1 / math.E / total} {
		if math.Abs(counts[k]-p) > 5*math.Sqrt(p*(1-p)/n) {
			t.Errorf("label %d in %v of the draws, want %v", k, counts[k], p)
		}
	}
}

func TestSettingsRefuse(t *testing.T) {
	for name, change := range map[string]func(*settings){
		"dataset":      func(s *settings) { s.Dataset = "imagenet" },
		"net":          func(s *settings) { s.Net = "mlp9" },
		"optimizer":    func(s *settings) { s.Optimizer = "lion" },
		"schedule":     func(s *settings) { s.Schedule = "linear" },
		"lr":           func(s *settings) { s.LearnRate = math.NaN() },
		"momentum":     func(s *settings) { s.Momentum = 1 },
		"weight-decay": func(s *settings) { s.WeightDecay = -1 },
		"epochs":       func(s *settings) { s.Epochs = 0 },
		"batch":        func(s *settings) { s.Batch = 0 },
		"seeds":        func(s *settings) { s.seeds = 0 },
		"trace-images": func(s *settings) { s.TraceImages = 15 },
		"noise":        func(s *settings) { s.noise = "none,some" },
		"sigma":        func(s *settings) { s.sigma = "0.1,x" },
		"out":          func(s *settings) { s.out = "" },
	} {
		s := tiny(t.TempDir())
		change(s)
		if _, err := s.parse(); err == nil || !strings.Contains(err.Error(), "-"+name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A folder with results of other settings is refused and left alone; more seeds and noises may be added.
func TestFolderOfOtherSettings(t *testing.T) {
	s := tiny(t.TempDir())
	s.seeds, s.noise = 1, "none"
	open := func() (*experiment, error) {
		noises, err := s.parse()
		if err != nil {
			t.Fatal(err)
		}
		return openExperiment(context.Background(), s, noises)
	}
	x, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if err := x.train(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.seeds, s.noise = 2, "none,layer"
	if x, err = open(); err != nil || !x.find(noise{Kind: "none"}, 1).ended() {
		t.Errorf("more seeds: error %v, runs %v", err, x)
	}
	s.LearnRate = 0.2
	if _, err := open(); err == nil {
		t.Error("another learning rate: no error")
	}
}
