package peak

import (
	"testing"

	"github.com/layernoise/layernoise/internal/cpu"
)

func TestRun(t *testing.T) {
	lanes := map[cpu.Level]float64{cpu.AVX2: 8, cpu.AVX512: 16}
	for l := cpu.Plain; l <= cpu.Best(); l++ {
		if flop, want := Run(l, 10), 2*10*chains*lanes[l]; flop != want {
			t.Errorf("%v: %v operations, want %v", l, flop, want)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for l := cpu.AVX2; l <= cpu.Best(); l++ {
		b.Run(l.String(), func(b *testing.B) {
			var flop float64
			for b.Loop() {
				flop += Run(l, 10_000)
			}
			b.ReportMetric(flop/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}
