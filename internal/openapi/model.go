package openapi

import (
	"encoding/base32"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	api "gatehouse/internal/awsapi/apigateway"
)

// A model is a schema of the document on its way to a model of the API.
type model struct {
	name   string
	schema *node
	at     string // where the document defines it
}

// modelName is what AWS accepts as one.
var modelName = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// readModels learns which models the document defines, so that references to
// them can be checked while methods are read.
func (im *importer) readModels() {
	defs, at := im.component("schemas", "definitions")
	im.schemas = defs
	if defs == nil {
		return
	}
	for i, name := range defs.keys {
		schema := im.expect(defs.items[i], kindObject, join(at, name))
		if schema == nil {
			continue
		}
		if !modelName.MatchString(name) {
			// AWS: "Model names can only contain alphanumeric characters"
			// (important notes); wording from aws-apigateway-importer issue 194.
			im.errorf("Unable to create model for '%s': Model name must be alphanumeric: %s", name, name)
			continue
		}
		im.models[name] = &model{name, schema, join(at, name)}
	}
}

// writeModels makes the models of the API: the document's own, then those that
// inline schemas gave rise to.
func (im *importer) writeModels() {
	var all []*model
	if im.schemas != nil {
		for _, name := range im.schemas.keys {
			if m := im.models[name]; m != nil {
				all = append(all, m)
			}
		}
	}
	for _, m := range append(all, im.anonymous...) {
		out := api.Model{Name: &m.name, ContentType: ptr("application/json")}
		out.Description = im.text(m.schema, "description", m.at)
		out.Schema = ptr(im.schemaText(m))
		if im.spend(0, len(*out.Schema)); im.exceeded() {
			return
		}
		im.api.Models = append(im.api.Models, out)
	}
}

// modelFor returns the name of the model for the schema of a body: the one it
// refers to, or a new one for a schema written in place. It returns "" when
// there is nothing to name.
func (im *importer) modelFor(schema *node, at string) string {
	if schema = im.expect(schema, kindObject, at); schema == nil || len(schema.keys) == 0 {
		return ""
	}
	if ref := schema.get("$ref"); ref.is(kindText) {
		name := ref.text[strings.LastIndexByte(ref.text, '/')+1:]
		if im.models[im.refName(ref.text)] == nil {
			// AWS: a warning, "Reference to model 'X' not found. Ignoring."
			// (aws-apigateway-importer issue 194; errors and warnings during import).
			im.warnf("Reference to model '%s' not found. Ignoring.", name)
			return ""
		}
		return name
	}
	m := &model{im.anonymousName(at), schema, at}
	im.models[m.name] = m
	im.anonymous = append(im.anonymous, m)
	return m.name
}

// anonymousName names the model of a schema without a name after the place it
// stands at, so that importing the same document again gives the same models.
//
// AWS: "MODEL" and six characters, which are random.
func (im *importer) anonymousName(at string) string {
	for sum := xxhash.Sum64String(at); ; sum++ {
		b := binary.LittleEndian.AppendUint64(nil, sum)
		name := "MODEL" + strings.ToLower(base32.HexEncoding.EncodeToString(b)[:6])
		if im.models[name] == nil {
			return name
		}
	}
}

// refName returns the name of the model a $ref points to, or "".
func (im *importer) refName(ref string) string {
	prefix := "#/definitions/"
	if im.v3 {
		prefix = "#/components/schemas/"
	}
	name, _ := strings.CutPrefix(ref, prefix)
	if name == ref {
		return ""
	}
	return name
}

// modelRef returns the canonical form of a reference to a model.
func (im *importer) modelRef(ref, of string) string {
	// AWS: references between models are URLs of this form (recorded in
	// test_import_with_circular_models).
	base := "https://apigateway.amazonaws.com/restapis/"
	name := im.refName(ref)
	switch {
	case im.models[name] != nil:
		return base + im.opt.RestAPI + "/models/" + name
	case name != "":
		im.errorf("Unable to create model for '%s': Invalid model specified: Validation Result: "+
			"warnings : [], errors : [Invalid model identifier specified: %s]", of, name)
	case strings.HasPrefix(ref, base+im.opt.RestAPI+"/models/"):
	default:
		// AWS: seen in a failed CloudFormation import of schemas that refer to
		// other files.
		im.errorf("Unable to create model for '%s': Invalid model specified: Validation Result: "+
			"warnings : [], errors : [Model reference must be in canonical form]", of)
	}
	return ref
}

