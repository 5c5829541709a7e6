package openapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// An importer is one import under way: the document, what came of it so far,
// and what was wrong.
type importer struct {
	opt  Options
	root *node
	v3   bool
	api  *API

	errors   []string
	warnings []string

	// What the document says once for all its operations, read once.
	schemas    *node
	schemeDefs *node
	security   *node
	validator  *string
	consumes   string
	produces   string

	models     map[string]*model
	anonymous  []*model
	schemes    map[string]*scheme
	validators map[string]bool
	children   map[place]int  // index in api.Resources
	variables  map[int]string // the child in braces of a resource

	budget
	weights map[*node]weight
}

func newImporter(root *node, opt Options) *importer {
	return &importer{
		opt: opt, root: root, api: &API{},
		models: map[string]*model{}, schemes: map[string]*scheme{}, validators: map[string]bool{},
		children: map[place]int{}, variables: map[int]string{},
		weights: map[*node]weight{},
	}
}

// maxFindings bounds each of errors and warnings: they go into an answer, and
// nobody reads more. The last one says that there were more.
const maxFindings = 1000

func (im *importer) errorf(format string, args ...any) {
	im.errors = im.find(im.errors, format, args)
}

func (im *importer) warnf(format string, args ...any) {
	im.warnings = im.find(im.warnings, format, args)
}

func (im *importer) find(to []string, format string, args []any) []string {
	im.spend(1, 0)
	switch {
	case len(to) > maxFindings:
		return to
	case len(to) == maxFindings:
		return append(to, "More were found than are listed here.")
	}
	msg := fmt.Sprintf(format, args...)
	im.spend(0, len(msg))
	return append(to, msg)
}

// expect returns n if it is of kind k, and nil if it is absent. A value of
// another type is as good as absent, and warned of.
//
// AWS: wrong types are the parser's findings, worded "Parse issue: attribute X
// is not of type `Y`" as those of HTTP APIs; undocumented for REST APIs.
func (im *importer) expect(n *node, k kind, at string) *node {
	if !n.present() {
		return nil
	}
	if n.kind != k {
		im.warnf("Parse issue: attribute %s is not of type `%s`", at, k)
		return nil
	}
	return n
}

// member returns the member of n called key if it is of kind k.
func (im *importer) member(n *node, key string, k kind, at string) *node {
	v := n.get(key)
	if v.is(k) {
		return v
	}
	return im.expect(v, k, join(at, key))
}

// text returns the member of n called key if it is a string or another scalar.
func (im *importer) text(n *node, key, at string) *string {
	v := n.get(key)
	if !v.present() {
		return nil
	}
	s, ok := v.scalar()
	if !ok {
		im.warnf("Parse issue: attribute %s is not of type `string`", join(at, key))
		return nil
	}
	return &s
}

// boolean returns the member of n called key if it is true or false, be it as
// a string or in one of YAML 1.1's other words.
func (im *importer) boolean(n *node, key, at string) *bool {
	v := n.get(key)
	if !v.present() {
		return nil
	}
	if s, ok := v.scalar(); ok && (v.kind == kindBool || v.kind == kindText) {
		switch strings.ToLower(s) {
		case "true", "yes", "on":
			return ptr(true)
		case "false", "no", "off":
			return ptr(false)
		}
	}
	im.warnf("Parse issue: attribute %s is not of type `boolean`", join(at, key))
	return nil
}

// strings returns the scalars of the list n has as key; nil if there is none.
func (im *importer) strings(n *node, key, at string) []string {
	l := im.member(n, key, kindList, at)
	if l == nil {
		return nil
	}
	out := make([]string, 0, len(l.items))
	for i, v := range l.items {
		s, ok := v.scalar()
		if !ok {
			im.warnf("Parse issue: attribute %s[%d] is not of type `string`", join(at, key), i)
			continue
		}
		out = append(out, s)
	}
	return out
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

// maxReferences bounds a chain of references, which may be a loop.
const maxReferences = 20

// resolve follows n's $ref, if it has one, inside the document. A reference
// that leads nowhere is warned of and gives nil.
func (im *importer) resolve(n *node, at string) *node {
	for range maxReferences {
		ref := n.get("$ref")
		if !ref.is(kindText) {
			return n
		}
		if n = im.lookup(ref.text); n == nil {
			break
		}
		im.charge(n)
	}
	im.warnf("Parse issue: attribute %s is missing", join(at, "$ref"))
	return nil
}

// lookup finds what a JSON pointer within the document points to.
func (im *importer) lookup(ref string) *node {
	// AWS: $ref cannot be used to reference other files (important notes).
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	n := im.root
	for part := range strings.SplitSeq(path, "/") {
		if p, err := url.PathUnescape(part); err == nil {
			part = p
		}
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		if n = n.get(part); n == nil {
			return nil
		}
	}
	return n
}

// version finds out which specification the document follows.
func (im *importer) version() error {
	swagger, _ := im.root.get("swagger").scalar()
	openapi, _ := im.root.get("openapi").scalar()
	switch {
	case swagger == "2.0" || swagger == "2": // an unquoted 2.0 is a number
	case openapi == "3.0" || strings.HasPrefix(openapi, "3.0."):
		im.v3 = true
	default:
		// AWS: OpenAPI 2.0 and 3.0 only (important notes); the text for others
		// is undocumented.
		return invalid(fmt.Errorf("version %q is neither Swagger 2.0 nor OpenAPI 3.0", swagger+openapi))
	}
	return nil
}

// component returns the named things of one kind: what OpenAPI 3 keeps under
// components and Swagger 2 at the root.
func (im *importer) component(v3, v2 string) (*node, string) {
	if !im.v3 {
		return im.member(im.root, v2, kindObject, ""), v2
	}
	return im.member(im.root.get("components"), v3, kindObject, "components"), "components." + v3
}

// oneOf returns the value of values that text spells in whatever case.
func oneOf(text string, values ...string) (string, bool) {
	text = strings.ToUpper(text)
	return text, slices.Contains(values, text)
}

// ptr returns a pointer to a copy of v.
func ptr[T any](v T) *T { return &v }
