package datasets

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// idxFile encodes a small array of the given dimensions.
func idxFile(t testing.TB, dims ...int) []byte {
	t.Helper()
	size := 1
	for _, d := range dims {
		size *= d
	}
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*7 + 3)
	}
	var b bytes.Buffer
	if err := WriteIDX(&b, &IDX{Dims: dims, Data: data}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWriteIDXBytes(t *testing.T) {
	var b bytes.Buffer
	if err := WriteIDX(&b, &IDX{Dims: []int{2, 1, 3}, Data: []byte{1, 2, 3, 4, 5, 6}}); err != nil {
		t.Fatal(err)
	}
	want := "\x00\x00\x08\x03" + "\x00\x00\x00\x02" + "\x00\x00\x00\x01" + "\x00\x00\x00\x03" + "\x01\x02\x03\x04\x05\x06"
	if b.String() != want {
		t.Errorf("% x, want % x", b.String(), want)
	}
}

func TestReadIDXRoundTrip(t *testing.T) {
	for _, dims := range [][]int{{}, {0}, {5}, {3, 4}, {2, 3, 4}, {2, 0, 4}, {3, 700, 1000}} {
		plain := idxFile(t, dims...)
		for name, file := range map[string][]byte{"plain": plain, "gzip": gzipped(t, plain)} {
			x, err := ReadIDX(iotest.HalfReader(bytes.NewReader(file)))
			if err != nil {
				t.Errorf("%v %s: %v", dims, name, err)
				continue
			}
			if diff := cmp.Diff(dims, x.Dims); diff != "" {
				t.Errorf("%v %s: dimensions %s", dims, name, diff)
			}
			if header := 4 + 4*len(dims); !bytes.Equal(x.Data, plain[header:]) {
				t.Errorf("%v %s: other data than was written", dims, name)
			}
		}
	}
}

// TestReadIDXBroken reads malformed files.
func TestReadIDXBroken(t *testing.T) {
	badSum := gzipped(t, idxFile(t, 2, 3))
	badSum[len(badSum)-6] ^= 1
	for _, test := range []struct {
		name, file string
		want       error
	}{
		{"empty", "", io.ErrUnexpectedEOF},
		{"one byte", "\x00", io.ErrUnexpectedEOF},
		{"magic", "\x00\x01\x08\x01\x00\x00\x00\x00", ErrFormat},
		{"error page", "<!DOCTYPE html><html>", ErrFormat},
		{"signed bytes", "\x00\x00\x09\x01\x00\x00\x00\x00", ErrFormat},
		{"floats", "\x00\x00\x0d\x01\x00\x00\x00\x00", ErrFormat},
		{"negative count", "\x00\x00\x08\x01\xff\xff\xff\xff", ErrFormat},
		{"most negative count", "\x00\x00\x08\x01\x80\x00\x00\x00", ErrFormat},
		{"huge count", "\x00\x00\x08\x01\x7f\xff\xff\xff\x01", io.ErrUnexpectedEOF},
		{"huge counts", "\x00\x00\x08\x02\x7f\xff\xff\xff\x7f\xff\xff\xff\x01", io.ErrUnexpectedEOF},
		{"overflow", "\x00\x00\x08\x03" + strings.Repeat("\x7f\xff\xff\xff", 3), ErrFormat},
		{"overflow after zero", "\x00\x00\x08\x04\x00\x00\x00\x00" + strings.Repeat("\x7f\xff\xff\xff", 3) + "\x01", ErrFormat},
		{"trailing byte", string(idxFile(t, 2, 3)) + "\x00", ErrFormat},
		{"trailing byte in gzip", string(gzipped(t, append(idxFile(t, 2, 3), 0))), ErrFormat},
		{"trailing byte after gzip", string(gzipped(t, idxFile(t, 2, 3))) + "\x01", io.ErrUnexpectedEOF},
		{"gzip checksum", string(badSum), gzip.ErrChecksum},
		{"gzip header", "\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x00", gzip.ErrHeader},
	} {
		t.Run(test.name, func(t *testing.T) {
			x, err := ReadIDX(strings.NewReader(test.file))
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if x != nil {
				t.Error("a value together with an error")
			}
		})
	}
}

// TestReadIDXCut truncates files at every byte.
func TestReadIDXCut(t *testing.T) {
	plain := idxFile(t, 3, 4, 5)
	for name, file := range map[string][]byte{"plain": plain, "gzip": gzipped(t, plain)} {
		for n := range file {
			x, err := ReadIDX(bytes.NewReader(file[:n]))
			if !errors.Is(err, io.ErrUnexpectedEOF) || x != nil {
				t.Errorf("%s cut at %d of %d: %v, %v", name, n, len(file), x, err)
			}
		}
	}
}

func TestReadIDXReaderError(t *testing.T) {
	broken := errors.New("broken disk")
	file := idxFile(t, 3, 4)
	for n := range len(file) + 1 {
		r := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken))
		if x, err := ReadIDX(r); !errors.Is(err, broken) || x != nil {
			t.Errorf("after %d bytes: %v, %v", n, x, err)
		}
	}
}

// TestReadIDXAllocation reads files that claim 2 GB but have a few bytes, or a little more than the first allocation.
func TestReadIDXAllocation(t *testing.T) {
	for _, arrived := range []int{1, firstChunk + 1} {
		file := "\x00\x00\x08\x01\x7f\xff\xff\xff" + strings.Repeat("x", arrived)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := ReadIDX(strings.NewReader(file)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
			t.Errorf("%d bytes allocated for %d that arrived", got, arrived)
		}
	}
}

func TestWriteIDXErrors(t *testing.T) {
	for name, x := range map[string]*IDX{
		"short data":      {Dims: []int{2, 3}, Data: make([]byte, 5)},
		"long data":       {Dims: []int{2, 3}, Data: make([]byte, 7)},
		"negative":        {Dims: []int{-1, -1}, Data: make([]byte, 1)},
		"too large":       {Dims: []int{1 << 31, 0}},
		"many dimensions": {Dims: make([]int, 256)},
	} {
		var b bytes.Buffer
		if err := WriteIDX(&b, x); !errors.Is(err, ErrFormat) || b.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes written", name, err, b.Len())
		}
	}
}

func FuzzReadIDX(f *testing.F) {
	f.Add(idxFile(f, 2, 3, 4))
	f.Add(gzipped(f, idxFile(f, 2, 3, 4)))
	f.Add(idxFile(f, 7))
	if labels, err := os.ReadFile(realData + "/fashion/t10k-labels-idx1-ubyte.gz"); err == nil {
		f.Add(labels)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		x, err := ReadIDX(bytes.NewReader(file))
		if (x == nil) != (err != nil) {
			t.Fatalf("value %v with error %v", x, err)
		}
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := WriteIDX(&again, x); err != nil {
			t.Fatal(err)
		}
		y, err := ReadIDX(&again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(x, y); diff != "" {
			t.Error(diff)
		}
	})
}

func BenchmarkReadIDX(b *testing.B) {
	plain := idxFile(b, 10000, 28, 28)
	for _, test := range []struct {
		name string
		file []byte
	}{{"plain", plain}, {"gzip", gzipped(b, plain)}} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				if _, err := ReadIDX(bytes.NewReader(test.file)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
