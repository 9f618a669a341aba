package examples_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// plusMinus is a number with its interval or standard deviation.
var plusMinus = regexp.MustCompile(`(\d+(?:\.(\d+))?) ± (\d+(?:\.(\d+))?)`)

// quoted is a number with its interval, each with half a unit of its last digit.
type quoted struct{ mean, width, meanUnit, widthUnit float64 }

// numbersIn returns the numbers with intervals in a text. Their signs are left out: a page may say that something is lower.
func numbersIn(t *testing.T, text string) map[string]quoted {
	t.Helper()
	found := map[string]quoted{}
	for _, m := range plusMinus.FindAllStringSubmatch(strings.Join(strings.Fields(text), " "), -1) {
		mean, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		width, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		found[m[0]] = quoted{mean, width, math.Pow10(-len(m[2])) / 2, math.Pow10(-len(m[4])) / 2}
	}
	return found
}

// Numbers with intervals in the text of a page are those of a table that its own test compares with stored results, rounded.
func TestNumbersInText(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	// tables are the lines of a page that belong to tables, text the others.
	read := func(page string) (tables, text string) {
		data, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, "|") {
				tables += line
			} else {
				text += line
			}
		}
		return tables, text
	}
	tables := map[string]string{}
	texts := map[string]string{}
	for _, page := range []string{"examples/classify/README.md", "examples/wide/README.md"} {
		tables[page], texts[page] = read(page)
	}
	for _, page := range []string{"optim/SIGMA.md", "README.md"} {
		inTables, inText := read(page)
		texts[page] = inTables + inText
	}

	for page, text := range texts {
		of := tables[page]
		if of == "" { // quotes both pages
			of = tables["examples/classify/README.md"] + tables["examples/wide/README.md"]
		}
		known := numbersIn(t, of)
		wanted := numbersIn(t, text)
		if len(wanted) == 0 {
			t.Errorf("%s: no numbers found", page)
		}
		for name, q := range wanted {
			found := false
			for _, k := range known {
				found = found || math.Abs(q.mean-k.mean) <= q.meanUnit+k.meanUnit && math.Abs(q.width-k.width) <= q.widthUnit+k.widthUnit
			}
			if !found {
				t.Errorf("%s: %s is in no table", page, name)
			}
		}
	}
}
