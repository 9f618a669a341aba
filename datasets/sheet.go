package datasets

import (
	"image"
	"image/color"
	"image/draw"
)

// sheetGap is the number of background pixels around each image of a contact sheet.
const sheetGap = 2

// sheetGround is the background of a contact sheet.
var sheetGround = color.Gray{96}

// Image returns image i as a picture: RGB for three channels, otherwise the first channel in grey.
func (d *Dataset) Image(i int) image.Image {
	s, pixels := d.shape, d.images[i]
	picture := d.canvas(image.Rect(0, 0, s.Width, s.Height))
	plane := s.Height * s.Width
	switch picture := picture.(type) {
	case *image.Gray:
		copy(picture.Pix, pixels[:plane])
	case *image.NRGBA:
		for p := range plane {
			copy(picture.Pix[4*p:], []byte{pixels[p], pixels[plane+p], pixels[2*plane+p], 255})
		}
	}
	return picture
}

// ContactSheet returns a picture of the first rows*cols images, row by row, on a dark background. Positions beyond the last
// image stay empty. The picture has no pixels if rows or cols is not positive. Write it with image/png.
func (d *Dataset) ContactSheet(rows, cols int) image.Image {
	if rows <= 0 || cols <= 0 {
		return d.canvas(image.Rectangle{})
	}
	cell := image.Pt(d.shape.Width+sheetGap, d.shape.Height+sheetGap)
	sheet := d.canvas(image.Rect(0, 0, cols*cell.X+sheetGap, rows*cell.Y+sheetGap))
	draw.Draw(sheet, sheet.Bounds(), image.NewUniform(sheetGround), image.Point{}, draw.Src)
	for i := range min(rows*cols, d.Len()) {
		picture := d.Image(i)
		at := image.Pt(sheetGap+i%cols*cell.X, sheetGap+i/cols*cell.Y)
		draw.Draw(sheet, picture.Bounds().Add(at), picture, image.Point{}, draw.Src)
	}
	return sheet
}

// canvas returns an empty picture of the colour model of the images.
func (d *Dataset) canvas(bounds image.Rectangle) draw.Image {
	if d.shape.Channels == 3 {
		return image.NewNRGBA(bounds)
	}
	return image.NewGray(bounds)
}
