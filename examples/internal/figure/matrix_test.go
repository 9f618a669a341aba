package figure

import (
	"bytes"
	"image/png"
	"math"
	"strings"
	"testing"
)

// TestMatrix: a large number is a dark cell, and the first row is on top.
func TestMatrix(t *testing.T) {
	m := &Matrix{Names: []string{"a", "b"}, Cells: [][]float64{{0, 100}, {0, 0}}}
	var file bytes.Buffer
	if err := Write(&file, Panel{Title: "t", X: "class", Y: "label", Matrix: m}); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&file)
	if err != nil {
		t.Fatal(err)
	}
	size := picture.Bounds().Size()
	bright := func(x, y float64) uint32 { // the red component at a position, from 0 to 1 in both directions
		r, _, _, _ := picture.At(int(x*float64(size.X)), int(y*float64(size.Y))).RGBA()
		return r >> 8
	}
	for _, place := range [][2]float64{{0.35, 0.25}, {0.35, 0.65}, {0.85, 0.65}} {
		if bright(place[0], place[1]) < 200 {
			t.Errorf("place %v is dark", place)
		}
	}
	if bright(0.85, 0.2) > 60 {
		t.Error("the cell of 100 is not dark")
	}
	for name, bad := range map[string]*Matrix{
		"no names":  {Cells: [][]float64{{1}}},
		"ragged":    {Names: []string{"a", "b"}, Cells: [][]float64{{1, 2}, {3}}},
		"negative":  {Names: []string{"a"}, Cells: [][]float64{{-1}}},
		"no number": {Names: []string{"a"}, Cells: [][]float64{{math.NaN()}}},
	} {
		if err := Write(new(bytes.Buffer), Panel{Matrix: bad}); err == nil || !strings.Contains(err.Error(), "matrix") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
