package awsrpc

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// maxViolations bounds how many violations one message lists; what else is
// wrong the client learns when these are mended.
const maxViolations = 100

// violations are the constraints of the model that an input breaks, worded as
// AWS does.
//
// AWS: a member of the body is named by its path below the input, a label or
// query parameter by its name alone, and those of the body come first. Recorded:
//
//	Value 'wrong' at 'createRestApiInput.endpointConfiguration.ipAddressType' failed to …
//	Value 'wrong_op' at 'updateMethodResponseInput.patchOperations.1.member.op' failed to …
//	Value 'wrong' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: …
//	Value null at 'putMethodInput.authorizationType' failed to satisfy constraint: Member must not be null
//
// (LocalStack's snapshots against AWS; the last in awsdocs/aws-cloudformation-user-guide#483.)
type violations struct {
	plain bool // paths begin below the input, in lower case; see Service.PlainNames
	texts []string
	count int
}

// add notes a violation; value is as the message shows it, without quotes.
func (vs *violations) add(value string, path []string, constraint string) {
	vs.addText("'"+value+"'", path, constraint)
}

func (vs *violations) addText(value string, path []string, constraint string) {
	vs.count++
	if vs.count > maxViolations {
		return
	}
	const limit = 1024 // of a client's own value, sent back to it
	if len(value) > limit {
		value = strings.ToValidUTF8(value[:limit], "") + "..."
	}
	vs.texts = append(vs.texts, "Value "+value+" at '"+vs.name(path)+"' failed to satisfy constraint: "+constraint)
}

// name is a path as messages write it.
//
// AWS: "Value 'x' at 'role' failed to …" is recorded for the member Role of
// Lambda's CreateFunction.
func (vs *violations) name(path []string) string {
	if !vs.plain {
		return strings.Join(path, ".")
	}
	lower := make([]string, 0, len(path))
	for i, part := range path {
		if i == 0 && len(path) > 1 && strings.HasSuffix(part, "Input") {
			continue
		}
		lower = append(lower, strings.ToLower(part[:1])+part[1:])
	}
	return strings.Join(lower, ".")
}

// err returns the violations as one error, or nil.
func (vs *violations) err() error {
	if vs.count == 0 {
		return nil
	}
	noun := " validation errors"
	if vs.count == 1 {
		noun = " validation error"
	}
	return Validation(strconv.Itoa(vs.count) + noun + " detected: " + strings.Join(vs.texts, "; "))
}

// check adds what is wrong with the input v of op.
func (vs *violations) check(v reflect.Value, op *operation) {
	body := []string{inputName(op.Name)}
	for i := range op.in.fields {
		if f := &op.in.fields[i]; f.where == inBody {
			vs.member(v, f, append(body, f.name))
		}
	}
	for i := range op.in.fields {
		f := &op.in.fields[i]
		switch f.where {
		case inBody:
		case inURI, inQuery, inHeader:
			vs.member(v, f, []string{f.key})
		default:
			vs.member(v, f, []string{f.name})
		}
	}
}

// inputName returns how violations call the input of an operation.
func inputName(op string) string { return strings.ToLower(op[:1]) + op[1:] + "Input" }

// member checks one member of struct v.
func (vs *violations) member(v reflect.Value, f *field, path []string) {
	fv := v.Field(f.index)
	switch fv.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if fv.IsNil() {
			if f.required {
				vs.addText("null", path, "Member must not be null")
			}
			return
		}
	}
	if f.pointer {
		fv = fv.Elem()
	}
	if f.enum != nil {
		vs.enum(fv, f, path)
	}
	if f.bounds != nil {
		vs.bounds(fv, f.bounds, path)
	}
	if f.pattern != nil && fv.Kind() == reflect.String && !f.pattern.MatchString(fv.String()) {
		vs.add(fv.String(), path, "Member must satisfy regular expression pattern: "+f.regexp)
	}
	vs.inside(fv, f.value, path)
}

func (vs *violations) enum(v reflect.Value, f *field, path []string) {
	set := "Member must satisfy enum value set: [" + strings.Join(f.enum, ", ") + "]"
	switch v.Kind() {
	case reflect.String:
		if !slices.Contains(f.enum, v.String()) {
			vs.add(v.String(), path, set)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if e := v.Index(i); e.Kind() == reflect.String && !slices.Contains(f.enum, e.String()) {
				// AWS: one violation, with the whole list as its value.
				vs.add(listText(v), path, "Member must satisfy constraint: ["+set+"]")
				return
			}
		}
	}
}

func listText(v reflect.Value) string {
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = fmt.Sprint(v.Index(i).Interface())
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// inside checks the structures that v holds.
func (vs *violations) inside(v reflect.Value, n *node, path []string) {
	switch n.kind {
	case kindStruct:
		for i := range n.fields {
			f := &n.fields[i]
			vs.member(v, f, append(path[:len(path):len(path)], f.name))
		}
	case kindList:
		if n.elem.holdsStruct() {
			for i := range v.Len() {
				vs.inside(v.Index(i), n.elem, append(path[:len(path):len(path)], strconv.Itoa(i+1), "member"))
			}
		}
	case kindMap:
		if n.elem.holdsStruct() {
			keys := v.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			for _, k := range keys {
				vs.inside(v.MapIndex(k), n.elem, append(path[:len(path):len(path)], k.String(), "member"))
			}
		}
	}
}

func (n *node) holdsStruct() bool {
	for n.kind == kindList || n.kind == kindMap {
		n = n.elem
	}
	return n.kind == kindStruct
}
