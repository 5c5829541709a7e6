package awsrpc

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A decoder reads a JSON document into a struct, by its plan.
//
// Depth is bounded by maxDepth where shapes contain themselves; what the plan does
// not know is skipped by jsontext, up to its own 10,000 levels. Size is bounded by
// the body.
type decoder struct {
	dec        *jsontext.Decoder
	path       []string // of the member at hand, as violations name it
	violations *violations
}

// maxDepth is how deep the members of an input may lie. No shape of AWS comes
// near; who sends more gets a SerializationException.
const maxDepth = 128

// document reads the whole of body, which may be empty, into v.
func (d *decoder) document(body []byte, v reflect.Value, n *node) error {
	if len(bytes.TrimLeft(body, " \t\r\n")) == 0 {
		return nil
	}
	// AWS: of a name that stands twice, the last value counts.
	d.dec = jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
	if err := d.value(v, n, false); err != nil {
		return asSerialization(err)
	}
	if _, err := d.dec.ReadToken(); err != io.EOF {
		return serialization("Unexpected characters after the end of the JSON document")
	}
	return nil
}

// asSerialization makes an error of the JSON parser a client's error.
// AWS: undocumented text.
func asSerialization(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return serialization("The request body is not valid JSON: " + strings.TrimPrefix(err.Error(), "jsontext: "))
}

// value reads the next value into v, whose type n plans.
func (d *decoder) value(v reflect.Value, n *node, isoTime bool) error {
	switch n.kind {
	case kindStruct:
		return d.structure(v, n)
	case kindList:
		return d.list(v, n, isoTime)
	case kindMap:
		return d.mapping(v, n, isoTime)
	}
	return d.scalar(v, n, isoTime)
}

func (d *decoder) structure(v reflect.Value, n *node) error {
	if ok, err := d.open('{', n); !ok {
		return err
	}
	for d.dec.PeekKind() != '}' {
		name, err := d.dec.ReadToken()
		if err != nil {
			return err
		}
		f := n.byName[name.String()]
		if f == nil {
			if err := d.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		fv := v.Field(f.index)
		if d.dec.PeekKind() == 'n' {
			fv.SetZero()
			if _, err := d.dec.ReadToken(); err != nil {
				return err
			}
			continue
		}
		if f.pointer {
			fv.Set(reflect.New(fv.Type().Elem()))
			fv = fv.Elem()
		}
		if err := d.push(f.name); err != nil {
			return err
		}
		if err := d.value(fv, f.value, f.isoTime); err != nil {
			return err
		}
		d.pop()
	}
	_, err := d.dec.ReadToken()
	return err
}

func (d *decoder) list(v reflect.Value, n *node, isoTime bool) error {
	if ok, err := d.open('[', n); !ok {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for i := 1; d.dec.PeekKind() != ']'; i++ {
		if d.dec.PeekKind() == 'n' {
			d.violations.add("[null]", d.path, "Member must satisfy constraint: [Member must not be null]")
			if _, err := d.dec.ReadToken(); err != nil {
				return err
			}
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := d.push(strconv.Itoa(i) + ".member"); err != nil {
			return err
		}
		if err := d.value(e, n.elem, isoTime); err != nil {
			return err
		}
		d.pop()
		v.Set(reflect.Append(v, e))
	}
	_, err := d.dec.ReadToken()
	return err
}

func (d *decoder) mapping(v reflect.Value, n *node, isoTime bool) error {
	if ok, err := d.open('{', n); !ok {
		return err
	}
	v.Set(reflect.MakeMap(v.Type()))
	for d.dec.PeekKind() != '}' {
		name, err := d.dec.ReadToken()
		if err != nil {
			return err
		}
		key := name.String()
		if d.dec.PeekKind() == 'n' && !n.nulls {
			d.violations.add("{"+key+"=null}", d.path, "Map value must satisfy constraint: [Member must not be null]")
			if _, err := d.dec.ReadToken(); err != nil {
				return err
			}
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if d.dec.PeekKind() == 'n' {
			if _, err := d.dec.ReadToken(); err != nil {
				return err
			}
			v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), e)
			continue
		}
		if err := d.push(key + ".member"); err != nil {
			return err
		}
		if err := d.value(e, n.elem, isoTime); err != nil {
			return err
		}
		d.pop()
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), e)
	}
	_, err := d.dec.ReadToken()
	return err
}

