package main

import (
	"fmt"

	"github.com/layernoise/layernoise/examples/internal/figure"
)

// drawMistakes draws the confusion matrix of each choice, averaged over its runs, without the correctly classified images.
func (x *results) drawMistakes(file string, classes []string) error {
	var panels []figure.Panel
	for _, c := range x.choices(onTest) {
		runs, _ := x.finished(c, onTest)
		if len(runs) == 0 || len(runs[0].Confusion) == 0 {
			continue
		}
		m := &figure.Matrix{Names: classes}
		for i := range m.Names {
			row := make([]float64, len(m.Names))
			for _, r := range runs {
				for j, k := range r.Confusion[i] {
					if j != i {
						row[j] += float64(k) / float64(len(runs))
					}
				}
			}
			m.Cells = append(m.Cells, row)
		}
		panels = append(panels, figure.Panel{
			Title: fmt.Sprintf("%s: wrong test images", x.name(c)), X: "taken for", Y: "class", Matrix: m,
		})
	}
	if len(panels) == 0 || len(panels[0].Matrix.Names) > 20 { // a hundred classes would be illegible
		return nil
	}
	return figure.Save(file, panels...)
}
