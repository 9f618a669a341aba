package noise

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// Each statistic of a million draws must be within this many of its standard deviations of the exact value. The draws are
// fixed: a test fails always or never.
const (
	draws      = 1_000_000
	deviations = 4.5
)

var someStream = Stream{Seed: 2206_04613, Step: 17, Sample: 1, Tensor: 4}

func sample(d Dist, s Stream) []float64 {
	x := make([]float64, draws)
	Fill(d, s, x, 1)
	return x
}

// moment is the exact expectation of x^k.
func moment(d Dist, k int) float64 {
	if k%2 == 1 {
		return 0
	}
	switch d {
	case Gaussian:
		m := 1.0
		for i := k - 1; i > 1; i -= 2 {
			m *= float64(i)
		}
		return m
	case Uniform:
		return math.Pow(3, float64(k)/2) / float64(k+1)
	}
	return 1
}

func TestMoments(t *testing.T) {
	for _, d := range allDists {
		sums := [7]float64{}
		for _, x := range sample(d, someStream) {
			power := x
			for k := 1; k < len(sums); k++ {
				sums[k] += power
				power *= x
			}
		}
		for k := 1; k < len(sums); k++ {
			mean, want := sums[k]/draws, moment(d, k)
			if sd := math.Sqrt((moment(d, 2*k) - want*want) / draws); math.Abs(mean-want) > deviations*sd+1e-12 {
				t.Errorf("%v: moment %d is %v, want %v, standard deviation %v", d, k, mean, want, sd)
			}
		}
	}
}

// continuous are the distributions with a density, and their distribution functions.
var continuous = map[Dist]interface {
	CDF(float64) float64
	Prob(float64) float64
	Quantile(float64) float64
}{
	Gaussian: distuv.UnitNormal,
	Uniform:  distuv.Uniform{Min: -math.Sqrt(3), Max: math.Sqrt(3)},
}

func TestQuantiles(t *testing.T) {
	for d, exact := range continuous {
		x := sample(d, someStream)
		slices.Sort(x)
		for _, p := range []float64{1e-4, 1e-3, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999} {
			want := exact.Quantile(p)
			sd := math.Sqrt(p*(1-p)/draws) / exact.Prob(want)
			if got := x[int(p*draws)]; math.Abs(got-want) > deviations*sd {
				t.Errorf("%v: quantile %v is %v, want %v, standard deviation %v", d, p, got, want, sd)
			}
		}
	}
}

func TestKolmogorovSmirnov(t *testing.T) {
	for d, exact := range continuous {
		x := sample(d, someStream)
		slices.Sort(x)
		worst := 0.0
		for i, v := range x {
			f := exact.CDF(v)
			worst = max(worst, f-float64(i)/draws, float64(i+1)/draws-f)
		}
		// sqrt(n)*D exceeds 1.95 once in a thousand times.
		if stat := worst * math.Sqrt(draws); stat > 1.95 {
			t.Errorf("%v: sqrt(n)*D = %v", d, stat)
		}
	}
}

// checkChiSquare fails when the counts are too far from equal, or too near.
func checkChiSquare(t *testing.T, what string, counts []int) {
	t.Helper()
	n := 0
	for _, c := range counts {
		n += c
	}
	want := float64(n) / float64(len(counts))
	sum := 0.0
	for _, c := range counts {
		sum += (float64(c) - want) * (float64(c) - want) / want
	}
	chi := distuv.ChiSquared{K: float64(len(counts) - 1)}
	if p := chi.CDF(sum); p < 1e-4 || p > 1-1e-4 {
		t.Errorf("%s: chi-square %v, p = %v", what, sum, p)
	}
}

func TestChiSquare(t *testing.T) {
	for d, exact := range continuous {
		x := sample(d, someStream)
		single, pairs := make([]int, 1000), make([]int, 32*32)
		for i, v := range x {
			u := exact.CDF(v)
			single[int(u*1000)]++
			if i%32 == 0 {
				pairs[int(u*32)*32+int(exact.CDF(x[i+16])*32)]++ // what one cosine and one sine share
			}
		}
		checkChiSquare(t, d.String(), single)
		checkChiSquare(t, d.String()+", pairs", pairs)
	}
	words := make([]int, 256)
	for i, x := 0, sample(Rademacher, someStream); i+8 <= len(x); i += 8 {
		w := 0
		for _, v := range x[i : i+8] {
			w = 2*w + int(1+v)/2
		}
		words[w]++
	}
	checkChiSquare(t, "rademacher, eight signs", words)
}

// correlated checks the correlation of x and y, of exact mean zero and variance one, and that of their squares where those
// vary.
func correlated(t *testing.T, what string, d Dist, x, y []float64) {
	t.Helper()
	n := float64(len(y))
	first, second := 0.0, 0.0
	for i := range y {
		first += x[i] * y[i]
		second += (x[i]*x[i] - 1) * (y[i]*y[i] - 1)
	}
	if c := first / math.Sqrt(n); math.Abs(c) > deviations {
		t.Errorf("%v, %s: correlation of %.2f standard deviations", d, what, c)
	}
	if v := moment(d, 4) - 1; v > 0 {
		if c := second / v / math.Sqrt(n); math.Abs(c) > deviations {
			t.Errorf("%v, %s: the squares' correlation is of %.2f standard deviations", d, what, c)
		}
	}
}

func TestStreamsAreIndependent(t *testing.T) {
	for _, d := range allDists {
		x := sample(d, someStream)
		for what, change := range map[string]func(*Stream){
			"next tensor":     func(s *Stream) { s.Tensor++ },
			"next sample":     func(s *Stream) { s.Sample++ },
			"next step":       func(s *Stream) { s.Step++ },
			"next seed":       func(s *Stream) { s.Seed++ },
			"seed + 2^32":     func(s *Stream) { s.Seed += 1 << 32 },
			"top bit of step": func(s *Stream) { s.Step ^= 1 << 31 },
			"swapped":         func(s *Stream) { s.Step, s.Tensor = s.Tensor, s.Step },
		} {
			s := someStream
			change(&s)
			correlated(t, what, d, x, sample(d, s))
		}
	}
}

func TestElementsAreIndependent(t *testing.T) {
	lags := []int{1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 128, 256, 511, 512, 513, 1000, 1024, 1 << 15, 1 << 16, 1 << 18}
	for _, d := range allDists {
		x := sample(d, someStream)
		for _, lag := range lags {
			correlated(t, fmt.Sprint("lag ", lag), d, x, x[lag:])
		}
	}
}
