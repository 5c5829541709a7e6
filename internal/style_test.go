package internal_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Caps of docs/design/style.md; what it aims at is lower.
const (
	maxFunction   = 100 // lines
	maxFile       = 1000
	maxMethods    = 7 // of an interface
	maxParameters = 6
	maxNesting    = 4
)

// exceptions are the places that may break a rule. The key is "file: rule
// name", as a failure prints it; the value is the reason. One that is no longer
// needed fails too.
var exceptions = map[string]string{}

// trees are the folders the rules hold for.
var trees = []string{".", "../cmd", "../examples", "../tools", "../test"}

// emptyNames say nothing about what is in a package.
var emptyNames = []string{"util", "utils", "common", "helpers", "helper", "types", "base", "manager", "misc"}

// TestStyle checks the rules of docs/design/architecture.md, part 6, and
// the caps of style.md that a machine can check.
func TestStyle(t *testing.T) {
	used := map[string]bool{}
	seen := 0
	documented := map[string]bool{} // folder → has a package comment
	for _, tree := range trees {
		if _, err := os.Stat(tree); err != nil {
			continue
		}
		for _, name := range goFiles(t, tree) {
			s := parseSource(t, name)
			if s.generated {
				if !strings.HasPrefix(name, "awsapi/") {
					t.Errorf("%s: generated code lives in internal/awsapi only", name)
				}
				continue
			}
			seen++
			dir := filepath.Dir(name)
			documented[dir] = documented[dir] || s.file.Doc != nil || s.test
			for _, f := range s.faults() {
				key := name + ": " + f
				if _, ok := exceptions[key]; ok {
					used[key] = true
					continue
				}
				t.Error(key)
			}
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no file has a package comment", dir)
		}
	}
	for key := range exceptions {
		if !used[key] {
			t.Errorf("exception not needed any more: %s", key)
		}
	}
	if seen < 20 {
		t.Fatalf("read %d files only: the test does not see the tree", seen)
	}
}

// A source is one Go file.
type source struct {
	name      string
	set       *token.FileSet
	file      *ast.File
	lines     int
	generated bool
	test      bool
}

func parseSource(t *testing.T, name string) *source {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return &source{
		name: name, set: set, file: f,
		lines:     bytes.Count(text, []byte("\n")),
		generated: ast.IsGenerated(f),
		test:      strings.HasSuffix(name, "_test.go"),
	}
}

// faults lists what in the file breaks a rule, each as "rule: name".
func (s *source) faults() []string {
	var list []string
	if s.lines > maxFile {
		list = append(list, fmt.Sprintf("over %d lines", maxFile))
	}
	if slices.Contains(emptyNames, s.file.Name.Name) {
		list = append(list, "name says nothing: package "+s.file.Name.Name)
	}
	list = append(list, s.importFaults()...)
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			list = append(list, s.funcFaults(d)...)
		case *ast.GenDecl:
			list = append(list, s.declFaults(d)...)
		}
	}
	return append(list, s.callFaults()...)
}

func (s *source) importFaults() []string {
	var list []string
	for _, i := range s.file.Imports {
		switch p := strings.Trim(i.Path.Value, `"`); {
		case p == "io/ioutil", strings.HasPrefix(p, "github.com/stretchr/"):
			list = append(list, "import not allowed: "+p)
		case p == "unsafe" && s.name != "wire/bytes.go" && s.name != "gateway/hugepages_linux.go":
			list = append(list, "import outside wire/bytes.go and gateway/hugepages_linux.go: unsafe")
		}
	}
	return list
}

func (s *source) funcFaults(d *ast.FuncDecl) []string {
	var list []string
	name := d.Name.Name
	if d.Recv == nil && name == "init" {
		list = append(list, "init function")
	}
	if n := d.Type.Params.NumFields(); n > maxParameters {
		list = append(list, fmt.Sprintf("over %d parameters: %s", maxParameters, name))
	}
	if s.test {
		return list
	}
	if d.Body != nil && s.line(d.End())-s.line(d.Pos())+1 > maxFunction {
		list = append(list, fmt.Sprintf("over %d lines: %s", maxFunction, name))
	}
	if d.Body != nil && nesting(d.Body) > maxNesting {
		list = append(list, fmt.Sprintf("nested over %d deep: %s", maxNesting, name))
	}
	if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && s.file.Name.Name != "main" {
		list = append(list, "no comment: "+name)
	}
	return list
}

func (s *source) line(p token.Pos) int { return s.set.Position(p).Line }

// exportedReceiver tells whether others can name what d belongs to.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch u := t.(type) {
		case *ast.StarExpr:
			t = u.X
		case *ast.IndexExpr:
			t = u.X
		case *ast.IndexListExpr:
			t = u.X
		case *ast.Ident:
			return u.IsExported()
		default:
			return false
		}
	}
}

