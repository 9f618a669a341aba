package recovery

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/interval"
	"github.com/layernoise/layernoise/internal/outfile"
)

// ending is where a training ended, or what the closed form is: the numbers of the table.
type ending struct {
	Method      string          `json:"method"`
	Seed        int             `json:"seed"`
	FromPlanted interval.Number `json:"from_planted"`
	FromClosed  interval.Number `json:"from_closed_form"`
	Regulariser interval.Number `json:"regulariser"`
	Loss        interval.Number `json:"loss"`
}

// endings returns the ends of all trainings, and the closed forms, one for each seed.
func endings(results []result) []ending {
	var list []ending
	add := func(method string, seed int, numbers ...float64) {
		var n [4]interval.Number
		for i, x := range numbers {
			n[i] = interval.Number(x)
		}
		list = append(list, ending{method, seed + 1, n[0], n[1], n[2], n[3]})
	}
	for i, m := range methods {
		for seed, r := range results {
			t := r.traces[i]
			add(m.name, seed, last(t.recovery), t.fromMinimiser, last(t.regulariser), t.loss)
		}
	}
	for seed, r := range results {
		add(closedFormName, seed, r.minimiser.recovery, 0, r.minimiser.regulariser, r.minimiser.loss)
	}
	return list
}

// store writes the endings into the file beside a picture, a line each.
func store(picture string, list []ending) error {
	return outfile.Write(strings.TrimSuffix(picture, ".png")+".json", func(w io.Writer) error {
		for _, e := range list {
			if err := json.NewEncoder(w).Encode(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// read reads what store wrote.
func read(r io.Reader) (list []ending, err error) {
	for decoder := json.NewDecoder(r); ; {
		var e ending
		if err := decoder.Decode(&e); err == io.EOF {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
}

// table returns where the trainings ended as Markdown, the mean over the seeds with its 95% interval.
func table(list []ending) string {
	var b strings.Builder
	b.WriteString("| training | distance to the planted | distance to the closed form | regulariser | loss |\n|---|---|---|---|---|\n")
	for i, first := range list {
		if i > 0 && list[i-1].Method == first.Method {
			continue
		}
		method := slices.DeleteFunc(slices.Clone(list), func(e ending) bool { return e.Method != first.Method })
		cell := func(of func(ending) interval.Number) string { return interval.Cell(method, of) }
		fromClosed := "0"
		if first.Method != closedFormName {
			fromClosed = cell(func(e ending) interval.Number { return e.FromClosed })
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", first.Method, cell(func(e ending) interval.Number { return e.FromPlanted }), fromClosed,
			cell(func(e ending) interval.Number { return e.Regulariser }), cell(func(e ending) interval.Number { return e.Loss }))
	}
	return b.String()
}
