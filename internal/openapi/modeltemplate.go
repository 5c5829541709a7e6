package openapi

import "strings"

// maxTemplate bounds a generated template: models that refer to each other may
// stand for any length.
const maxTemplate = 1 << 20

// A templateWriter writes a mapping template that makes what a model describes.
type templateWriter struct {
	out    strings.Builder
	models map[string]string
	open   map[string]bool // models being written: a reference to one is a loop
}

// ModelTemplate writes a sample mapping template for one of models, which are
// schemas by name. The error is an *[Error].
//
// AWS: "#set($inputRoot = $input.path('$'))\n{ }" for an object without
// properties (example of get-model-template in the AWS CLI). The rest is as
// people show what the console generates: 42 for numbers, "foo" for texts, and
// a loop with a TODO for an array.
func ModelTemplate(models map[string]string, name string) (string, error) {
	w := templateWriter{models: models, open: map[string]bool{}}
	w.out.WriteString("#set($inputRoot = $input.path('$'))\n")
	schema, err := parseJSON([]byte(models[name]))
	if err != nil || schema.kind != kindObject {
		return "", &Error{Message: "Unable to generate a template for model '" + name + "': the schema is not a JSON object", Cause: err}
	}
	w.open[name] = true
	w.value(schema, "")
	if w.out.Len() > maxTemplate {
		return "", &Error{Message: "Unable to generate a template for model '" + name + "': it would be too large"}
	}
	return w.out.String(), nil
}

// value writes a sample of what a schema describes.
func (w *templateWriter) value(schema *node, indent string) {
	if w.out.Len() > maxTemplate {
		return
	}
	if ref := schema.get("$ref"); ref.is(kindText) {
		w.reference(ref.text, indent)
		return
	}
	switch kind := typeOf(schema); kind {
	case "array":
		w.list(schema.get("items"), indent)
	case "string":
		w.out.WriteString(`"foo"`)
	case "integer":
		w.out.WriteString("42")
	case "number":
		w.out.WriteString("42.0")
	case "boolean":
		w.out.WriteString("true")
	case "null":
		w.out.WriteString("null")
	default:
		w.object(schema.get("properties"), indent)
	}
}

// typeOf is the type a schema asks for; of several the first.
func typeOf(schema *node) string {
	t := schema.get("type")
	if t.is(kindList) && len(t.items) > 0 {
		t = t.items[0]
	}
	if s, ok := t.scalar(); ok {
		return s
	}
	if schema.get("items") != nil {
		return "array"
	}
	return "object"
}

// reference writes a sample of another model, or of nothing if there is none or
// it is being written already.
func (w *templateWriter) reference(ref, indent string) {
	name := ref[strings.LastIndexByte(ref, '/')+1:]
	schema, err := parseJSON([]byte(w.models[name]))
	if err != nil || schema.kind != kindObject || w.open[name] {
		w.out.WriteString("{ }")
		return
	}
	w.open[name] = true
	w.value(schema, indent)
	delete(w.open, name)
}

func (w *templateWriter) object(properties *node, indent string) {
	if !properties.is(kindObject) || len(properties.keys) == 0 {
		w.out.WriteString("{ }")
		return
	}
	w.out.WriteString("{\n")
	for i, key := range properties.keys {
		if i > 0 {
			w.out.WriteString(",\n")
		}
		w.out.WriteString(indent + "  ")
		writeQuoted(&w.out, key)
		w.out.WriteString(" : ")
		w.value(properties.items[i], indent+"  ")
	}
	w.out.WriteString("\n" + indent + "}")
}

func (w *templateWriter) list(items *node, indent string) {
	w.out.WriteString("[\n" + indent + "##TODO: Update this foreach loop to reference array from input json\n" +
		indent + "#foreach($elem in $inputRoot.TODO)\n" + indent + " ")
	if items.is(kindObject) {
		w.value(items, indent)
	} else {
		w.out.WriteString("{ }")
	}
	w.out.WriteString(" \n" + indent + "#if($foreach.hasNext),#end\n" + indent + "#end\n" + indent + "]")
}