// nesting counts how deep statements stand inside each other. An else-if is
// no deeper than its if, and a function literal begins anew.
func nesting(body *ast.BlockStmt) int {
	deepest := 0
	var walk func(n ast.Node, depth int)
	walk = func(n ast.Node, depth int) {
		ast.Inspect(n, func(m ast.Node) bool {
			if m == n || m == nil {
				return true
			}
			switch m := m.(type) {
			case *ast.IfStmt:
				at := depth + 1
				if parent, ok := n.(*ast.IfStmt); ok && parent.Else == m {
					at = depth
				}
				deepest = max(deepest, at)
				walk(m, at)
				return false
			case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
				deepest = max(deepest, depth+1)
				walk(m, depth+1)
				return false
			case *ast.FuncLit:
				walk(m, 0)
				return false
			}
			return true
		})
	}
	walk(body, 0)
	return deepest
}

func (s *source) declFaults(d *ast.GenDecl) []string {
	if s.test {
		return nil
	}
	var list []string
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil && s.file.Name.Name != "main" {
				list = append(list, "no comment: "+spec.Name.Name)
			}
			if i, ok := spec.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxMethods {
				list = append(list, fmt.Sprintf("over %d methods: %s", maxMethods, spec.Name.Name))
			}
		case *ast.ValueSpec:
			for _, n := range spec.Names {
				if n.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
					list = append(list, "no comment: "+n.Name)
				}
			}
			if d.Tok == token.VAR && holdsState(spec.Type) {
				list = append(list, "package variable that changes: "+spec.Names[0].Name)
			}
		}
	}
	return list
}

// holdsState tells whether a package variable of this type is there to be
// changed: a mutex, an atomic, a pool, a channel.
func holdsState(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.SelectorExpr:
		p, ok := t.X.(*ast.Ident)
		return ok && (p.Name == "sync" || p.Name == "atomic")
	case *ast.IndexExpr:
		return holdsState(t.X)
	case *ast.ChanType:
		return true
	}
	return false
}

// callFaults finds calls that are not allowed.
func (s *source) callFaults() []string {
	var list []string
	inTest := strings.HasPrefix(s.name, "../test/") || s.test
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		switch name := pkg.Name + "." + sel.Sel.Name; {
		case pkg.Name == "fmt" && strings.HasPrefix(sel.Sel.Name, "Print") && s.file.Name.Name != "main":
			list = append(list, "prints: "+name)
		case name == "http.DefaultClient", name == "http.DefaultServeMux", name == "http.DefaultTransport" && !inTest:
			list = append(list, "uses a global: "+name)
		case name == "time.Sleep" && !s.imports("testing/synctest"):
			list = append(list, "sleeps in real time: "+name)
		}
		return true
	})
	slices.Sort(list)
	return slices.Compact(list)
}

func (s *source) imports(path string) bool {
	return slices.ContainsFunc(s.file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"`+path+`"` })
}

// TestPackageVariables checks that no function assigns to a variable of its
// package: what is declared there is made once and read ever after.
func TestPackageVariables(t *testing.T) {
	byDir := map[string][]*source{}
	for _, tree := range trees {
		if _, err := os.Stat(tree); err != nil {
			continue
		}
		for _, name := range goFiles(t, tree) {
			if s := parseSource(t, name); !s.generated && !s.test {
				byDir[filepath.Dir(name)] = append(byDir[filepath.Dir(name)], s)
			}
		}
	}
	for _, files := range byDir {
		vars := packageVars(files)
		for _, s := range files {
			for _, name := range s.assigned(vars) {
				t.Errorf("%s: package variable that changes: %s", s.name, name)
			}
		}
	}
}

func packageVars(files []*source) map[string]bool {
	vars := map[string]bool{}
	for _, s := range files {
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				for _, n := range spec.(*ast.ValueSpec).Names {
					vars[n.Name] = n.Name != "_"
				}
			}
		}
	}
	return vars
}

// assigned lists the variables of vars that functions of the file assign to,
// an element of or a field of. A name that the function declares itself, in
// whatever place, is taken for its own.
func (s *source) assigned(vars map[string]bool) []string {
	var list []string
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		own := ownNames(f)
		check := func(e ast.Expr) {
			if name := rootName(e); vars[name] && !own[name] {
				list = append(list, name)
			}
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					check(e)
				}
			case *ast.IncDecStmt:
				check(n.X)
			}
			return true
		})
	}
	return list
}

func ownNames(f *ast.FuncDecl) map[string]bool {
	own := map[string]bool{}
	add := func(list *ast.FieldList) {
		if list == nil {
			return
		}
		for _, field := range list.List {
			for _, n := range field.Names {
				own[n.Name] = true
			}
		}
	}
	add(f.Recv)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			add(n.Params)
			add(n.Results)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, e := range n.Lhs {
					own[rootName(e)] = true
				}
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				own[rootName(n.Key)] = true
				if n.Value != nil {
					own[rootName(n.Value)] = true
				}
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				own[id.Name] = true
			}
		}
		return true
	})
	return own
}

// rootName is the variable at the start of an expression that can be assigned
// to: a of a.b[c].
func rootName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return rootName(e.X)
	case *ast.IndexExpr:
		return rootName(e.X)
	case *ast.StarExpr:
		return rootName(e.X)
	case *ast.ParenExpr:
		return rootName(e.X)
	}
	return ""
}
