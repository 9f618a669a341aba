package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// published reads the results of the study that the page shows.
func published(t *testing.T) *study {
	t.Helper()
	data, err := os.ReadFile("results.json")
	if err != nil {
		t.Fatal(err)
	}
	x := new(study)
	if err := json.Unmarshal(data, x); err != nil {
		t.Fatal(err)
	}
	x.Settings.seeds, x.Settings.tuningRuns = 10, 4
	for i, best := range x.Best {
		if i%len(kinds) == 0 {
			x.Settings.weightDecays = append(x.Settings.weightDecays, best.WeightDecay)
		}
	}
	return x
}

// TestPage: the table of the page is that of the stored results, which come from the tuning that the page describes.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	x := published(t)
	for line := range strings.Lines(x.table()) {
		if !strings.Contains(string(page), line) {
			t.Errorf("not on the page: %s", line)
		}
	}
	command := fmt.Sprintf("-study -steps %d -weight-decay %s", x.Settings.Steps, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(x.Settings.weightDecays)), ","), "[]"))
	if !strings.Contains(string(page), command) {
		t.Errorf("not on the page: %s", command)
	}
	checkTuning(t, x, x.Settings)
}
