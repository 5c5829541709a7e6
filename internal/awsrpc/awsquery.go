package awsrpc

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// awsQuery is the protocol of IAM, STS and other old services: a form whose
// Action names the operation and whose keys are the paths of the members
// ("Tags.member.1.Key"), answered in XML.
type awsQuery struct {
	svc Service
	ops map[string]*operation
}

var _ protocol = (*awsQuery)(nil)

// maxFormKeys bounds the members of one form: a thousand metrics with thirty
// dimensions each have that many. A form's size is bounded by the body; who
// sends more keys gets a 400.
const maxFormKeys = 1 << 16

// speaks reports whether q is none of the other protocols that are posted to /.
func (p *awsQuery) speaks(q *request) bool {
	return q.raw.Path == "/" && q.http.Header.Get("X-Amz-Target") == ""
}

// form returns the parameters of q: of the query string and, for a POST, of
// the body. They are read once.
func (q *request) form() url.Values {
	if q.params != nil {
		return q.params
	}
	q.params = url.Values{}
	maps.Copy(q.params, q.query)
	kind, _, _ := strings.Cut(q.http.Header.Get("Content-Type"), ";")
	if q.http.Method != http.MethodPost || strings.TrimSpace(strings.ToLower(kind)) != "application/x-www-form-urlencoded" {
		return q.params
	}
	if bytes.Count(q.body, []byte{'&'}) >= maxFormKeys {
		return q.params
	}
	body, err := url.ParseQuery(string(q.body))
	if err != nil {
		return q.params
	}
	maps.Copy(q.params, body)
	return q.params
}

func (p *awsQuery) match(q *request) (match, bool) {
	if q.raw.Path != "/" {
		return match{}, false
	}
	form := q.form()
	op := p.ops[form.Get("Action")]
	if op == nil || form.Get("Version") != p.svc.Version {
		return match{}, false
	}
	return match{op: op, params: form}, true
}

func (p *awsQuery) decode(m match, _ *request) (any, error) {
	if m.op.NewInput == nil {
		return nil, NotImplemented(m.op.Name)
	}
	if err := unknownParameter(m); err != nil {
		return nil, err
	}
	in := m.op.NewInput()
	d := formDecoder{form: m.params, keys: slices.Sorted(maps.Keys(m.params))}
	v := reflect.ValueOf(in).Elem()
	if err := d.structure(v, m.op.in, ""); err != nil {
		return nil, err
	}
	// AWS: here the path does not begin with the input
	// ("Value null at 'userName' failed to satisfy constraint").
	violations := violations{plain: true}
	violations.check(v, m.op)
	return in, violations.err()
}

// unknownParameter refuses a parameter that the operation does not have: it
// would be taken for one that acts.
//
// AWS: unknown parameters are ignored there.
func unknownParameter(m match) error {
	for _, key := range slices.Sorted(maps.Keys(m.params)) {
		name, _, _ := strings.Cut(key, ".")
		switch {
		case name == "Action", name == "Version", strings.HasPrefix(name, "X-Amz-"), m.op.in.byName[name] != nil:
		default:
			return Validation("Gatehouse does not support the parameter " + name + " of " + m.op.Name)
		}
	}
	return nil
}

// A formDecoder reads an input out of a form.
type formDecoder struct {
	form url.Values
	keys []string // of the form, sorted
}

// has reports whether anything of the form is named name or lies below it.
func (d *formDecoder) has(name string) bool {
	if _, ok := d.form[name]; ok {
		return true
	}
	below := name + "."
	i, _ := slices.BinarySearch(d.keys, below)
	return i < len(d.keys) && strings.HasPrefix(d.keys[i], below)
}

func (d *formDecoder) structure(v reflect.Value, n *node, prefix string) error {
	if strings.Count(prefix, ".") > maxDepth {
		return malformed("The form is nested too deeply")
	}
	for i := range n.fields {
		f := &n.fields[i]
		name := prefix + f.name
		if !d.has(name) {
			continue
		}
		fv := v.Field(f.index)
		if f.pointer {
			fv.Set(reflect.New(fv.Type().Elem()))
			fv = fv.Elem()
		}
		if err := d.value(fv, f.value, name); err != nil {
			return err
		}
	}
	return nil
}

func (d *formDecoder) value(v reflect.Value, n *node, name string) error {
	switch n.kind {
	case kindStruct:
		return d.structure(v, n, name+".")
	case kindList:
		return d.list(v, n, name)
	case kindMap:
		return d.mapping(v, n, name)
	}
	return setFormText(v, n, name, d.form.Get(name))
}

// list reads name.member.1, name.member.2 and so on.
func (d *formDecoder) list(v reflect.Value, n *node, name string) error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for i := 1; i <= maxFormKeys; i++ {
		at := name + ".member." + strconv.Itoa(i)
		if !d.has(at) {
			return nil
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(e, n.elem, at); err != nil {
			return err
		}
		v.Set(reflect.Append(v, e))
	}
	return nil
}

// mapping reads name.entry.1.key, name.entry.1.value and so on.
func (d *formDecoder) mapping(v reflect.Value, n *node, name string) error {
	v.Set(reflect.MakeMap(v.Type()))
	for i := 1; i <= maxFormKeys; i++ {
		at := name + ".entry." + strconv.Itoa(i)
		if !d.has(at) {
			return nil
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(e, n.elem, at+".value"); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(d.form.Get(at+".key")), e)
	}
	return nil
}

