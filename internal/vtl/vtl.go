// Package vtl is the mapping template language of API Gateway: Apache
// Velocity 1.7 with $input, $util, $context and $stageVariables.
//
// [Compile] makes a [Template] from text, once; [Template.Append] renders it
// for one request with an [Env], which lends it the payload, the parameters
// and the variables. A template never changes after Compile and may render in
// any number of goroutines at once. Rendering is bounded in steps, memory,
// output and time, whatever template and payload are: see limits.go.
//
// A [Path] is a JSONPath as Jayway reads it, for those who map bodies without
// a template. The package knows nothing of APIs, stages or exchanges.
package vtl

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Template is a mapping template ready to render.
type Template struct {
	nodes []node
	slots []string // names of the variables; a reference knows its slot
	roots [rootCount]int
	text  int // bytes of the source, a guess at the size of the output
}

// An Env is what one rendering sees of the world. Nothing of it is kept after
// Append, except that overrides may hold parts of Body.
type Env struct {
	Body           string     // $input.body; must not change before Overrides are used up
	Params         Params     // $input.params; may be nil
	Context        Scope      // $context; may be nil
	StageVariables Scope      // $stageVariables; may be nil
	Overrides      *Overrides // what #set($context.requestOverride…) changes; may be nil
	Deadline       time.Time  // when to give up; zero for the limit on steps alone
}

// A Place is where a request parameter stands.
type Place uint8

// The places, in the order $input.params(name) looks for a name.
const (
	InPath Place = iota
	InQuery
	InHeader
)

// Params are the parameters of a request, as $input.params shows them: of
// each name the last value.
type Params interface {
	// Param returns the value of a parameter, by its exact name.
	Param(in Place, name string) (value string, ok bool)
	// Each calls yield with each name and its value, in the order they came.
	Each(in Place, yield func(name, value string) bool)
}

// A Scope is a tree of variables that the embedder lends to a template.
type Scope interface {
	// Lookup returns the variable at a dotted path ("identity.sourceIp"):
	// null if there is none, NewGroup() if it has members.
	Lookup(path string) Value
	// Names returns the names of the members of the group at path, in order;
	// the whole scope is at "".
	Names(path string) []string
}

// Overrides are $context.requestOverride and $context.responseOverride: maps
// that templates write and the gateway reads afterwards. One of them serves
// all templates of an exchange.
type Overrides struct {
	Request, Response Value // null until a template sets something
}

// A SyntaxError says why a text is not a template.
type SyntaxError struct {
	Line, Column int // from 1
	Message      string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at line %d, column %d", e.Message, e.Line, e.Column)
}

// A PayloadError says that the payload looks like JSON and is not.
type PayloadError struct{ Message string }

// Error implements error.
//
// AWS: the words run together (recorded 2016, ToQoz test table).
func (e *PayloadError) Error() string {
	return "Could not process payloadnet.minidev.json.parser.ParseException: " + e.Message
}

// A RenderError says why a template could not be rendered: a method that
// threw, or a limit.
type RenderError struct {
	Line    int
	Message string
}

// Error implements error.
func (e *RenderError) Error() string { return fmt.Sprintf("%s at line %d", e.Message, e.Line) }

// Compile reads a template. Its errors are of type *SyntaxError.
func Compile(text string) (*Template, error) {
	if len(text) > maxTemplate {
		return nil, &SyntaxError{1, 1, fmt.Sprintf("Template is larger than %d bytes", maxTemplate)}
	}
	t := &Template{text: len(text)}
	p := newParser(text, t)
	nodes, err := p.template()
	if err != nil {
		return nil, err
	}
	t.nodes = nodes
	for i := range t.roots {
		t.roots[i] = p.known(rootNames[i])
	}
	return t, nil
}

// Append renders t and appends the output to dst. After an error dst comes
// back as it was.
func (t *Template) Append(dst []byte, env *Env) ([]byte, error) {
	r := runs.Get().(*run)
	r.begin(t, env, dst)
	err := r.nodes(t.nodes)
	if errors.Is(err, errStop) || errors.Is(err, errBreak) {
		err = nil
	}
	if err == nil {
		err = r.keepOverrides()
	}
	out := r.out
	r.end()
	runs.Put(r)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// runs keeps the memory of renderings for the next ones.
var runs = sync.Pool{New: func() any { return new(run) }}
