package layers_test

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	"gorgonia.org/tensor"
)

type cpuBatches struct {
	images *tensor.Dense
	labels []int
	n, i   int
	w, c   []float64
	tw     time.Time
	tc     float64
}

func cpuNow() float64 {
	var r syscall.Rusage
	syscall.Getrusage(0, &r)
	return float64(r.Utime.Sec+r.Stime.Sec)*1e3 + float64(r.Utime.Usec+r.Stime.Usec)/1e3
}
func (r *cpuBatches) Start(int) error       { return nil }
func (r *cpuBatches) Images() *tensor.Dense { return r.images }
func (r *cpuBatches) Labels() []int         { return r.labels }
func (r *cpuBatches) Err() error            { return nil }
func (r *cpuBatches) Len() int              { return r.n }
func (r *cpuBatches) Next() bool {
	w, c := time.Now(), cpuNow()
	if r.i >= 2 {
		r.w = append(r.w, float64(w.Sub(r.tw).Nanoseconds())/1e6)
		r.c = append(r.c, c-r.tc)
	}
	r.i++
	r.tw, r.tc = time.Now(), cpuNow()
	return r.i <= r.n+2
}

func TestCPUStep(t *testing.T) {
	net := os.Getenv("STEP_NET")
	if net == "" {
		t.Skip()
	}
	graph.UseNativeBLAS()
	iters, _ := strconv.Atoi(os.Getenv("STEP_N"))
	batch, _ := strconv.Atoi(os.Getenv("STEP_BATCH"))
	for _, n := range networks {
		if n.name != net {
			continue
		}
		model, err := layers.NewClassifier(n.make(layers.Init{Seed: 1}), batch, n.image...)
		if err != nil {
			t.Fatal(err)
		}
		labels := make([]int, batch)
		for i := range labels {
			labels[i] = i % n.classes
		}
		r := &cpuBatches{images: random(1, tensor.Float32, append([]int{batch}, n.image...)...), labels: labels, n: iters}
		b := &testing.B{}
		_ = b
		if _, err := model.Fit(ctx, r, newSolver(t, "none"), layers.FitConfig{}); err != nil {
			t.Fatal(err)
		}
		sort.Float64s(r.w)
		sort.Float64s(r.c)
		m := len(r.w) / 2
		fmt.Printf("%.2f %.2f %.2f %.2f\n", r.w[m], r.w[0], r.c[m], r.c[0])
	}
}
