package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pkg/errors"
)

// A page shows tables of the results in folders below it, between two comments:
//
//	<!-- table results/digits -->
//	...
//	<!-- end -->
//
// tablesOfPage holds the kinds of tables, by the word before the folders in the first comment.
var tablesOfPage = map[string]func([]*results) string{
	"table":        func(x []*results) string { return x[0].table() },
	"sweep":        func(x []*results) string { return x[0].sweepTable() },
	"verdicts":     func(x []*results) string { return "- " + strings.Join(x[0].verdicts(), "\n- ") + "\n" },
	"wrong-labels": wrongLabelsTable,
	"along":        func(x []*results) string { return x[0].alongTable() },
	"equal-epochs": equalEpochsTable,
}

var tableOfPage = regexp.MustCompile(`(?s)<!-- ([a-z-]+)((?: [a-zA-Z0-9_/.-]*[a-zA-Z0-9.])+) -->\n.*?<!-- end -->`)

// withTables returns the text of a page in dir with its tables brought up to date.
func withTables(text, dir string) (string, error) {
	var failed error
	text = tableOfPage.ReplaceAllStringFunc(text, func(old string) string {
		parts := tableOfPage.FindStringSubmatch(old)
		name, folders := parts[1], strings.Fields(parts[2])
		write, known := tablesOfPage[name]
		if !known {
			failed = errors.Errorf("%q is not one of the tables %s", name, names(tablesOfPage))
			return old
		}
		var of []*results
		for _, folder := range folders {
			data, err := os.ReadFile(filepath.Join(dir, folder, resultsName))
			if err != nil {
				failed = errors.WithStack(err)
				return old
			}
			x, err := readResults(data)
			if err != nil {
				failed = errors.WithMessage(err, folder)
				return old
			}
			of = append(of, x)
		}
		first, _, _ := strings.Cut(old, "\n")
		return first + "\n\n" + write(of) + "\n<!-- end -->"
	})
	return text, failed
}

// updatePage writes the tables of results into a page.
func updatePage(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return errors.Wrap(err, "page")
	}
	updated, err := withTables(string(text), filepath.Dir(file))
	if err != nil {
		return errors.WithMessagef(err, "page %s", file)
	}
	return writeFile(file, []byte(updated))
}