// setFormText sets a scalar.
func setFormText(v reflect.Value, n *node, name, s string) error {
	bad := func() error { return malformed("The value of " + name + " is malformed") }
	if !utf8.ValidString(s) {
		return bad()
	}
	switch n.kind {
	case kindString:
		v.SetString(s)
	case kindBool:
		b, err := strconv.ParseBool(strings.ToLower(s))
		if err != nil {
			return bad()
		}
		v.SetBool(b)
	case kindInt32, kindInt64:
		i, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return bad()
		}
		v.SetInt(i)
	case kindFloat:
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return bad()
		}
		v.SetFloat(x)
	case kindTime:
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return bad()
		}
		v.Set(reflect.ValueOf(t.UTC()))
	case kindBlob:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return bad()
		}
		v.SetBytes(b)
	default:
		return fmt.Errorf("member %s has no form", name)
	}
	return nil
}

// reply writes <OpResponse><OpResult>…</OpResult><ResponseMetadata/></OpResponse>.
func (p *awsQuery) reply(w http.ResponseWriter, op *operation, out any) error {
	b := fmt.Appendf(nil, "<%sResponse xmlns=%q>\n", op.Name, p.svc.Namespace)
	if op.out != nil {
		v := reflect.ValueOf(out)
		if out == nil || v.IsNil() {
			return fmt.Errorf("operation %s returned neither output nor error", op.Name)
		}
		b = fmt.Appendf(b, "<%sResult>", op.Name)
		b = xmlStruct(b, v.Elem(), op.out)
		b = fmt.Appendf(b, "</%sResult>\n", op.Name)
	} else {
		// AWS: some outputs without members have this element; clients that
		// expect none do not look for it.
		b = fmt.Appendf(b, "<%sResult/>\n", op.Name)
	}
	b = fmt.Appendf(b, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata>\n</%sResponse>\n", requestIDOf(w), op.Name)
	w.Header().Set("Content-Type", "text/xml")
	write(w, op.Code, b)
	return nil
}

func requestIDOf(w http.ResponseWriter) string {
	if id := w.Header()["x-amzn-RequestId"]; len(id) > 0 {
		return id[0]
	}
	return ""
}

func xmlStruct(b []byte, v reflect.Value, n *node) []byte {
	for i := range n.fields {
		f := &n.fields[i]
		fv := v.Field(f.index)
		switch fv.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			if fv.IsNil() {
				continue
			}
		}
		if f.pointer {
			fv = fv.Elem()
		}
		b = xmlElement(b, f.name, fv, f.value)
	}
	return b
}

func xmlElement(b []byte, name string, v reflect.Value, n *node) []byte {
	b = append(append(append(b, '<'), name...), '>')
	switch n.kind {
	case kindStruct:
		b = xmlStruct(b, v, n)
	case kindList:
		for i := range v.Len() {
			b = xmlElement(b, "member", v.Index(i), n.elem)
		}
	case kindMap:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
		for _, k := range keys {
			b = append(b, "<entry><key>"...)
			b = xmlText(b, k.String())
			b = append(b, "</key>"...)
			b = xmlElement(b, "value", v.MapIndex(k), n.elem)
			b = append(b, "</entry>"...)
		}
	case kindString:
		b = xmlText(b, v.String())
	case kindTime:
		b = v.Interface().(time.Time).UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
	case kindBlob:
		b = append(b, base64.StdEncoding.EncodeToString(v.Bytes())...)
	default:
		b = fmt.Append(b, v.Interface())
	}
	return append(append(append(b, "</"...), name...), '>')
}

// xmlText appends s escaped; what XML cannot hold becomes U+FFFD.
func xmlText(b []byte, s string) []byte {
	var buf bytes.Buffer
	_ = xml.EscapeText(&buf, []byte(s)) // a buffer takes everything
	return append(b, buf.Bytes()...)
}

// fail writes <ErrorResponse>.
func (p *awsQuery) fail(w http.ResponseWriter, e *Error) {
	code, status := cmp.Or(e.QueryCode, queryCodes[e.Code], e.Code), e.Status
	if code == "IncompleteSignature" {
		status = http.StatusBadRequest // AWS: REST services answer 403
	}
	party := "Sender"
	if status >= 500 {
		party = "Receiver"
	}
	b := fmt.Appendf(nil, "<ErrorResponse xmlns=%q>\n<Error><Type>%s</Type><Code>", p.svc.Namespace, party)
	b = xmlText(b, code)
	b = append(b, "</Code><Message>"...)
	b = xmlText(b, e.Message)
	b = fmt.Appendf(b, "</Message></Error>\n<RequestId>%s</RequestId>\n</ErrorResponse>\n", requestIDOf(w))
	w.Header().Set("Content-Type", "text/xml")
	write(w, status, b)
}

// queryCodes are the names that the front end of query services gives to the
// errors it shares with the others.
//
// AWS: CommonErrors of the IAM and STS API references.
var queryCodes = map[string]string{
	"MissingAuthenticationTokenException": "MissingAuthenticationToken",
	"UnrecognizedClientException":         "InvalidClientTokenId",
	"InvalidSignatureException":           "SignatureDoesNotMatch",
	"IncompleteSignatureException":        "IncompleteSignature",
	"ExpiredTokenException":               "ExpiredToken",
	"AccessDeniedException":               "AccessDenied",
	"ValidationException":                 "ValidationError",
	"ThrottlingException":                 "Throttling",
	"UnknownOperationException":           "InvalidAction",
	"MalformedHttpRequestException":       "MalformedQueryString",
}
