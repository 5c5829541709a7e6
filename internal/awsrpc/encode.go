package awsrpc

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// encodeDocument writes the members of struct v that are not in headers. Nil
// members are left out, empty lists and maps are kept.
func encodeDocument(v reflect.Value, n *node) ([]byte, error) {
	return appendStruct(make([]byte, 0, 512), v, n)
}

func appendStruct(b []byte, v reflect.Value, n *node) ([]byte, error) {
	b = append(b, '{')
	first := true
	for i := range n.fields {
		f := &n.fields[i]
		fv := v.Field(f.index)
		if f.where == inHeader || f.where == inPayload || f.where == inStatus {
			continue
		}
		switch fv.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			if fv.IsNil() {
				continue
			}
		}
		if f.pointer {
			fv = fv.Elem()
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendText(b, f.name)
		b = append(b, ':')
		var err error
		if b, err = appendValue(b, fv, f.value, f.isoTime); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return append(b, '}'), nil
}

func appendValue(b []byte, v reflect.Value, n *node, isoTime bool) ([]byte, error) {
	switch n.kind {
	case kindString:
		return appendText(b, v.String()), nil
	case kindBool:
		return strconv.AppendBool(b, v.Bool()), nil
	case kindInt32, kindInt64:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case kindFloat:
		if x := v.Float(); math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("%v has no JSON form", x)
		}
		return appendFloat(b, v.Float()), nil
	case kindTime:
		return appendTime(b, v.Interface().(time.Time), isoTime), nil
	case kindBlob:
		return appendText(b, base64.StdEncoding.EncodeToString(v.Bytes())), nil
	case kindStruct:
		return appendStruct(b, v, n)
	case kindList:
		return appendList(b, v, n, isoTime)
	}
	return appendMap(b, v, n, isoTime)
}

func appendList(b []byte, v reflect.Value, n *node, isoTime bool) ([]byte, error) {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, v.Index(i), n.elem, isoTime); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return append(b, ']'), nil
}

func appendMap(b []byte, v reflect.Value, n *node, isoTime bool) ([]byte, error) {
	b = append(b, '{')
	keys := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, k)
		b = append(b, ':')
		e := v.MapIndex(reflect.ValueOf(k).Convert(v.Type().Key()))
		if n.nulls && e.Len() == 0 {
			b = append(b, "null"...)
			continue
		}
		var err error
		if b, err = appendValue(b, e, n.elem, isoTime); err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
	}
	return append(b, '}'), nil
}

// appendFloat writes numbers as people do while they are not too large.
func appendFloat(b []byte, x float64) []byte {
	if math.Abs(x) < 1e15 {
		return strconv.AppendFloat(b, x, 'f', -1, 64)
	}
	return strconv.AppendFloat(b, x, 'e', -1, 64)
}

// appendTime writes seconds since 1970, or ISO 8601 in UTC.
func appendTime(b []byte, t time.Time, iso bool) []byte {
	if iso {
		return t.UTC().AppendFormat(b, `"2006-01-02T15:04:05.999Z"`)
	}
	if ms := t.UnixMilli(); ms%1000 != 0 {
		return strconv.AppendFloat(b, float64(ms)/1000, 'f', -1, 64)
	}
	return strconv.AppendInt(b, t.Unix(), 10)
}

func appendText(b []byte, s string) []byte {
	// The only error is invalid UTF-8, which is then replaced in b.
	b, _ = jsontext.AppendQuote(b, bytes.ToValidUTF8([]byte(s), []byte("\uFFFD")))
	return b
}

// encodeError writes the document of e.
func encodeError(e *Error) []byte {
	b := encodeErrorMembers(e)
	b[0] = '{'
	return b
}

// encodeErrorMembers writes the members of the document of e: each with a comma
// before it, and the brace that ends the document.
func encodeErrorMembers(e *Error) []byte {
	b := appendText([]byte(","), cmp.Or(e.MessageName, "message"))
	b = append(b, ':')
	b = appendText(b, e.Message)
	for _, k := range slices.Sorted(maps.Keys(e.Members)) {
		b = append(b, ',')
		b = appendText(b, k)
		b = append(b, ':')
		b = appendText(b, e.Members[k])
	}
	return append(b, '}')
}
