package fetch

import (
	"bytes"
	"strings"
	"testing"
)

func TestProgressLines(t *testing.T) {
	var b bytes.Buffer
	m := newMeter(&b, "file.gz", 2_500_000)
	for _, have := range []int64{0, 1, 249_999, 250_000, 260_000, 1_300_000, 2_499_999, 2_500_000} {
		m.show(have)
	}
	m.stop()
	want := "file.gz: 0% of 2.5 MB\n" + "file.gz: 10% of 2.5 MB\n" + "file.gz: 50% of 2.5 MB\n" +
		"file.gz: 90% of 2.5 MB\n" + "file.gz: 100% of 2.5 MB\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestProgressBar(t *testing.T) {
	var b bytes.Buffer
	m := newBar(&b, "file.gz", 1000)
	m.show(1000)
	m.stop()
	if s := b.String(); !strings.Contains(s, "file.gz") || !strings.Contains(s, "100%") || !strings.HasSuffix(s, "\n") {
		t.Errorf("bar %q", s)
	}
}

// TestProgressOfDownload shows a resumed download, with a restart.
func TestProgressOfDownload(t *testing.T) {
	content, f := testFile(t)
	var b bytes.Buffer
	d := Fetcher{Progress: &b}
	server := newServer(t, content, drops(len(content)/2), good)
	if _, err := d.Fetch(t.Context(), t.TempDir(), []string{server.URL}, f); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) < 2 || len(lines) > 11 || lines[len(lines)-1] != "file.gz: 100% of 0.1 MB" {
		t.Errorf("lines %q", lines)
	}
}

func TestNoProgress(t *testing.T) {
	m := newMeter(nil, "file.gz", 1000)
	m.show(500)
	m.stop()
}
