package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/interval"
	"github.com/layernoise/layernoise/internal/outfile"
)

// findings are the numbers of the table, stored beside the picture.
type findings struct {
	Rank      int      `json:"rank"`
	Trainings []ending `json:"trainings"`
}

// ending is the end of a training, with the measurements along it.
type ending struct {
	Method   string `json:"method"`
	Seed     int    `json:"seed"`
	Diverged int    `json:"diverged,omitempty"` // the step after which numbers were not finite

	Loss       interval.Number `json:"loss"`
	Expected   interval.Number `json:"expected"` // loss under noise, by the closed form
	First      interval.Number `json:"first"`    // mean of the planted singular values
	Others     interval.Number `json:"others"`   // mean of the other singular values
	FromTruth  interval.Number `json:"from_planted"`
	FromClosed interval.Number `json:"from_closed_form"`

	Measured []draw `json:"measured,omitempty"`
}

// draw is an expected loss measured by draws of the noise, and its closed form.
type draw struct {
	Step   float64         `json:"step"`
	Mean   interval.Number `json:"mean"`
	StdErr interval.Number `json:"standard_error"`
	Closed interval.Number `json:"closed"`
}

// findings returns the numbers of the table.
func (x *results) findings() *findings {
	f := &findings{Rank: x.rank}
	for i, m := range methods {
		for seed, r := range x.runs {
			t := r.traces[i]
			e := ending{Method: m.name, Seed: seed + 1, Diverged: t.diverged}
			e.Loss, e.Expected = interval.Number(last(t.loss)), interval.Number(last(t.closed))
			e.First, e.Others = interval.Number(x.first(last(t.values))), interval.Number(x.others(last(t.values)))
			e.FromTruth, e.FromClosed = interval.Number(t.fromTruth), interval.Number(t.fromClosed)
			for j, estimate := range t.measured {
				k := x.marked()[j]
				e.Measured = append(e.Measured, draw{x.at[k], interval.Number(estimate.Mean), interval.Number(estimate.StdErr), interval.Number(t.closed[k])})
			}
			f.Trainings = append(f.Trainings, e)
		}
	}
	return f
}

// write writes the findings to the file beside a picture, a line for each training.
func (f *findings) write(picture string) error {
	return outfile.Write(strings.TrimSuffix(picture, ".png")+".json", func(w io.Writer) error {
		fmt.Fprintf(w, "{\"rank\": %d, \"trainings\": [", f.Rank)
		for i, e := range f.Trainings {
			line, err := json.Marshal(e)
			if err != nil {
				return err
			}
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, "\n%s", line)
		}
		_, err := fmt.Fprint(w, "\n]}\n")
		return err
	})
}

// table prints the ends of the trainings as a Markdown table, means over the seeds with 95% intervals, and how well closed
// form and measurement agree.
func (f *findings) table(w io.Writer) {
	fmt.Fprintf(w, "| training | loss at the weights | expected under noise | measured | first %d singular values | the others | distance to the planted | distance to the closed form |\n", f.Rank)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, m := range methods {
		trainings := slices.DeleteFunc(slices.Clone(f.Trainings), func(e ending) bool { return e.Method != m.name })
		cell := func(of func(ending) interval.Number) string { return interval.Cell(trainings, of) }
		measured := ""
		if !m.closed {
			measured = cell(func(e ending) interval.Number { return last(e.Measured).Mean })
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", m.name,
			cell(func(e ending) interval.Number { return e.Loss }), cell(func(e ending) interval.Number { return e.Expected }), measured,
			cell(func(e ending) interval.Number { return e.First }), cell(func(e ending) interval.Number { return e.Others }),
			cell(func(e ending) interval.Number { return e.FromTruth }), cell(func(e ending) interval.Number { return e.FromClosed }))
	}
	fmt.Fprintln(w)
	for _, e := range f.Trainings {
		if e.Diverged > 0 {
			fmt.Fprintf(w, "%s, seed %d: no longer finite after %d steps: try a smaller -rate or -sigma\n", e.Method, e.Seed, e.Diverged)
		}
	}
	held, all := f.agree()
	if all == 0 {
		return
	}
	fmt.Fprintf(w, "measured under noise %d times: %d of the 95%% intervals (%.1f%%) contain the closed form\n", all, held, 100*float64(held)/float64(all))
}

// agree counts the measurements, and those whose 95% interval contains the closed form.
func (f *findings) agree() (held, all int) {
	for _, e := range f.Trainings {
		for _, d := range e.Measured {
			if math.IsNaN(float64(d.Closed)) {
				continue
			}
			all++
			if math.Abs(float64(d.Mean-d.Closed)) <= normal*float64(d.StdErr) {
				held++
			}
		}
	}
	return held, all
}
