package layernoise_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/api.txt anew")

// published are the packages that users import.
var published = []string{"datasets", "graph", "graph/nativeblas", "layers", "optim", "optim/distributed"}

// TestAPI compares what the packages export with testdata/api.txt, so that a change of the API is never an accident: a line
// that goes or changes breaks programs, and belongs into CHANGELOG.md. go test . -run API -update writes the file.
func TestAPI(t *testing.T) {
	const file = "testdata/api.txt"
	var lines []string
	for _, p := range published {
		lines = append(lines, exported(t, p)...)
	}
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the API is not that of %s (-update writes it):\n%s", file, diff)
	}
}

// sourcesOf parses the files of a package without its tests.
func sourcesOf(t *testing.T, path string, mode parser.Mode) (*token.FileSet, []*ast.File) {
	files := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(path, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var sources []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(files, name, nil, mode)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, source)
	}
	return files, sources
}

// exported returns a line for each name that a package exports, fields and methods of interfaces too.
func exported(t *testing.T, path string) []string {
	files, sources := sourcesOf(t, path, 0)
	p, err := doc.NewFromFiles(files, sources, module+path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	line := func(text string) { lines = append(lines, path+": "+text) }
	values := func(list []*doc.Value) {
		for _, v := range list {
			for _, name := range v.Names {
				if token.IsExported(name) {
					line(v.Decl.Tok.String() + " " + name)
				}
			}
		}
	}
	funcs := func(list []*doc.Func) {
		for _, f := range list {
			f.Decl.Body = nil
			line(text(t, files, f.Decl))
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs(p.Funcs)
	for _, typ := range p.Types {
		for _, spec := range typ.Decl.Specs {
			for _, member := range members(t, files, spec.(*ast.TypeSpec)) {
				line(member)
			}
		}
		values(typ.Consts)
		values(typ.Vars)
		funcs(typ.Funcs)
		funcs(typ.Methods)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// members returns a line for a type and one for each of its exported fields or methods. Unexported ones are not listed: an
// interface that has some says that only this module implements it.
func members(t *testing.T, files *token.FileSet, spec *ast.TypeSpec) []string {
	fields, kind := (*ast.FieldList)(nil), ""
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		fields, kind = typ.Fields, "struct"
	case *ast.InterfaceType:
		fields, kind = typ.Methods, "interface"
	}
	if fields == nil {
		return []string{"type " + text(t, files, spec)}
	}
	lines := []string{"type " + spec.Name.Name + " " + kind}
	for _, field := range fields.List {
		field.Tag = nil
		if len(field.Names) == 0 {
			lines = append(lines, "type "+spec.Name.Name+" "+kind+", "+text(t, files, field.Type))
		}
		for _, name := range field.Names {
			if name.IsExported() {
				lines = append(lines, "type "+spec.Name.Name+" "+kind+", "+name.Name+" "+text(t, files, field.Type))
			}
		}
	}
	return lines
}

// text is a node of the syntax as one line.
func text(t *testing.T, files *token.FileSet, node any) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, files, node); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
