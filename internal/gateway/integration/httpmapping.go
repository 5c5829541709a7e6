package integration

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/mapping"
	"gatehouse/internal/vtl"
	"gatehouse/internal/wire"
)

// A Mapping is what an HTTP API's integration changes of a request or a
// response: parameter mappings, compiled. The zero Mapping changes nothing.
//
// AWS: http-api-execution.md §6.
type Mapping struct {
	header []change
	query  []change
	path   expression // nil: as it is
	status int        // 0: as it is

	body bool // a value is taken from the body
}

// A change adds, replaces or removes what has a name.
type change struct {
	action byte // 'a', 'o' or 'r'
	name   string
	value  expression
}

// An expression is constant text and references, one after another.
type expression []func(dst []byte, x *gateway.Exchange) []byte

// MapRequest compiles the parameter mappings of requests on a route.
func MapRequest(parameters map[string]string, rt *gateway.Route, variables map[string]string) (*Mapping, error) {
	return compileMapping(parameters, &referrer{rt: rt, variables: variables, of: mapping.Request})
}

// MapResponses compiles the parameter mappings of responses, by status code.
func MapResponses(parameters map[string]map[string]string, variables map[string]string) (map[int]*Mapping, error) {
	all := make(map[int]*Mapping, len(parameters))
	for code, p := range parameters {
		n, err := strconv.Atoi(code)
		if err != nil {
			return nil, fmt.Errorf("response parameters of %q: no status code", code)
		}
		if all[n], err = compileMapping(p, &referrer{variables: variables, of: mapping.Response}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func compileMapping(parameters map[string]string, r *referrer) (*Mapping, error) {
	m := new(Mapping)
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		action, target, _ := strings.Cut(key, ":")
		place, name, _ := strings.Cut(target, ".")
		value, err := r.parse(parameters[key])
		if err != nil {
			return nil, fmt.Errorf("mapping %s: %w", key, err)
		}
		switch {
		case key == "overwrite:path":
			m.path = value
		case key == "overwrite:statuscode":
			if m.status, err = strconv.Atoi(parameters[key]); err != nil || m.status < 200 || m.status > 599 {
				return nil, fmt.Errorf("mapping %s: %q is no status code", key, parameters[key])
			}
		case place == "header" && action != "":
			m.header = append(m.header, change{action[0], name, value})
		case place == "querystring" && action != "":
			m.query = append(m.query, change{action[0], name, value})
		default:
			return nil, fmt.Errorf("mapping %s: no such target", key)
		}
	}
	m.body = r.body
	return m, nil
}

// A referrer finds what expressions refer to.
type referrer struct {
	rt        *gateway.Route
	variables map[string]string
	of        mapping.Message
	body      bool // something referred to the body
}

// parse compiles a value.
func (r *referrer) parse(text string) (expression, error) {
	parts, err := mapping.Parse(text, r.of)
	if err != nil {
		return nil, err
	}
	e := make(expression, len(parts))
	for i := range parts {
		e[i] = r.getter(&parts[i])
	}
	return e, nil
}

func constantText(text string) func([]byte, *gateway.Exchange) []byte {
	return func(dst []byte, _ *gateway.Exchange) []byte { return append(dst, text...) }
}

// getter returns what appends the value of a part.
func (r *referrer) getter(p *mapping.Part) func([]byte, *gateway.Exchange) []byte {
	switch p.Place {
	case mapping.Header:
		return joinedHeader(p.Name, r.of == mapping.Response)
	case mapping.Query:
		return joinedQuery(p.Name)
	case mapping.Body:
		r.body = true
		return bodyPart(p.JSONPath, r.of == mapping.Response)
	case mapping.StageVariable:
		return constantText(r.variables[p.Name])
	case mapping.Context:
		if get := gateway.HTTPContextVar(p.Name); get != nil {
			return get
		}
		return constantText("")
	case mapping.Path:
		if p.Name == "" {
			return func(dst []byte, x *gateway.Exchange) []byte { return append(dst, x.Vars.Path...) }
		}
		at := r.rt.Param(p.Name)
		if at < 0 {
			return constantText("")
		}
		return func(dst []byte, x *gateway.Exchange) []byte { return append(dst, x.Vars.Params[at]...) }
	default:
		return constantText(p.Name)
	}
}

func joinedHeader(name string, ofResponse bool) func([]byte, *gateway.Exchange) []byte {
	return func(dst []byte, x *gateway.Exchange) []byte {
		h := &x.MethodRequest.Header
		if ofResponse {
			h = &x.IntegrationResponse.Header
		}
		n := 0
		for i := range h.Fields {
			if !strings.EqualFold(h.Fields[i].Name, name) {
				continue
			}
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, h.Fields[i].Value...)
			n++
		}
		if n == 0 && !ofResponse && strings.EqualFold(name, "host") {
			dst = append(dst, x.MethodRequest.Host...)
		}
		return dst
	}
}

func joinedQuery(name string) func([]byte, *gateway.Exchange) []byte {
	return func(dst []byte, x *gateway.Exchange) []byte {
		first := true
		for q := x.MethodRequest.Query; q != ""; {
			n, v, rest, ok := gateway.NextPair(q)
			if !ok {
				break
			}
			if gateway.EqualDecoded(n, name) {
				if !first {
					dst = append(dst, ',')
				}
				first = false
				dst = gateway.AppendDecoded(dst, v, true)
			}
			q = rest
		}
		return dst
	}
}

// mappedBody bounds how much of a body is looked at.
//
// AWS: http-api-execution.md §6: the first 100 KB.
const mappedBody = 100 << 10

// bodyPart appends a body, or what a JSONPath finds in it. A body that is no
// JSON has nothing.
func bodyPart(p *vtl.Path, ofResponse bool) func([]byte, *gateway.Exchange) []byte {
	body := func(x *gateway.Exchange) []byte {
		if ofResponse {
			return x.IntegrationResponse.Body.Bytes
		}
		return x.MethodRequest.Body.Bytes
	}
	if p == nil {
		return func(dst []byte, x *gateway.Exchange) []byte { return append(dst, body(x)...) }
	}
	return func(dst []byte, x *gateway.Exchange) []byte {
		b := body(x)
		from := len(dst)
		dst, _, err := p.Read(dst, wire.String(b[:min(len(b), mappedBody)]))
		if err != nil {
			return dst[:from]
		}
		return dst
	}
}

// value is what an expression stands for. It lives as long as x.
func (e expression) value(x *gateway.Exchange) string {
	var buf []byte
	for _, get := range e {
		buf = get(buf, x) // not in x.Buf: getters use that
	}
	return wire.String(buf)
}

// changes tells whether m changes anything.
func (m *Mapping) changes() bool {
	return m != nil && (len(m.header) > 0 || len(m.query) > 0 || m.path != nil || m.status != 0)
}

// applyHeader changes a header.
//
// AWS: http-api-execution.md §6: an empty source is no change (unconfirmed). Not
// confirmed either is what becomes then of a field that was to be overwritten:
// it goes, for what a client says must not pass for what the API says.
func (m *Mapping) applyHeader(h *wire.Header, x *gateway.Exchange) {
	for i := range m.header {
		c := &m.header[i]
		if c.action == 'r' {
			h.Del(c.name)
			continue
		}
		v := c.value.value(x)
		switch {
		case v == "" || !validFieldValue([]byte(v)):
			if c.action == 'o' {
				h.Del(c.name)
			}
		case c.action == 'a':
			h.Add(c.name, v)
		default:
			h.Set(c.name, v)
		}
	}
}

// appendQuery appends a query string, changed, without question mark.
func (m *Mapping) appendQuery(dst []byte, x *gateway.Exchange) []byte {
	start := len(dst)
	for q := x.MethodRequest.Query; q != ""; {
		n, v, rest, ok := gateway.NextPair(q)
		if !ok {
			break
		}
		q = rest
		if m.replaces(n) {
			continue
		}
		dst = appendSeparator(dst, start)
		dst = append(append(append(dst, n...), '='), v...)
	}
	for i := range m.query {
		c := &m.query[i]
		if c.action == 'r' {
			continue
		}
		v := c.value.value(x)
		if v == "" {
			continue
		}
		dst = appendSeparator(dst, start)
		dst = append(gateway.AppendEncoded(dst, c.name), '=')
		dst = gateway.AppendEncoded(dst, v)
	}
	return dst
}

func appendSeparator(dst []byte, start int) []byte {
	if len(dst) > start {
		dst = append(dst, '&')
	}
	return dst
}

// replaces tells whether the client's parameters of this name, encoded, go.
func (m *Mapping) replaces(name string) bool {
	for i := range m.query {
		if m.query[i].action != 'a' && gateway.EqualDecoded(name, m.query[i].name) {
			return true
		}
	}
	return false
}
