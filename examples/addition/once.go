package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/examples/internal/figure"
)

// once runs each kind and weight decay once, and draws the curves.
func once(ctx context.Context, s settings) error {
	fmt.Printf("addition modulo %d, %v of the sums to train on, seed %d: steps to %v of the others\n", s.Modulus, s.Fraction, s.seed, goal)
	bar := cli.Bar(len(s.weightDecays)*len(kinds), "runs")
	var panels []figure.Panel
	for _, decay := range s.weightDecays {
		panel := figure.Panel{
			Title: fmt.Sprintf("Weight decay %v, one seed", decay),
			X:     "steps", Y: "accuracy on sums not seen",
		}
		for _, k := range kinds {
			r, err := train(ctx, s, k.single(decay), s.seed, s.Steps)
			if err != nil {
				return err
			}
			_ = bar.Clear() // make room for the line on a terminal
			fmt.Println(r)
			_ = bar.Add(1)
			panel.Curves = append(panel.Curves, r.curve())
		}
		panels = append(panels, panel)
	}
	_ = bar.Finish()
	picture := filepath.Join(s.out, "curves.png")
	if err := figure.Save(picture, panels...); err != nil {
		return err
	}
	fmt.Println("picture:", picture)
	return nil
}

// String says how the run ended.
func (r *record) String() string {
	switch {
	case r.Diverged != "":
		return fmt.Sprintf("%v: %s", r.trial, r.Diverged)
	case r.Arrived:
		return fmt.Sprintf("%v: arrived after %d steps", r.trial, r.Steps)
	}
	return fmt.Sprintf("%v: not after %d steps, accuracy %.2f", r.trial, r.Steps, r.points[len(r.points)-1].Accuracy)
}

// curve returns the accuracy of the run over its steps.
func (r *record) curve() figure.Curve {
	k := r.of()
	c := figure.Curve{Name: r.Kind, X: []float64{0}, Y: []float64{0}, Line: true, Colour: k.colour, Variant: k.variant}
	if name := k.strength; name != "" {
		c.Name += fmt.Sprintf(", %s %v", name, r.Strength)
	}
	for _, p := range r.points {
		c.X, c.Y = append(c.X, float64(p.Step)), append(c.Y, p.Accuracy)
	}
	return c
}
