package elementary

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"
)

// TestBits pins the bits of the results, on every machine: a hash over arguments of every size.
func TestBits(t *testing.T) {
	want := map[string]uint64{
		"Exp32":       0x67adb592def85f30,
		"Tanh32":      0x4dbf211a9a7cd2d1,
		"Sigmoid32":   0x9e0e096a04cefbe2,
		"NormalCDF32": 0x66f591574711af73,
		"GELUTanh32":  0xce8ba1ced83ff5ec,
		"Exp":         0xf332866ff8665c75,
		"Log":         0xe52583c4ff8062e3,
		"Tanh":        0xce37435b22b08a96,
		"Sigmoid":     0x46ddc028c2fa2f34,
		"NormalCDF":   0x1ed57a295bf56ab6,
		"CosPi":       0x920ab2c736611680,
		"Power":       0x7f4365cee904e49d,
	}
	check := func(name string, got uint64) {
		if got != want[name] {
			t.Errorf("%s: %#016x, want %#016x", name, got, want[name])
		}
	}
	for _, f := range functions32 {
		h := fnv.New64a()
		var b [4]byte
		for bits := uint64(0); bits < 1<<32; bits += 4093 {
			y := f.f(math.Float32frombits(uint32(bits)))
			if y != y {
				continue // which bits a NaN has is not defined
			}
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(y))
			h.Write(b[:])
		}
		check(f.name, h.Sum64())
	}
	for _, f := range functions64 {
		h := fnv.New64a()
		r := rand.New(rand.NewPCG(7, 8))
		var b [8]byte
		for range 200_000 {
			x := (4*r.Float64() - 2) * math.Ldexp(1, r.IntN(60)-50)
			if f.name == "CosPi" {
				x = r.Float64()
			}
			y := f.f(x)
			if y != y {
				continue
			}
			binary.LittleEndian.PutUint64(b[:], math.Float64bits(y))
			h.Write(b[:])
		}
		check(f.name, h.Sum64())
	}
	h := fnv.New64a()
	for n := range uint64(2000) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(Power(0.999, n)))
		h.Write(b[:])
	}
	check("Power", h.Sum64())
}
