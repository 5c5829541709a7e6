package awsrpc

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// restJSON is AWS restJson1: the operation is named by method and path, members
// are spread over labels, query, headers and a JSON body.
type restJSON struct {
	routes     routes
	plainNames bool
}

var _ protocol = (*restJSON)(nil)

func newRestJSON(svc Service, ops []*operation) (*restJSON, error) {
	p := &restJSON{plainNames: svc.PlainNames}
	for _, op := range ops {
		if err := p.routes.add(op); err != nil {
			return nil, err
		}
		if svc.AnyBase {
			first := segments(op.URI)[0]
			if p.routes.anyBase != "" && p.routes.anyBase != first {
				return nil, fmt.Errorf("service %s: operations begin differently", svc.Name)
			}
			p.routes.anyBase = first
		}
	}
	return p, nil
}

// speaks is false: what no operation matches is refused as REST services do.
func (p *restJSON) speaks(*request) bool { return false }

func (p *restJSON) match(q *request) (match, bool) {
	return p.routes.find(q.http.Method, q.raw.Path, q.query)
}

func (p *restJSON) decode(m match, q *request) (any, error) {
	if m.op.NewInput == nil {
		return nil, NotImplemented(m.op.Name)
	}
	in := m.op.NewInput()
	v := reflect.ValueOf(in).Elem()
	violations := violations{plain: p.plainNames}
	payload := false
	for i := range m.op.in.fields {
		f := &m.op.in.fields[i]
		var err error
		switch f.where {
		case inURI:
			err = f.setText(v, m.labels[f.key])
		case inQuery:
			if values, ok := q.query[f.key]; ok {
				err = f.setTexts(v, values)
			}
		case inQueryParams:
			err = f.setParams(v, unbound(m.op, q))
		case inHeader:
			if values := q.http.Header.Values(f.key); len(values) > 0 {
				err = f.setText(v, strings.Join(values, ","))
			}
		case inHeaders:
			err = f.setParams(v, headersOf(q, f.key))
		case inPayload:
			payload = true
			body := q.body
			if body == nil {
				body = []byte{}
			}
			v.Field(f.index).SetBytes(body)
		}
		if err != nil {
			return nil, err
		}
	}
	if !payload {
		d := decoder{violations: &violations, path: []string{inputName(m.op.Name)}}
		if err := d.document(q.body, v, m.op.in); err != nil {
			return nil, err
		}
	}
	violations.check(v, m.op)
	return in, violations.err()
}

// unbound returns the query parameters that no member and no literal takes,
// nor the signature.
func unbound(op *operation, q *request) map[string]string {
	out := map[string]string{}
	_, literal, _ := strings.Cut(op.URI, "?")
	literal, _, _ = strings.Cut(literal, "=")
	for k, values := range q.query {
		bound := slices.ContainsFunc(op.in.fields, func(f field) bool { return f.where == inQuery && f.key == k })
		if !bound && k != literal && !strings.HasPrefix(k, "X-Amz-") {
			out[k] = values[0]
		}
	}
	return out
}

// headersOf returns the headers whose names begin with prefix, by the rest of
// their names in lower case.
func headersOf(q *request, prefix string) map[string]string {
	out := map[string]string{}
	for name, values := range q.http.Header {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			out[strings.ToLower(name[len(prefix):])] = strings.Join(values, ",")
		}
	}
	return out
}

// setText sets a member from a label, parameter or header.
func (f *field) setText(v reflect.Value, s string) error {
	if !utf8.ValidString(s) {
		return serialization("'" + f.key + "' is not valid UTF-8")
	}
	dst := f.alloc(v)
	switch f.value.kind {
	case kindString:
		dst.SetString(s)
	case kindBool:
		switch strings.ToLower(s) {
		case "true":
			dst.SetBool(true)
		case "false":
			dst.SetBool(false)
		default:
			return notConvertible(classString, f.value)
		}
	case kindInt32, kindInt64:
		n, err := strconv.ParseInt(s, 10, dst.Type().Bits())
		if err != nil {
			return notConvertible(classString, f.value)
		}
		dst.SetInt(n)
	case kindFloat:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return notConvertible(classString, f.value)
		}
		dst.SetFloat(n)
	case kindTime:
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return notConvertible(classString, f.value)
		}
		dst.Set(reflect.ValueOf(t))
	default:
		return fmt.Errorf("member %s cannot be bound to %s", f.name, f.key)
	}
	return nil
}

