// Package jsonschema tells whether a JSON text is what a JSON Schema (draft 4)
// asks for, and in which words API Gateway says that it is not.
//
// [Compile] reads a schema once, with every schema that it refers to; the
// result is a [Schema], whose [Schema.Validate] any number of goroutines may
// call. Validation walks over the text in place: a text that is valid costs no
// allocation. Whatever a schema or a text asks for, work and memory are bounded.
//
// The meaning of a schema follows the fge json-schema-validator where it and
// draft 4 leave a choice, because the texts that API Gateway logs are that
// library's. The package knows no models, methods or requests: who compiles
// says what the address of another schema stands for.
package jsonschema

import (
	"hash/maphash"
	"strings"
	"sync"
)

// The bounds of one validation. A text beyond them is not valid.
const (
	maxText   = 10 << 20 // bytes; as large as a request may be
	maxValues = 2 << 20  // values and names in a text: 40 MB while it is checked
	maxDepth  = 1000     // of arrays and objects in each other
	maxNumber = 1000     // characters of one number
	maxNested = 10_000   // schemas applied inside each other
	maxWork   = 1 << 25  // steps, see run.spend: about a second

	maxReasons = 64      // texts in one Result
	maxReason  = 1 << 10 // bytes of one of them
)

// A Schema is a compiled JSON Schema. It never changes.
type Schema struct {
	root *node
	seed maphash.Seed
	runs sync.Pool // of *run
}

// A Result is what Validate found.
type Result struct {
	Valid   bool
	Reasons []string // why it is not valid, at least one
}

// String lists the reasons as $context.error.validationErrorString does.
//
// AWS: rest-execution.md §7.
func (r Result) String() string {
	if r.Valid {
		return ""
	}
	return "[" + strings.Join(r.Reasons, ", ") + "]"
}

// notJSON is the reason why a text that is no JSON is refused.
//
// AWS: seen in logs of test invocations with an empty body (November 2021).
const notJSON = "Unknown error parsing request body"

// tooCostly is the reason why a text is refused whose check takes more than is
// allowed.
//
// AWS: undocumented text.
const tooCostly = "instance takes too much work to validate"

// Validate tells whether body, a JSON text, is valid. It keeps nothing of body.
//
// AWS: an empty body is validated as {} (rest-execution.md §7).
func (s *Schema) Validate(body []byte) Result {
	r, _ := s.runs.Get().(*run)
	if r == nil {
		r = new(run)
	}
	defer s.release(r)
	r.seed = s.seed
	empty := len(body) == 0
	if empty {
		body = emptyObject
	}
	if !r.doc.parse(body) {
		return Result{Reasons: []string{notJSON}}
	}
	r.left = maxWork
	if r.holds(s.root, 0) && r.left >= 0 {
		return Result{Valid: true}
	}
	if r.left < 0 {
		return Result{Reasons: []string{tooCostly}}
	}
	if empty {
		return Result{Reasons: []string{notJSON}}
	}
	return Result{Reasons: r.explain(s.root)}
}

var emptyObject = []byte("{}")

// largestKept is the memory, in values, that is kept between validations.
const largestKept = 4 << 10

func (s *Schema) release(r *run) {
	r.doc.src = nil
	if cap(r.doc.values) > largestKept || cap(r.doc.side) > 16*largestKept {
		r.doc = document{}
	}
	s.runs.Put(r)
}
