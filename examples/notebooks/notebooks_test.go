// Package notebooks_test reads the notebooks as they are committed, without a kernel. execute.sh runs them.
package notebooks_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A notebook is the part of Jupyter's format 4 that this test reads.
type notebook struct {
	Cells []cell
}

type cell struct {
	Type           string `json:"cell_type"`
	Source         text
	ExecutionCount *int `json:"execution_count"`
	Outputs        []output
}

type output struct {
	Type string `json:"output_type"`
	Name string // stdout or stderr, of a stream
	Text text   // of a stream
	Data map[string]text
}

// A text is a JSON string, or a list of strings, one per line.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(t))
	}
	var lines []string
	err := json.Unmarshal(data, &lines)
	*t = text(strings.Join(lines, ""))
	return err
}

func (t text) local() bool { return localPath.MatchString(string(t)) }

// localPath matches a path of the machine that executed a notebook.
var localPath = regexp.MustCompile(`(^|[\s"'=(])/(home|root|tmp|work|usr|var|Users|mnt|opt)/`)

// maxPicture is the largest size of a committed picture, in bytes.
const maxPicture = 100_000

func TestNotebooksAreExecuted(t *testing.T) {
	files, err := filepath.Glob("*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 4 {
		t.Fatalf("found the notebooks %q, want four", files)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var n notebook
			if err := json.Unmarshal(content, &n); err != nil {
				t.Fatal(err)
			}
			n.check(t)
		})
	}
}

// check looks for code cells that were not executed, in order and without an error, and for output that must not be
// committed.
func (n notebook) check(t *testing.T) {
	executed, pictures := 0, 0
	for i, c := range n.Cells {
		if c.Source.local() {
			t.Errorf("cell %d names a local path", i)
		}
		if c.Type != "code" {
			continue
		}
		executed++
		if c.ExecutionCount == nil || *c.ExecutionCount != executed {
			t.Errorf("cell %d was not executed in its turn: run execute.sh", i)
		}
		for _, o := range c.Outputs {
			if o.Type == "error" || o.Name == "stderr" {
				t.Errorf("cell %d: its output is an error", i)
			}
			if o.Text.local() || o.Data["text/plain"].local() {
				t.Errorf("the output of cell %d names a local path", i)
			}
			if picture, ok := o.Data["image/png"]; ok {
				pictures++
				checkPicture(t, i, string(picture))
			}
		}
	}
	if pictures < 2 {
		t.Errorf("%d pictures, want at least two", pictures)
	}
}

func checkPicture(t *testing.T, cell int, encoded string) {
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(encoded, "\n", ""))
	if err != nil {
		t.Fatalf("picture of cell %d: %v", cell, err)
	}
	if len(data) > maxPicture {
		t.Errorf("the picture of cell %d has %d bytes, want at most %d", cell, len(data), maxPicture)
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil {
		t.Errorf("picture of cell %d: %v", cell, err)
	}
}