// setTexts sets a member from a query parameter, repeated if it is a list.
func (f *field) setTexts(v reflect.Value, values []string) error {
	if f.value.kind != kindList {
		return f.setText(v, values[0])
	}
	list := v.Field(f.index)
	for _, s := range values {
		if !utf8.ValidString(s) {
			return serialization("'" + f.key + "' is not valid UTF-8")
		}
		list.Set(reflect.Append(list, reflect.ValueOf(s)))
	}
	return nil
}

func (f *field) setParams(v reflect.Value, params map[string]string) error {
	if len(params) == 0 {
		return nil
	}
	for k, s := range params {
		if !utf8.ValidString(k) || !utf8.ValidString(s) {
			return serialization("the query string is not valid UTF-8")
		}
	}
	v.Field(f.index).Set(reflect.ValueOf(params))
	return nil
}

// alloc returns the value to set for a member of struct v.
func (f *field) alloc(v reflect.Value) reflect.Value {
	dst := v.Field(f.index)
	if f.pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		return dst.Elem()
	}
	return dst
}

func (p *restJSON) reply(w http.ResponseWriter, op *operation, out any) error {
	if op.out == nil {
		w.WriteHeader(op.Code)
		return nil
	}
	v := reflect.ValueOf(out)
	if out == nil || v.IsNil() {
		return fmt.Errorf("operation %s returned neither output nor error", op.Name)
	}
	v = v.Elem()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	var body []byte
	var events Events
	code, payload := op.Code, false
	for i := range op.out.fields {
		f := &op.out.fields[i]
		fv := v.Field(f.index)
		switch f.where {
		case inHeader:
			if f.pointer && !fv.IsNil() {
				h.Set(f.key, headerText(fv.Elem()))
			}
		case inHeaders:
			for name, value := range fv.Interface().(map[string]string) {
				text := headerText(reflect.ValueOf(value))
				if f.key == "" {
					h.Set(name, text)
				} else { // AWS: x-amz-meta-* are in lower case, and clients make keys of them
					h[strings.ToLower(f.key)+name] = []string{text}
				}
			}
		case inStatus:
			if f.pointer && !fv.IsNil() {
				code = int(fv.Elem().Int())
			}
		case inPayload:
			payload = true
			if f.value.kind == kindEvents {
				events = fv.Interface().(Events)
			} else {
				body = fv.Bytes()
			}
		}
	}
	if events != nil {
		return writeEvents(w, code, events)
	}
	if !payload {
		var err error
		if body, err = encodeDocument(v, op.out); err != nil {
			return fmt.Errorf("encode output of %s: %w", op.Name, err)
		}
	}
	write(w, code, body)
	return nil
}

func headerText(v reflect.Value) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1 // a header is one line
		}
		return r
	}, fmt.Sprint(v.Interface()))
}

// fail writes e as all REST services of AWS do.
func (*restJSON) fail(w http.ResponseWriter, e *Error) { failJSON(w, e) }

func failJSON(w http.ResponseWriter, e *Error) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h["x-amzn-ErrorType"] = []string{e.Code}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	write(w, e.Status, encodeError(e))
}

func write(w http.ResponseWriter, code int, body []byte) {
	if code == http.StatusNoContent {
		w.WriteHeader(code)
		return
	}
	if h := w.Header(); h.Get("Content-Length") == "" { // of an answer to HEAD it is that of another body
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(code)
	_, _ = w.Write(body) // on an error the client is gone; nobody is left to tell
}