// open reads the beginning of a collection. ok is false if there is none: the
// value is null, or of another type, which is an error.
func (d *decoder) open(want jsontext.Kind, n *node) (ok bool, err error) {
	got := d.dec.PeekKind()
	switch got {
	case want:
		_, err := d.dec.ReadToken()
		return err == nil, err
	case 'n':
		_, err := d.dec.ReadToken()
		return false, err
	}
	if got == 0 {
		_, err := d.dec.ReadToken()
		return false, err
	}
	return false, unexpected(got, n)
}

func (d *decoder) scalar(v reflect.Value, n *node, isoTime bool) error {
	k := d.dec.PeekKind()
	if k == '{' || k == '[' {
		return unexpected(k, n)
	}
	tok, err := d.dec.ReadToken()
	if err != nil {
		return err
	}
	switch {
	case n.kind == kindString && k == '"':
		v.SetString(tok.String())
		return nil
	case n.kind == kindBool && (k == 't' || k == 'f'):
		v.SetBool(tok.Bool())
		return nil
	case n.kind == kindBlob && k == '"':
		b, err := base64.StdEncoding.DecodeString(tok.String())
		if err != nil {
			return serialization("Blob is not valid base64")
		}
		v.SetBytes(b)
		return nil
	case n.kind == kindTime && isoTime && k == '"':
		t, err := time.Parse(time.RFC3339, tok.String())
		if err != nil {
			return notConvertible(classString, n)
		}
		v.Set(reflect.ValueOf(t.UTC()))
		return nil
	case k == '0':
		return number(v, n, tok.String())
	}
	return notConvertible(classOf(k), n)
}

// number sets v from a JSON number.
//
// AWS: integers are read by a class called TruncatingBigNumber (its name is in
// recorded messages), so a fraction is cut off.
func number(v reflect.Value, n *node, text string) error {
	switch n.kind {
	case kindFloat, kindInt32, kindInt64, kindTime:
	default:
		return notConvertible(classNumber, n)
	}
	if n.kind == kindInt32 || n.kind == kindInt64 {
		if i, err := strconv.ParseInt(text, 10, v.Type().Bits()); err == nil {
			v.SetInt(i)
			return nil
		}
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(x) > 1<<53 && n.kind != kindFloat {
		return notConvertible(classNumber, n)
	}
	switch n.kind {
	case kindFloat:
		v.SetFloat(x)
	case kindTime:
		v.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(x * 1000))).UTC()))
	default:
		if v.OverflowInt(int64(x)) {
			return notConvertible(classNumber, n)
		}
		v.SetInt(int64(x))
	}
	return nil
}

// push enters a member.
func (d *decoder) push(name string) error {
	if len(d.path) > maxDepth {
		return serialization("The request body is nested more than " + strconv.Itoa(maxDepth) + " levels deep")
	}
	d.path = append(d.path, name)
	return nil
}

func (d *decoder) pop() { d.path = d.path[:len(d.path)-1] }

// The classes that AWS's messages name for a JSON value.
//
// AWS: "class java.lang.Boolean can not be converted to an String" and
// "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be
// converted to an String" are recorded (LocalStack's snapshots of PutIntegration
// and PutIntegrationResponse); the others follow their pattern.
const (
	classString  = "class java.lang.String"
	classBoolean = "class java.lang.Boolean"
	classNumber  = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"
)

func classOf(k jsontext.Kind) string {
	switch k {
	case 't', 'f':
		return classBoolean
	case '0':
		return classNumber
	}
	return classString
}

func notConvertible(class string, n *node) *Error {
	names := map[kind]string{
		kindString: "String", kindBool: "Boolean", kindInt32: "Integer", kindInt64: "Long",
		kindFloat: "Double", kindTime: "Timestamp", kindBlob: "Blob",
	}
	return serialization(class + " can not be converted to an " + names[n.kind])
}

// unexpected is the error of a value of kind got where n wants another shape.
func unexpected(got jsontext.Kind, n *node) *Error {
	switch {
	case got == '{':
		return serialization("Start of structure or map found where not expected.")
	case got == '[':
		return serialization("Start of list found where not expected")
	case n.kind == kindList || n.kind == kindMap || n.kind == kindStruct:
		return serialization("Unrecognized collection type " + classOf(got))
	}
	return notConvertible(classOf(got), n)
}
