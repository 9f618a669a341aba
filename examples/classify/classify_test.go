package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/interval"
	"github.com/layernoise/layernoise/examples/internal/limited"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim/distributed"
)

// softmax is a network without kinks, for tests.
func init() { networks["softmax"] = network{hidden: []int{}} }

// tiny returns settings of runs that take no time.
func tiny(out string) *settings {
	return &settings{
		Dataset: "digits", Net: "mlp-12", Subset: 40, Augment: "none", Epochs: 4, Batch: 16, Optimizer: "sgd", rate: "0.1", Momentum: 0.9,
		Schedule: "cosine", NoiseEpochs: 3, TraceImages: 32, Probes: 2, noise: "none,layer,all", sigma: "0.1", seeds: 2, tuneSeeds: 2, validate: 30,
		choose: "accuracy", out: out,
	}
}

// alone returns the world of a single process.
func alone(t *testing.T) *distributed.World {
	t.Helper()
	w, err := distributed.Init(distributed.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// open parses the settings and opens their folder.
func open(t *testing.T, s *settings) (*experiment, []choice) {
	t.Helper()
	choices, err := s.parse(alone(t))
	if err != nil {
		t.Fatal(err)
	}
	x, err := openExperiment(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return x, choices
}

// train runs the experiment, interrupted after the given number of batches each time, until it is done. It returns the folder
// and the number of starts.
func train(t *testing.T, batches int) (folder string, starts int) {
	t.Helper()
	s := tiny(t.TempDir())
	s.Subset = 16 * checkpointFrom // the runs keep checkpoints
	for starts = 1; ; starts++ {
		x, choices := open(t, s)
		err := x.make(limited.Context(batches), choices)
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
	parts, starts := train(t, 700)
	if starts < 5 {
		t.Fatalf("%d starts: the test interrupts too seldom", starts)
	}
	for _, name := range []string{resultsName, tableName, curvesName, "curves.svg"} {
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
	for _, ending := range []string{"checkpoint", "lock"} {
		if left, err := filepath.Glob(filepath.Join(parts, runsFolder, "*."+ending)); err != nil || len(left) > 0 {
			t.Errorf("files are left behind: %v (%v)", left, err)
		}
	}
}

// reported makes the runs of s, and returns the experiment, its choices and the report.
func reported(t *testing.T, s *settings) (*experiment, []choice, string) {
	t.Helper()
	x, choices := open(t, s)
	if err := x.make(context.Background(), choices); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := x.report(&out); err != nil {
		t.Fatal(err)
	}
	return x, choices, out.String()
}

func TestReport(t *testing.T) {
	s := tiny(t.TempDir())
	x, choices, out := reported(t, s)
	line := regexp.MustCompile(`(?m)^result noise=(none|layer|all) sigma=(0|0\.1) lr=0\.1 runs=2 test_acc=\d+\.\d+±\d+\.\d+ test_loss=\d+\.\d+±\d+\.\d+ test_ece=\d+\.\d+ hessian_trace=\d+\.\d+.*$`)
	if n := len(line.FindAllString(out, -1)); n != len(choices) {
		t.Errorf("%d result lines, want %d, in\n%s", n, len(choices), out)
	}
	// Paired differences are those of runs with the same seed.
	layer := choices[1]
	var sum float64
	for seed := uint64(1); seed <= 2; seed++ {
		sum += x.find(task{layer, onTest, seed}).end().Loss - x.find(task{choices[0], onTest, seed}).end().Loss
	}
	if d := x.difference(layer, onTest, loss); d.N != 2 || math.Abs(d.Mean-sum/2) > 1e-12 {
		t.Errorf("paired difference %v of %d, want %v", d, d.N, sum/2)
	}
	for _, name := range []string{curvesName, mistakesName} {
		file, err := os.Open(filepath.Join(s.out, name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := png.Decode(file); err != nil {
			t.Error(err)
		}
	}
	// The noise is off in the last epoch, and evaluations are clean: the training loss falls with each kind of noise.
	for _, r := range x.Runs {
		if first, last := r.Points[0].TrainLoss, r.end().TrainLoss; last >= first {
			t.Errorf("%v: training loss %v, at first %v", r.task, last, first)
		}
	}
}

// Early stopping is the beginning of a run without any method. Where its end is compared with that of none, so is that of a
// method with fewer epochs; after as many epochs only the latter.
func TestStop(t *testing.T) {
	s := tiny(t.TempDir())
	s.Schedule, s.NoiseEpochs, s.TraceImages, s.noise = "constant", 0, 0, "none,stop:0.5,sam-half:0.1"
	x, choices, _ := reported(t, s)
	if len(choices) != 3 || s.epochs(choices[1]) != 2 || s.epochs(choices[2]) != 2 {
		t.Fatalf("choices %v", choices)
	}
	for seed := uint64(1); seed <= 2; seed++ {
		whole, stopped := x.find(task{choices[0], onTest, seed}), x.find(task{choices[1], onTest, seed})
		if then := whole.at(2); then == nil || stopped.end().Loss != then.Loss || stopped.end().Loss == whole.end().Loss {
			t.Errorf("seed %d: loss %v where it stopped, %v of the whole run there", seed, stopped.end().Loss, then)
		}
	}
	var less float64
	for seed := uint64(1); seed <= 2; seed++ {
		less += (x.find(task{choices[2], onTest, seed}).end().Loss - x.find(task{choices[0], onTest, seed}).at(2).Loss) / 2
	}
	table := equalEpochsTable([]*results{&x.results})
	if strings.Contains(table, "stop") || strings.Count(table, "\n") != 3 || !strings.Contains(table, "| 0% | sam-half, rho 0.1 | 2 | ") ||
		!strings.Contains(table, fmt.Sprintf("| %+.3f ± ", less)) {
		t.Errorf("loss %+.3f less in\n%s", less, table)
	}
	along := x.alongTable()
	whole := x.find(task{choices[0], onTest, 1}).at(4).Loss/2 + x.find(task{choices[0], onTest, 2}).at(4).Loss/2
	if !strings.HasPrefix(along, "| accuracy, % / loss after epoch | 1 | 2 | 3 | 4 |\n") || !strings.Contains(along, fmt.Sprintf(" / %.3f |\n| stop", whole)) ||
		!strings.HasSuffix(along, " |  |  |\n") {
		t.Errorf("%.3f along\n%s", whole, along)
	}
}

// A gain of more than two standard errors, whose interval holds zero all the same, is not called one.
func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		gains []float64
		want  string
	}{
		{[]float64{1, 1.2, 0.8, 1.1, 0.9}, "beats"},
		{[]float64{1, 0.1, 2.2, 1.9, 0.1}, "does not beat"}, // 2.4 standard errors
		{[]float64{-1, -1.2, -0.8}, "does not beat"},
	} {
		i := interval.Of(test.gains)
		if got := verdict(i); got != test.want {
			t.Errorf("%v, %.1f standard errors: %s", i, i.Mean/i.StdErr(), got)
		}
	}
}

// Runs that diverge are recorded as such, and are in no mean.
func TestDiverged(t *testing.T) {
	s := tiny(t.TempDir())
	s.rate, s.WeightDecay = "1e9", 1e9
	_, choices, out := reported(t, s)
	if n := strings.Count(out, "(2 diverged)"); n != len(choices) {
		t.Errorf("%d choices of %d are reported as diverged in\n%s", n, len(choices), out)
	}
	if n := strings.Count(out, "NaN"); n > 0 {
		t.Errorf("NaN in\n%s", out)
	}
}

// For a network without kinks the two traces agree within their errors.
func TestTracesAgreeWithoutKinks(t *testing.T) {
	s := tiny(t.TempDir())
	s.Net, s.Probes = "softmax", 400
	train, _, err := s.imagesOf(images{}, task{On: onTest, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCurvature(networks[s.Net].build(train, 1, 0), s, train)
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
		"net":          func(s *settings) { s.Net = "mlp-0" },
		"net ":         func(s *settings) { s.Net = "cnn2" }, // digits are grey
		"optimizer":    func(s *settings) { s.Optimizer = "lion" },
		"schedule":     func(s *settings) { s.Schedule = "linear" },
		"augment":      func(s *settings) { s.Augment = "true" },
		"protocol":     func(s *settings) { s.protocol = "code" },
		"choose":       func(s *settings) { s.choose = "f1" },
		"lr":           func(s *settings) { s.rate = "NaN" },
		"momentum":     func(s *settings) { s.Momentum = 1 },
		"weight-decay": func(s *settings) { s.WeightDecay = -1 },
		"wrong-labels": func(s *settings) { s.LabelNoise = 1.5 },
		"epochs":       func(s *settings) { s.Epochs = 0 },
		"batch":        func(s *settings) { s.Batch = 0 },
		"subset":       func(s *settings) { s.Subset = 15 },
		"seeds":        func(s *settings) { s.seeds = 0 },
		"tune-seeds":   func(s *settings) { s.tuneSeeds = 0 },
		"validate":     func(s *settings) { s.validate = 0 },
		"trace-images": func(s *settings) { s.TraceImages = 15 },
		"noise":        func(s *settings) { s.noise = "none,some" },
		"noise ":       func(s *settings) { s.noise = "none:0.1" },
		"noise  ":      func(s *settings) { s.noise = "dropout" }, // of which probability?
		"noise   ":     func(s *settings) { s.noise = "dropout:1" },
		"noise    ":    func(s *settings) { s.noise = "layer,layer:0.1" }, // twice
		"noise     ":   func(s *settings) { s.noise = "stop:1" },
		"noise      ":  func(s *settings) { s.noise = "stop:0" },
		"sigma":        func(s *settings) { s.sigma = "0.1,x" },
		"out":          func(s *settings) { s.out = "" },
		"ranks":        func(s *settings) { s.howRanks = "none" },
		"part":         func(s *settings) { s.part = "2/2" },
		"part ":        func(s *settings) { s.part = "1/2/3" },
		"part  ":       func(s *settings) { s.part = "1" },
	} {
		s := tiny(t.TempDir())
		change(s)
		if _, err := s.parse(alone(t)); err == nil || !strings.Contains(err.Error(), "-"+strings.TrimSpace(name)) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A folder with results of other settings is an error and is not changed; more seeds and choices may be added.
func TestFolderOfOtherSettings(t *testing.T) {
	s := tiny(t.TempDir())
	s.seeds, s.noise = 1, "none"
	_, choices, _ := reported(t, s)
	s.seeds, s.noise = 2, "none,layer"
	x, _ := open(t, s)
	if !x.find(task{choices[0], onTest, 1}).ended() {
		t.Errorf("more seeds: runs %v", x.Runs)
	}
	s.Momentum = 0.8
	if _, err := openExperiment(context.Background(), s); err == nil {
		t.Error("another momentum: no error")
	}
	if err := os.Remove(filepath.Join(s.out, resultsName)); err != nil {
		t.Fatal(err)
	}
	if _, err := openExperiment(context.Background(), s); err == nil {
		t.Error("another momentum, in the files of runs alone: no error")
	}
}

// Processes that share a folder make each run once; the results of several folders can be merged.
func TestSharedFolder(t *testing.T) {
	s := tiny(t.TempDir())
	first, choices := open(t, s)
	held := task{choices[0], onTest, 1}
	release, err := first.claim(held)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := open(t, s)
	if r, err := second.trainOne(context.Background(), held, func(int) {}); r != nil || err != nil {
		t.Fatalf("a run that another process makes: %v, error %v", r, err)
	}
	done := make(chan error)
	go func() { done <- second.make(context.Background(), choices) }()
	if r, err := first.read(first.runFile(held, ".json")); r != nil || err != nil {
		t.Fatalf("a run that nobody has made: %v, error %v", r, err)
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	other := tiny(t.TempDir())
	other.seeds = 3
	third, _ := open(t, other)
	files, err := filepath.Glob(filepath.Join(s.out, runsFolder, "*.json"))
	if err != nil || len(files) != 6 {
		t.Fatalf("%d files of runs, want 6 (%v)", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(other.out, runsFolder, filepath.Base(name)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := third.gather(); err != nil {
		t.Fatal(err)
	}
	if len(third.Runs) != 6 || third.difference(choices[1], onTest, loss) != second.difference(choices[1], onTest, loss) {
		t.Errorf("%d runs after merging, difference %v, want %v", len(third.Runs), third.difference(choices[1], onTest, loss),
			second.difference(choices[1], onTest, loss))
	}
}

// TestParts makes a sweep in two parts that share a folder, one after the other: the second half begins when the first is
// complete, and the results are those of a single process.
func TestParts(t *testing.T) {
	sweep := func(out string) *settings {
		s := tiny(out)
		s.sweep, s.noise, s.NoiseEpochs = true, "none,layer:0.05/5", 0
		return s
	}
	whole := sweep(t.TempDir())
	reported(t, whole)
	out := t.TempDir()
	var made []int
	for _, part := range []string{"0/2", "1/2", "0/2"} {
		s := sweep(out)
		s.part = part
		x, _, _ := reported(t, s)
		made = append(made, len(x.Runs))
	}
	if want := []int{3, 8, 10}; !slices.Equal(made, want) { // of 3 choices with 2 seeds each, and then 2
		t.Errorf("runs in the folder %v, want %v", made, want)
	}
	want, err := os.ReadFile(filepath.Join(whole.out, resultsName))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(out, resultsName)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("other results than those of one process (%v)", err)
	}
}

// TestMine: the parts together are all runs, each once; independent ranks make all runs, starting at different ones.
func TestMine(t *testing.T) {
	all := tasks([]choice{{"none", 0, 1}, {"layer", 1, 1}}, onTest, 0, 5)
	var parts []task
	for i := range 3 {
		parts = append(parts, (&settings{parts: 3, partIndex: i}).mine(all)...)
	}
	begins := map[task]bool{}
	for rank := range 4 {
		list := (&settings{rank: rank, ranks: 4}).mine(all)
		begins[list[0]] = true
		slices.SortFunc(list, task.compare)
		if !slices.Equal(list, slices.SortedFunc(slices.Values(all), task.compare)) {
			t.Errorf("rank %d: %v", rank, list)
		}
	}
	slices.SortFunc(parts, task.compare)
	if !slices.Equal(parts, slices.SortedFunc(slices.Values(all), task.compare)) || len(begins) != 4 {
		t.Errorf("parts %v, ranks begin at %v", parts, begins)
	}
}

// A sweep chooses on validation images, with its own seeds, and reports the best of each kind on test images.
func TestSweep(t *testing.T) {
	s := tiny(t.TempDir())
	s.sweep, s.noise, s.NoiseEpochs = true, "none,layer:0.05/5,dropout:0.1", 0
	x, choices, out := reported(t, s)
	if len(choices) != 4 || len(x.choices(onValidation)) != 4 {
		t.Fatalf("choices %v, tried %v", choices, x.choices(onValidation))
	}
	want := []choice{{"none", 0, 0.1}, {"layer", 0.05, 0.1}, {"dropout", 0.1, 0.1}}
	if got := x.choices(onTest); !slices.Equal(got, want) {
		t.Errorf("reported %v, want %v", got, want)
	}
	for _, r := range x.Runs {
		if (r.On == onValidation) != (r.Seed > tuneSeed) || r.On == onValidation && len(r.Points) != 1 {
			t.Errorf("run %v with %d points", r.task, len(r.Points))
		}
	}
	if !strings.Contains(out, "| **layer, sigma 0.05** | 2 |") || strings.Contains(out, "**layer, sigma 5**") {
		t.Errorf("the table does not mark what was chosen:\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(s.out, sweepName)); err != nil {
		t.Error(err)
	}
}

// Tuning on the training images chooses settings that memorise them.
func TestValidationIsApart(t *testing.T) {
	all, err := datasets.Digits(60, 7).Subset(60, 1)
	if err != nil {
		t.Fatal(err)
	}
	x := images{train: all, test: datasets.Digits(5, 8)}
	if x.validation, x.rest, err = all.Split(20, validationSeed); err != nil {
		t.Fatal(err)
	}
	s := tiny("")
	train, measured, err := s.imagesOf(x, task{On: onValidation, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 40 || measured.Len() != 20 {
		t.Fatalf("%d images to train with, %d to validate", train.Len(), measured.Len())
	}
	seen := map[string]bool{}
	for i := range measured.Len() {
		seen[string(measured.Pixels(i))] = true
	}
	for i := range train.Len() {
		if seen[string(train.Pixels(i))] {
			t.Fatalf("image %d to train with is one to validate with", i)
		}
	}
}

// The authors' protocol sets whatever is not set by flags.
func TestProtocol(t *testing.T) {
	s := tiny("")
	s.protocol, s.Dataset, s.Net, s.noise = "paper", "cifar100", "cnn3", "layer"
	if err := s.follow(func(flag string) bool { return flag == "epochs" }); err != nil {
		t.Fatal(err)
	}
	if s.Epochs != 4 || s.Batch != 128 || s.Schedule != "cosine-epoch" || s.Augment != "reflect" || !s.Normal || s.Net != "cnn3-relu" ||
		s.WeightDecay != 5e-4 || s.sigma != "0.03" || s.rate != "0.01" {
		t.Errorf("settings %+v", s)
	}
	c := choice{"none", 0, 1}
	s.Epochs = 2
	solver, err := s.newSolver(c, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	rates := solver.(interface{ LearnRate() float64 })
	if got := rates.LearnRate(); got != 1 {
		t.Errorf("learning rate %v at the first step, want 1", got)
	}
}

// other is a world in which rank 0 was started with other flags.
type other struct{ layers.World }

func (other) Share(data []byte) ([]byte, error) {
	return bytes.Replace(data, []byte("-other 1"), []byte("-other 2"), 1), nil
}

func TestSameFlags(t *testing.T) {
	flag.Int("other", 1, "")
	if err := sameFlags(alone(t)); err != nil {
		t.Errorf("a rank with its own flags: %v", err)
	}
	if err := sameFlags(other{}); err == nil || err.Error() != "started with -other 1, and rank 0 with -other 2" {
		t.Errorf("a rank with other flags: %v", err)
	}
}

// Ranks that make runs of their own wait for each other's runs as long as those take.
func TestTimeout(t *testing.T) {
	for _, test := range []struct {
		s    settings
		want time.Duration
	}{
		{settings{}, 0},
		{settings{sweep: true}, runTime},
		{settings{sweep: true, howRanks: together}, 0},
		{settings{howRanks: apart, part: "0/2"}, runTime},
	} {
		if got := test.s.timeout(); got != test.want {
			t.Errorf("sweep %v, -ranks %q: %v, want %v", test.s.sweep, test.s.howRanks, got, test.want)
		}
	}
}