// droppedKeywords are in OpenAPI's schemas and not in JSON Schema draft 4, or
// not supported. AWS: important notes for REST APIs; that an import drops them
// silently shows in the schemas people get from it.
var droppedKeywords = []string{
	"default", "deprecated", "discriminator", "example", "examples", "exclusiveMinimum", "externalDocs",
	"nullable", "readOnly", "writeOnly", "xml",
}

// keywordOrder is the order in which the members of OpenAPI 3 schemas come out
// of an import. AWS: seen in test_import_with_circular_models; it is the
// order of the parser's schema class. Swagger 2.0 schemas keep theirs.
var keywordOrder = []string{
	"title", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "maxLength", "minLength", "pattern",
	"maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties", "required", "type", "not",
	"properties", "additionalProperties", "description", "format", "$ref", "enum", "items", "allOf", "anyOf", "oneOf",
}

// A schemaWriter writes one schema as the text of a model.
type schemaWriter struct {
	im  *importer
	of  string // name of the model
	out strings.Builder
}

func (im *importer) schemaText(m *model) string {
	w := schemaWriter{im: im, of: m.name}
	w.schema(m.schema, 0)
	return w.out.String()
}

// schema writes a schema, and the schemas in it.
func (w *schemaWriter) schema(n *node, indent int) {
	if n.kind != kindObject {
		writeJSON(&w.out, n, indent)
		return
	}
	// What indentation and shared nodes may add is bounded; Import reports it.
	if w.im.bytes+w.out.Len() > maxText {
		return
	}
	if ref := n.get("$ref"); ref.is(kindText) {
		ref := &node{kind: kindText, text: w.im.modelRef(ref.text, w.of)}
		writeMembers(&w.out, []string{"$ref"}, indent, func(int) { writeJSON(&w.out, ref, indent+1) })
		return
	}
	keys := slices.DeleteFunc(slices.Clone(n.keys), func(k string) bool {
		return slices.Contains(droppedKeywords, k) || strings.HasPrefix(k, "x-")
	})
	if w.im.v3 {
		slices.SortStableFunc(keys, func(a, b string) int { return rank(a) - rank(b) })
	}
	writeMembers(&w.out, keys, indent, func(i int) { w.keyword(keys[i], n.get(keys[i]), indent+1) })
}

func rank(keyword string) int {
	if i := slices.Index(keywordOrder, keyword); i >= 0 {
		return i
	}
	return len(keywordOrder)
}

// keyword writes the value of one keyword, which may hold schemas.
func (w *schemaWriter) keyword(key string, v *node, indent int) {
	switch key {
	case "properties", "patternProperties", "definitions":
		if v.kind == kindObject {
			writeMembers(&w.out, v.keys, indent, func(i int) { w.schema(v.items[i], indent+1) })
			return
		}
	case "items", "allOf", "anyOf", "oneOf", "not", "additionalProperties", "additionalItems":
		if v.kind == kindList {
			writeItems(&w.out, len(v.items), func(i int) { w.schema(v.items[i], indent) })
			return
		}
		w.schema(v, indent)
		return
	}
	if key == "required" {
		v = inOrder(v)
	}
	writeJSON(&w.out, v, indent)
}

// inOrder sorts a list of texts, and leaves everything else as it is.
//
// AWS: required is sorted (recorded in test_import_with_circular_models).
func inOrder(n *node) *node {
	if n.kind != kindList || slices.ContainsFunc(n.items, func(e *node) bool { return !e.is(kindText) }) {
		return n
	}
	out := *n
	out.items = slices.Clone(n.items)
	slices.SortFunc(out.items, func(a, b *node) int { return strings.Compare(a.text, b.text) })
	return &out
}
