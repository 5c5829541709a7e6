package awsrpc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Call makes a call from inside the process, for the caller of ctx: it is
// authorized, audited and checked as one from outside, and waits for nothing.
// in holds members by their names in the model, whose first letter may be in
// either case; of texts, numbers and booleans each is taken for the other where
// it reads as one. The result holds the members of the output's document, or what is
// sent in its place as bytes.
func (h *Handler) Call(ctx context.Context, service, name string, in map[string]any) (map[string]any, error) {
	i := slices.IndexFunc(h.mounts, func(m mounted) bool { return m.service.Name == service })
	if i < 0 {
		return nil, fmt.Errorf("no service %s", service)
	}
	m := &h.mounts[i]
	op := m.operations[name]
	if op == nil || op.NewInput == nil {
		return nil, NotImplemented(name)
	}
	input := op.NewInput()
	v := reflect.ValueOf(input).Elem()
	if err := fill(v, op.in, in, "#"); err != nil {
		return nil, err
	}
	caller := CallerFrom(ctx)
	asked := &Call{op: op, Caller: caller, Service: m.service.SigningName, API: m.service.Name, Operation: name, Method: op.Method, Path: op.URI, URI: op.URI,
		Input: func() (any, error) { return input, m.violations(v, op) }, Labels: map[string]string{}, Query: url.Values{}, Form: url.Values{}, UserAgent: "cloudformation.amazonaws.com", RemoteAddr: "127.0.0.1:0"}
	asked.describe(v, op.in)
	out, err := h.perform(ctx, m, asked)
	if err != nil || op.out == nil || out == nil {
		return nil, err
	}
	doc, err := encodeDocument(reflect.ValueOf(out).Elem(), op.out)
	if err != nil {
		return nil, fmt.Errorf("encode output of %s: %w", name, err)
	}
	var members map[string]any
	if err := json.Unmarshal(doc, &members); err != nil {
		return nil, err
	}
	for i := range op.out.fields {
		if f := &op.out.fields[i]; f.where == inPayload && f.value.kind == kindBlob {
			members[f.name] = reflect.ValueOf(out).Elem().Field(f.index).Bytes()
		}
	}
	return members, nil
}

// violations are what v, an input, breaks of the model.
func (m *mounted) violations(v reflect.Value, op *operation) error {
	violations := violations{plain: m.service.PlainNames}
	violations.check(v, op)
	return violations.err()
}

// describe tells an authorizer what a request would have: the members of an
// input that are texts, numbers or lists of texts.
func (c *Call) describe(v reflect.Value, n *node) {
	if c.Form == nil {
		c.Form = url.Values{}
	}
	for i := range n.fields {
		f := &n.fields[i]
		fv := v.Field(f.index)
		if f.pointer {
			if fv.IsNil() {
				continue
			}
			fv = fv.Elem()
		}
		if list, ok := fv.Interface().([]string); ok && f.where == inBody && len(list) > 0 {
			c.Form[f.name] = list
		}
		if fv.Kind() == reflect.Slice || fv.Kind() == reflect.Map || fv.Kind() == reflect.Struct {
			continue
		}
		text := fmt.Sprint(fv.Interface())
		switch f.where {
		case inURI:
			c.Labels[f.key] = text
		case inQuery:
			c.Query.Set(f.key, text)
		case inBody:
			c.Form.Set(f.name, text)
		}
	}
}

// fill sets v from a value of a document.
//
// AWS: the words are those of CloudFormation's schema checks ("#/Name: expected
// type: String, found: JSONObject"; "extraneous key [X] is not permitted").
func fill(v reflect.Value, n *node, in any, path string) error {
	switch n.kind {
	case kindStruct:
		members, ok := in.(map[string]any)
		if !ok {
			return mistyped(path, "JSONObject", in)
		}
		return fillStruct(v, n, members, path)
	case kindList:
		items, ok := in.([]any)
		if !ok {
			return mistyped(path, "JSONArray", in)
		}
		list := reflect.MakeSlice(v.Type(), len(items), len(items))
		for i, item := range items {
			if err := fill(list.Index(i), n.elem, item, path+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
		v.Set(list)
		return nil
	case kindMap:
		members, ok := in.(map[string]any)
		if !ok {
			return mistyped(path, "JSONObject", in)
		}
		m := reflect.MakeMap(v.Type())
		for k, item := range members {
			e := reflect.New(v.Type().Elem()).Elem()
			if err := fill(e, n.elem, item, path+"/"+k); err != nil {
				return err
			}
			m.SetMapIndex(reflect.ValueOf(k).Convert(v.Type().Key()), e)
		}
		v.Set(m)
		return nil
	}
	return fillScalar(v, n, in, path)
}

func fillStruct(v reflect.Value, n *node, members map[string]any, path string) error {
	for name, in := range members {
		i := slices.IndexFunc(n.fields, func(f field) bool { return sameName(f.name, name) })
		if i < 0 {
			return Validation(path + ": extraneous key [" + name + "] is not permitted")
		}
		if in == nil {
			continue
		}
		f := &n.fields[i]
		fv := v.Field(f.index)
		if f.pointer {
			fv.Set(reflect.New(fv.Type().Elem()))
			fv = fv.Elem()
		}
		if err := fill(fv, f.value, in, path+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

// sameName compares names but for the case of their first letters.
func sameName(a, b string) bool {
	return len(a) == len(b) && a != "" && a[1:] == b[1:] && strings.EqualFold(a[:1], b[:1])
}

func fillScalar(v reflect.Value, n *node, in any, path string) error {
	text, ok := scalarText(in)
	if !ok {
		return mistyped(path, scalarName(n), in)
	}
	switch n.kind {
	case kindString:
		v.SetString(text)
		return nil
	case kindBool:
		if b, err := strconv.ParseBool(strings.ToLower(text)); err == nil {
			v.SetBool(b)
			return nil
		}
	case kindInt32, kindInt64:
		if i, err := strconv.ParseInt(text, 10, v.Type().Bits()); err == nil {
			v.SetInt(i)
			return nil
		}
	case kindFloat:
		if x, err := strconv.ParseFloat(text, 64); err == nil {
			v.SetFloat(x)
			return nil
		}
	case kindBlob:
		if b, ok := in.([]byte); ok {
			v.SetBytes(b)
			return nil
		}
		if b, err := base64.StdEncoding.DecodeString(text); err == nil {
			v.SetBytes(b)
			return nil
		}
	}
	return mistyped(path, scalarName(n), in)
}

func scalarText(in any) (string, bool) {
	switch x := in.(type) {
	case string:
		return x, true
	case bool:
		return strconv.FormatBool(x), true
	case json.Number:
		return x.String(), true
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), true
	case int:
		return strconv.Itoa(x), true
	case []byte:
		return "", true
	}
	return "", false
}

func scalarName(n *node) string {
	switch n.kind {
	case kindBool:
		return "Boolean"
	case kindInt32, kindInt64, kindFloat:
		return "Number"
	}
	return "String"
}

func mistyped(path, want string, in any) error {
	found := "String"
	switch in.(type) {
	case map[string]any:
		found = "JSONObject"
	case []any:
		found = "JSONArray"
	case bool:
		found = "Boolean"
	case json.Number, float64:
		found = "Number"
	case nil:
		found = "Null"
	}
	return Validation(path + ": expected type: " + want + ", found: " + found)
}
