package datasets

import (
	"image"
	"image/color"
	"image/draw"
)

// sheetGap is the number of background pixels around each image of a sheet.
const sheetGap = 2

// Image returns image i as a picture: grey for one channel, RGB for three, and
// the first channel in grey for any other number.
func (d *Dataset) Image(i int) image.Image {
	s, pixels := d.shape, d.images[i]
	bounds := image.Rect(0, 0, s.Width, s.Height)
	plane := s.Height * s.Width
	if s.Channels != 3 {
		grey := image.NewGray(bounds)
		copy(grey.Pix, pixels[:plane])
		return grey
	}
	rgb := image.NewNRGBA(bounds)
	for p := range plane {
		rgb.SetNRGBA(p%s.Width, p/s.Width, color.NRGBA{pixels[p], pixels[plane+p], pixels[2*plane+p], 255})
	}
	return rgb
}

// ContactSheet returns a picture of the first rows*cols images, row by row, on
// a mid-grey ground; places for which there is no image stay empty. It has no
// pixels when rows or cols is not positive. Write it with image/png.
func (d *Dataset) ContactSheet(rows, cols int) image.Image {
	if rows <= 0 || cols <= 0 {
		return image.NewNRGBA(image.Rectangle{})
	}
	cellW, cellH := d.shape.Width+sheetGap, d.shape.Height+sheetGap
	sheet := image.NewNRGBA(image.Rect(0, 0, cols*cellW+sheetGap, rows*cellH+sheetGap))
	draw.Draw(sheet, sheet.Bounds(), image.NewUniform(color.Gray{96}), image.Point{}, draw.Src)
	for i := range min(rows*cols, d.Len()) {
		at := image.Pt(sheetGap+i%cols*cellW, sheetGap+i/cols*cellH)
		place := image.Rectangle{Min: at, Max: at.Add(image.Pt(d.shape.Width, d.shape.Height))}
		draw.Draw(sheet, place, d.Image(i), image.Point{}, draw.Src)
	}
	return sheet
}
