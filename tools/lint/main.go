// Lint is the analyzers of style.md that are not in vet or staticcheck, as one
// program for go vet -vettool.
//
// A line that ends in //nolint:NAME // REASON is
// excused from the analyzer of this name.
package main

import (
	"bytes"
	"os"
	"strings"

	"github.com/breml/bidichk/pkg/bidichk"
	"github.com/gordonklaus/ineffassign/pkg/ineffassign"
	"github.com/kisielk/errcheck/errcheck"
	"go-simpler.org/sloglint"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/nilness"
	"golang.org/x/tools/go/analysis/passes/waitgroup"
	"golang.org/x/tools/go/analysis/unitchecker"
)

func main() {
	unitchecker.Main(
		excusable(bidichk.NewAnalyzer(), nothing),
		excusable(errcheck.Analyzer, plain),
		excusable(ineffassign.Analyzer, nothing),
		excusable(nilness.Analyzer, nothing),
		excusable(sloglint.New(&sloglint.Options{NoMixedArguments: true, NoGlobalLogger: "all", StaticMessage: true}), tests),
		excusable(waitgroup.Analyzer, nothing),
	)
}

// excusable is an analyzer that heeds nolint, and reports nothing of the lines
// that fine tells.
func excusable(a *analysis.Analyzer, fine func(file, line string) bool) *analysis.Analyzer {
	b := *a
	b.Run = func(pass *analysis.Pass) (any, error) {
		report, sources := pass.Report, map[string][][]byte{}
		p := *pass
		p.Report = func(d analysis.Diagnostic) {
			at := pass.Fset.Position(d.Pos)
			lines, ok := sources[at.Filename]
			if !ok {
				if text, err := os.ReadFile(at.Filename); err == nil {
					lines = bytes.Split(text, []byte("\n"))
				}
				sources[at.Filename] = lines
			}
			if at.Line > len(lines) {
				report(d)
				return
			}
			line := string(lines[at.Line-1])
			if !strings.Contains(line, "//nolint:"+a.Name) && !fine(at.Filename, line) {
				report(d)
			}
		}
		return a.Run(&p)
	}
	return &b
}

func nothing(string, string) bool { return false }

func tests(file, _ string) bool { return strings.HasSuffix(file, "_test.go") }

// plain are errors that nobody can act upon: of closing what was read, of
// removing what may be gone, of writing for people; and those of tests, whose
// effect is what is tested.
func plain(file, line string) bool {
	line = strings.TrimSpace(line)
	return tests(file, line) || strings.HasPrefix(line, "fmt.Fprint") ||
		strings.HasPrefix(line, "defer ") && (strings.HasSuffix(line, ".Close()") || strings.HasPrefix(line, "defer os.Remove("))
}
