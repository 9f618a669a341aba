package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The tables of README.md are those of the results beside it, and it shows all of them.
func TestPage(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	want, err := withTables(page, ".")
	if err != nil {
		t.Fatal(err)
	}
	if want != page {
		t.Errorf("README.md has not the tables of the results: go run ./examples/classify -page examples/classify/README.md")
	}
	for _, line := range strings.Split(page, "\n") {
		if strings.HasPrefix(line, "<!-- ") && line != "<!-- end -->" && !tableOfPage.MatchString(page[strings.Index(page, line):]) {
			t.Errorf("%s: no table", line)
		}
	}
	folders, err := filepath.Glob(filepath.Join("results", "*", resultsName))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no results (%v)", err)
	}
	for _, file := range folders {
		if folder := filepath.ToSlash(filepath.Dir(file)); !strings.Contains(page, " "+folder+" ") {
			t.Errorf("README.md shows nothing of %s", folder)
		}
	}
}

// Results survive being written and read.
func TestResultsAgain(t *testing.T) {
	x, _, _ := reported(t, tiny(t.TempDir()))
	data, err := x.results.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := readResults(data)
	if err != nil {
		t.Fatal(err)
	}
	if again.table() != x.table() || len(x.verdicts()) != 2 {
		t.Errorf("table\n%s\nwant\n%s", again.table(), x.table())
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, resultsName), data, 0o644); err != nil {
		t.Fatal(err)
	}
	const page = "Before.\n\n<!-- table . -->\nold\n<!-- end -->\n\nAfter.\n"
	got, err := withTables(page, dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Before.\n\n<!-- table . -->\n\n" + x.table() + "\n<!-- end -->\n\nAfter.\n"; got != want {
		t.Errorf("page\n%s\nwant\n%s", got, want)
	}
	for _, bad := range []string{"<!-- tables . -->\n<!-- end -->", "<!-- table missing -->\n<!-- end -->"} {
		if _, err := withTables(bad, dir); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
