package layernoise_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// TestDocumented wants a comment for everything that the packages export: for functions, methods and types, for every
// constant and variable or the group it stands in, for groups of constants, and for every field of a struct and every method
// of an interface.
func TestDocumented(t *testing.T) {
	checked := 0
	for _, path := range published {
		files, sources := sourcesOf(t, path, parser.ParseComments)
		for _, source := range sources {
			for _, decl := range source.Decls {
				for _, missing := range undocumented(decl, &checked) {
					t.Errorf("%v: %s has no comment", files.Position(missing.Pos()), missing.Name)
				}
			}
		}
	}
	if checked < 500 {
		t.Errorf("looked at %d names: want those of all packages", checked)
	}
}

// undocumented returns the exported names of a declaration that have no comment, and counts all.
func undocumented(decl ast.Decl, checked *int) []*ast.Ident {
	var missing []*ast.Ident
	want := func(name *ast.Ident, comments ...*ast.CommentGroup) {
		if !name.IsExported() {
			return
		}
		*checked++
		for _, c := range comments {
			if c != nil && strings.TrimSpace(c.Text()) != "" {
				return
			}
		}
		missing = append(missing, name)
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || exportedReceiver(d.Recv) {
			want(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for i, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				want(s.Name, s.Doc, d.Doc)
				if s.Name.IsExported() {
					for name, comments := range commented(s.Type) {
						want(name, comments...)
					}
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if d.Tok == token.CONST && d.Lparen.IsValid() {
						if i == 0 {
							want(name, d.Doc) // of the group
						}
						want(name, s.Doc, s.Comment)
						continue
					}
					want(name, s.Doc, s.Comment, d.Doc)
				}
			}
		}
	}
	return missing
}

// commented returns the fields of a struct, or the methods of an interface, with their comments.
func commented(typ ast.Expr) map[*ast.Ident][]*ast.CommentGroup {
	var list *ast.FieldList
	switch typ := typ.(type) {
	case *ast.StructType:
		list = typ.Fields
	case *ast.InterfaceType:
		list = typ.Methods
	default:
		return nil
	}
	all := make(map[*ast.Ident][]*ast.CommentGroup)
	for _, field := range list.List {
		for _, name := range field.Names {
			all[name] = []*ast.CommentGroup{field.Doc, field.Comment}
		}
	}
	return all
}

// exportedReceiver reports whether a method is one of an exported type.
func exportedReceiver(receiver *ast.FieldList) bool {
	typ := receiver.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return false
		}
	}
}
