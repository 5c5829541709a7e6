// Package internal_test holds the rules for the whole tree as tests: who may
// import whom, and how code looks.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	design = "../docs/design/architecture.md"
	module = "gatehouse/internal/"
)

// TestFloors checks every import below internal against the list in
// docs/design/architecture.md: a package imports what stands on a line above
// its own, and nothing that a "never" line forbids.
//
// A package named after its parent plus "test" (upstream/upstreamtest) is a
// fake or a suite: it stands just above its parent, and only tests import it.
func TestFloors(t *testing.T) {
	floors, nevers := readFloors(t)
	checked := 0
	for _, pkg := range packages(t) {
		floor := floors.of(pkg.name)
		if floor < 0 {
			t.Errorf("internal/%s stands on no floor: add it to the list in %s", pkg.name, design)
			continue
		}
		for _, imp := range pkg.imports {
			checked++
			if isFake(imp) && !isFake(pkg.name) {
				t.Errorf("internal/%s imports %s, which is for tests", pkg.name, imp)
				continue
			}
			if floors.of(imp) >= floor {
				t.Errorf("internal/%s imports %s, which does not stand below it", pkg.name, imp)
			}
			for _, n := range nevers {
				if n.from.matches(pkg.name) && n.to.matches(imp) {
					t.Errorf("internal/%s imports %s: %s", pkg.name, imp, n.line)
				}
			}
		}
	}
	if checked < 5 || len(nevers) != 2 {
		t.Fatalf("checked %d imports against %d never lines: the test does not see the tree", checked, len(nevers))
	}
}

// A goPackage is a package below internal and what it imports from there,
// tests not counted.
type goPackage struct {
	name    string
	imports []string
}

func packages(t *testing.T) []goPackage {
	byName := map[string]*goPackage{}
	for _, file := range goFiles(t, ".") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		name := filepath.ToSlash(filepath.Dir(file))
		p := byName[name]
		if p == nil {
			p = &goPackage{name: name}
			byName[name] = p
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			imp, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if rest, ok := strings.CutPrefix(imp, module); ok && !slices.Contains(p.imports, rest) {
				p.imports = append(p.imports, rest)
			}
		}
	}
	var list []goPackage
	for _, p := range byName {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b goPackage) int { return strings.Compare(a.name, b.name) })
	return list
}

// goFiles lists the Go files below dir, testdata left out.
func goFiles(t *testing.T, dir string) []string {
	var files []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return filepath.SkipDir
		case strings.HasSuffix(name, ".go"):
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// floorList is the list of floors, lowest first, each a set of patterns.
type floorList []patterns

// of returns the floor of a package, or -1. The floors are counted in twos, so
// that a fake has a place between its parent's and the next.
func (l floorList) of(pkg string) int {
	for i, p := range l {
		if p.matches(pkg) {
			return 2 * i
		}
	}
	if isFake(pkg) {
		if parent := l.of(path.Dir(pkg)); parent >= 0 {
			return parent + 1
		}
	}
	return -1
}

// isFake tells whether pkg is named after its parent plus "test".
func isFake(pkg string) bool { return path.Base(pkg) == path.Base(path.Dir(pkg))+"test" }

// patterns are names of packages: whole, or a folder followed by /*.
type patterns []string

func (l patterns) matches(pkg string) bool {
	for _, p := range l {
		if folder, ok := strings.CutSuffix(p, "/*"); p == pkg || ok && path.Dir(pkg) == folder {
			return true
		}
	}
	return false
}

type never struct {
	from, to patterns
	line     string
}

func readFloors(t *testing.T) (floors floorList, nevers []never) {
	text, err := os.ReadFile(design)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "The floors as the test reads them.")
	_, rest, ok2 := strings.Cut(rest, "```\n")
	block, _, ok3 := strings.Cut(rest, "```")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("%s: no list of floors", design)
	}
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		forbidden, isNever := strings.CutPrefix(line, "never: ")
		from, to, _ := strings.Cut(forbidden, " → ")
		switch {
		case line == "":
		case isNever:
			nevers = append(nevers, never{expand(from), expand(to), line})
		default:
			floors = append(floors, patterns(strings.Fields(line)))
		}
	}
	return floors, nevers
}

// expand reads "a, b/{c,d}" as a, b/c and b/d.
func expand(list string) patterns {
	var out patterns
	for len(list) > 0 {
		end := strings.Index(list, ",")
		if open := strings.Index(list, "{"); open >= 0 && (end < 0 || open < end) {
			shut := strings.Index(list, "}")
			for _, s := range strings.Split(list[open+1:shut], ",") {
				out = append(out, strings.TrimSpace(list[:open])+s)
			}
			list = strings.TrimPrefix(list[shut+1:], ",")
			continue
		}
		if end < 0 {
			end = len(list)
		}
		out = append(out, strings.TrimSpace(list[:end]))
		list = strings.TrimPrefix(list[end:], ",")
	}
	return out
}

func TestExpand(t *testing.T) {
	got := expand("gateway, gateway/{step,wsapi}, awsapi/*")
	want := patterns{"gateway", "gateway/step", "gateway/wsapi", "awsapi/*"}
	if !slices.Equal(got, want) {
		t.Errorf("expand = %q, want %q", got, want)
	}
}
