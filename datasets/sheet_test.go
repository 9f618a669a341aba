package datasets

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"
)

func TestContactSheetGrey(t *testing.T) {
	d := Digits(5, 1)
	sheet := d.ContactSheet(2, 3)
	if got, want := sheet.Bounds(), image.Rect(0, 0, 92, 62); got != want {
		t.Fatalf("bounds %v, want %v", got, want)
	}
	for y := range 62 {
		for x := range 92 {
			want := sheetGround
			cx, cy, px, py := x/30, y/30, x%30-2, y%30-2
			if i := cy*3 + cx; px >= 0 && py >= 0 && i < 5 {
				want = color.Gray{d.Pixels(i)[py*28+px]}
			}
			if got := sheet.At(x, y); got != color.Color(want) {
				t.Fatalf("(%d, %d) is %v, want %v", x, y, got, want)
			}
		}
	}
}

func TestImageColours(t *testing.T) {
	d, err := New("rgb", Shape{3, 1, 2}, []string{"a"}, []byte{1, 2, 3, 4, 5, 6}, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	sheet := d.ContactSheet(1, 1)
	for x, want := range []color.NRGBA{{1, 3, 5, 255}, {2, 4, 6, 255}} {
		if got := sheet.At(x+2, 2); got != color.Color(want) {
			t.Errorf("pixel %d is %v, want %v", x, got, want)
		}
	}
}

func TestContactSheetEmpty(t *testing.T) {
	for _, size := range [][2]int{{0, 3}, {3, 0}, {-1, 2}} {
		if sheet := Digits(3, 1).ContactSheet(size[0], size[1]); !sheet.Bounds().Empty() {
			t.Errorf("%v: bounds %v", size, sheet.Bounds())
		}
	}
}

// TestReadmePicture checks that the picture in the README is what Digits draws. LAYERNOISE_UPDATE=1 updates it.
func TestReadmePicture(t *testing.T) {
	const path = "digits.png"
	want := Digits(100, 1).ContactSheet(5, 20)
	if os.Getenv("LAYERNOISE_UPDATE") != "" {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, want); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Bounds() {
		t.Fatalf("%s has bounds %v, want %v", path, got.Bounds(), want.Bounds())
	}
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			if got.At(x, y) != want.At(x, y) {
				t.Fatalf("%s differs at (%d, %d)", path, x, y)
			}
		}
	}
}
