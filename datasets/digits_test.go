package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"testing"
)

// TestDigitsBits pins the drawings, which must be the same on every machine and in every version.
func TestDigitsBits(t *testing.T) {
	sum := sha256.New()
	d := Digits(500, 7)
	for i := range d.Len() {
		sum.Write(d.Pixels(i))
	}
	const want = "f6d1ae6f3e5c3aba091d21644b702e95a8390d00f4bc506c2b335a302aac2b67"
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("SHA-256 of Digits(500, 7) is %s, want %s", got, want)
	}
}

func TestDigitsImageDependsOnSeedAndIndex(t *testing.T) {
	short, long, other := Digits(40, 3), Digits(80, 3), Digits(40, 4)
	for i := range short.Len() {
		if !bytes.Equal(short.Pixels(i), long.Pixels(i)) {
			t.Errorf("image %d depends on the number of images", i)
		}
		if bytes.Equal(short.Pixels(i), other.Pixels(i)) {
			t.Errorf("image %d does not depend on the seed", i)
		}
		for j := range i {
			if bytes.Equal(short.Pixels(i), short.Pixels(j)) {
				t.Errorf("images %d and %d are the same", i, j)
			}
		}
	}
}

func TestDigitsClasses(t *testing.T) {
	d := Digits(1000, 1)
	if got, want := d.Counts(), slices.Repeat([]int{100}, 10); !slices.Equal(got, want) {
		t.Errorf("counts %v, want %v", got, want)
	}
	if got := d.Classes(); len(got) != 10 || got[3] != "3" {
		t.Errorf("classes %q", got)
	}
	if got, want := d.Shape(), (Shape{1, 28, 28}); got != want {
		t.Errorf("shape %v, want %v", got, want)
	}
}

// TestDigitsNormalisation checks the constants on seeds other than the one they were measured on.
func TestDigitsNormalisation(t *testing.T) {
	mean, std := Digits(4000, 11).Moments()
	if math.Abs(mean[0]-digitsMean) > 0.003 || math.Abs(std[0]-digitsStd) > 0.003 {
		t.Errorf("mean %.4f and standard deviation %.4f, the constants are %v and %v", mean[0], std[0], digitsMean, digitsStd)
	}
}

// TestDigitsHaveMargins checks that most of the ink stays on the canvas.
func TestDigitsHaveMargins(t *testing.T) {
	d := Digits(1000, 5)
	var border, all float64
	for i := range d.Len() {
		for p, v := range d.Pixels(i) {
			all += float64(v)
			if x, y := p%28, p/28; x == 0 || y == 0 || x == 27 || y == 27 {
				border += float64(v)
			}
		}
	}
	if share := border / all; share > 0.06 {
		t.Errorf("%.3f of the light is on the border", share)
	}
}

func BenchmarkDigits(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(100 * 784)
	for b.Loop() {
		Digits(100, 1)
	}
}

func TestBellMoments(t *testing.T) {
	d := newDice(1, 2)
	const n = 1e6
	var sum, squares float64
	for range int(n) {
		b := float64(d.bell())
		sum += b
		squares += b * b
	}
	variance := 340.0
	if z := sum / math.Sqrt(n*variance); math.Abs(z) > 4 {
		t.Errorf("the mean is %.1f standard errors off", z)
	}
	if ratio := squares / n / variance; math.Abs(ratio-1) > 0.01 {
		t.Errorf("variance %.4f of what it should be", ratio)
	}
}

func TestDiceBetweenReachesBothEnds(t *testing.T) {
	d := newDice(1, 3)
	counts := make([]int, 5)
	for range 50000 {
		counts[d.between(-2, 2)+2]++
	}
	for v, n := range counts {
		if n < 9500 || n > 10500 {
			t.Errorf("%d drawn %d times in 50000", v-2, n)
		}
	}
}
