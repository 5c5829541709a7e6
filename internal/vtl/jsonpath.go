package vtl

import (
	"fmt"
	"strconv"
	"strings"
)

// JSONPath as Jayway's library reads it.

// A Path is a compiled JSONPath. It never changes.
type Path struct {
	steps    []pathStep
	lead     int  // steps at the start that lead to one value
	definite bool // the result is one value, not a list of them
}

type stepKind uint8

const (
	stepName     stepKind = iota // .a and ['a']
	stepNames                    // ['a','b']
	stepIndex                    // [1], [1,2]
	stepSlice                    // [1:2]
	stepAll                      // .* and [*]
	stepFilter                   // [?(…)]
	stepScan                     // .., applies to the step after it
	stepFunction                 // .length()
)

// A pathStep is one step down a document.
type pathStep struct {
	kind     stepKind
	name     string
	names    []string
	indexes  []int
	from, to bound
	filter   *filter // stepFilter
}

// A bound is one end of a slice.
type bound struct {
	n     int
	given bool
}

// maxPath bounds the text of a path.
const maxPath = 4096

// CompilePath reads a path. One that does not begin with $ is taken from
// there, as Jayway does.
func CompilePath(text string) (*Path, error) {
	if len(text) > maxPath {
		return nil, fmt.Errorf("JSONPath is longer than %d characters", maxPath)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, fmt.Errorf("JSONPath is empty")
	}
	if text[0] != '$' && text[0] != '@' {
		text = "$." + text
	}
	p := pathParser{src: text, pos: 1}
	steps, err := p.steps()
	if err != nil {
		//lint:ignore ST1005 shown to clients of AWS's API
		return nil, fmt.Errorf("Invalid JSONPath %q: %w", text, err)
	}
	return newPath(steps), nil
}

func newPath(steps []pathStep) *Path {
	p := &Path{steps: steps}
	for _, s := range steps {
		if !s.definite() {
			return p
		}
		p.lead++
	}
	p.definite = true
	return p
}

// definite tells whether a step leads to one value. Several names do: Jayway
// merges the members into one map.
func (s pathStep) definite() bool {
	switch s.kind {
	case stepName, stepNames, stepFunction:
		return true
	case stepIndex:
		return len(s.indexes) == 1
	}
	return false
}

type pathParser struct {
	src   string
	pos   int
	depth int
}

func (p *pathParser) errf(format string, args ...any) error {
	return fmt.Errorf("%s at position %d", fmt.Sprintf(format, args...), p.pos)
}

func (p *pathParser) done() bool { return p.pos >= len(p.src) }

func (p *pathParser) has(s string) bool { return strings.HasPrefix(p.src[p.pos:], s) }

func (p *pathParser) blanks() {
	for !p.done() && strings.IndexByte(" \t\r\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
}

// steps reads steps to the end of the path.
func (p *pathParser) steps() ([]pathStep, error) {
	var list []pathStep
	for !p.done() {
		switch {
		case p.has(".."):
			p.pos += 2
			list = append(list, pathStep{kind: stepScan})
			if p.done() || p.has(".") {
				return nil, p.errf("Path must not end with '..'")
			}
			if !p.has("[") {
				s, err := p.dotted()
				if err != nil {
					return nil, err
				}
				list = append(list, s)
			}
			continue
		case p.has("."):
			p.pos++
			if p.done() {
				return nil, p.errf("Path must not end with '.'")
			}
			if p.has("[") {
				continue
			}
			s, err := p.dotted()
			if err != nil {
				return nil, err
			}
			list = append(list, s)
			continue
		case p.has("["):
			s, err := p.bracket()
			if err != nil {
				return nil, err
			}
			list = append(list, s)
			continue
		}
		return nil, p.errf("Illegal character %q", p.src[p.pos])
	}
	return list, nil
}

// dotted reads a name, a function or * after a dot.
func (p *pathParser) dotted() (pathStep, error) {
	if p.has("*") {
		p.pos++
		return pathStep{kind: stepAll}, nil
	}
	end := strings.IndexAny(p.src[p.pos:], ".[( ")
	name := p.src[p.pos:]
	if end >= 0 {
		name = name[:end]
	}
	if name == "" {
		return pathStep{}, p.errf("A name is missing")
	}
	p.pos += len(name)
	if p.has(" ") {
		return pathStep{}, p.errf("Use bracket notation ['my prop'] if your property contains blank characters")
	}
	if !p.has("(") {
		return pathStep{kind: stepName, name: name}, nil
	}
	if !p.has("()") {
		return pathStep{}, p.errf("Arguments of function %s are not supported", name)
	}
	if pathFunctions[name] == nil {
		return pathStep{}, p.errf("Function with name: %s does not exist", name)
	}
	p.pos += 2
	return pathStep{kind: stepFunction, name: name}, nil
}

// bracket reads what stands in [ ].
func (p *pathParser) bracket() (s pathStep, err error) {
	p.pos++
	p.blanks()
	switch {
	case p.done():
	case p.has("*"):
		p.pos++
		s.kind = stepAll
	case p.has("?"):
		s, err = p.filterStep()
	case p.has("'") || p.has(`"`):
		s, err = p.quotedNames()
	default:
		s, err = p.indexes()
	}
	if err != nil {
		return s, err
	}
	p.blanks()
	if !p.has("]") {
		return s, p.errf("Expected ]")
	}
	p.pos++
	return s, nil
}

func (p *pathParser) quotedNames() (pathStep, error) {
	var names []string
	for {
		p.blanks()
		name, err := p.quoted()
		if err != nil {
			return pathStep{}, err
		}
		names = append(names, name)
		p.blanks()
		if !p.has(",") {
			break
		}
		p.pos++
	}
	if len(names) == 1 {
		return pathStep{kind: stepName, name: names[0]}, nil
	}
	return pathStep{kind: stepNames, names: names}, nil
}

// quoted reads a text in quotes. A backslash takes the next character as it is.
func (p *pathParser) quoted() (string, error) {
	if p.done() || p.src[p.pos] != '\'' && p.src[p.pos] != '"' {
		return "", p.errf("Expected a text in quotes")
	}
	quote := p.src[p.pos]
	var b strings.Builder
	for i := p.pos + 1; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == quote:
			p.pos = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(p.src):
			i++
			b.WriteByte(p.src[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.errf("Text in quotes does not end")
}

// indexes reads [1], [1,2] and slices.
func (p *pathParser) indexes() (pathStep, error) {
	end := strings.IndexByte(p.src[p.pos:], ']')
	if end < 0 {
		return pathStep{}, p.errf("Expected ]")
	}
	text := p.src[p.pos : p.pos+end]
	if from, to, ok := strings.Cut(text, ":"); ok {
		s := pathStep{kind: stepSlice}
		var err, err2 error
		s.from, err = p.bound(from)
		s.to, err2 = p.bound(to)
		if err != nil || err2 != nil || !s.from.given && !s.to.given {
			return s, p.errf("Invalid slice [%s]", text)
		}
		p.pos += end
		return s, nil
	}
	s := pathStep{kind: stepIndex}
	for _, t := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(t))
		if err != nil {
			return s, p.errf("Could not parse token. Expected ?, ', 0-9, *")
		}
		s.indexes = append(s.indexes, n)
	}
	p.pos += end
	return s, nil
}

func (p *pathParser) bound(text string) (bound, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return bound{}, nil
	}
	n, err := strconv.Atoi(text)
	return bound{n, true}, err
}
