package integration

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/gateway"
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
	return compileMapping(parameters, &referrer{rt: rt, variables: variables, root: "$request."})
}

// MapResponses compiles the parameter mappings of responses, by status code.
func MapResponses(parameters map[string]map[string]string, variables map[string]string) (map[int]*Mapping, error) {
	all := make(map[int]*Mapping, len(parameters))
	for code, p := range parameters {
		n, err := strconv.Atoi(code)
		if err != nil {
			return nil, fmt.Errorf("response parameters of %q: no status code", code)
		}
		if all[n], err = compileMapping(p, &referrer{variables: variables, root: "$response."}); err != nil {
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
	root      string // $request. or $response.
	body      bool   // something referred to the body
}

// parse compiles a value: $name, or text with ${names} in it.
func (r *referrer) parse(text string) (expression, error) {
	var e expression
	if strings.HasPrefix(text, "$") && !strings.HasPrefix(text, "${") {
		get, err := r.reference(text)
		return expression{get}, err
	}
	for text != "" {
		before, rest, found := strings.Cut(text, "${")
		if before != "" {
			e = append(e, constantText(before))
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fmt.Errorf("%q has no end", "${"+rest)
		}
		get, err := r.reference("$" + name)
		if err != nil {
			return nil, err
		}
		e = append(e, get)
		text = after
	}
	return e, nil
}

func constantText(text string) func([]byte, *gateway.Exchange) []byte {
	return func(dst []byte, _ *gateway.Exchange) []byte { return append(dst, text...) }
}

// reference returns what appends the value of a name.
func (r *referrer) reference(name string) (func([]byte, *gateway.Exchange) []byte, error) {
	if v, ok := strings.CutPrefix(name, "$stageVariables."); ok {
		return constantText(r.variables[v]), nil
	}
	if v, ok := strings.CutPrefix(name, "$context."); ok {
		get := gateway.HTTPContextVar(v)
		if get == nil {
			return constantText(""), nil
		}
		return get, nil
	}
	rest, ok := strings.CutPrefix(name, r.root)
	if !ok {
		return nil, fmt.Errorf("%s cannot be referred to", name)
	}
	ofResponse := r.root == "$response."
	place, key, named := strings.Cut(rest, ".")
	switch {
	case place == "header" && named:
		return joinedHeader(key, ofResponse), nil
	case place == "querystring" && named && !ofResponse:
		return joinedQuery(key), nil
	case place == "path" && !named && !ofResponse:
		return func(dst []byte, x *gateway.Exchange) []byte { return append(dst, x.Vars.Path...) }, nil
	case place == "path" && !ofResponse:
		p := r.rt.Param(key)
		if p < 0 {
			return constantText(""), nil
		}
		return func(dst []byte, x *gateway.Exchange) []byte { return append(dst, x.Vars.Params[p]...) }, nil
	case place == "body":
		r.body = true
		return bodyPart(key, ofResponse)
	}
	return nil, fmt.Errorf("%s cannot be referred to", name)
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
func bodyPart(path string, ofResponse bool) (func([]byte, *gateway.Exchange) []byte, error) {
	body := func(x *gateway.Exchange) []byte {
		if ofResponse {
			return x.IntegrationResponse.Body.Bytes
		}
		return x.MethodRequest.Body.Bytes
	}
	if path == "" {
		return func(dst []byte, x *gateway.Exchange) []byte { return append(dst, body(x)...) }, nil
	}
	if strings.Contains(path, "..") || strings.Contains(path, "?(") {
		return nil, fmt.Errorf("JSONPath %q: no recursion and no filters", path)
	}
	p, err := vtl.CompilePath("$." + path)
	if err != nil {
		return nil, err
	}
	return func(dst []byte, x *gateway.Exchange) []byte {
		b := body(x)
		from := len(dst)
		dst, _, err := p.Read(dst, wire.String(b[:min(len(b), mappedBody)]))
		if err != nil {
			return dst[:from]
		}
		return dst
	}, nil
}

// value is what an expression stands for. It lives as long as x.
func (e expression) value(x *gateway.Exchange) string {
	var buf []byte
	for _, get := range e {
		buf = get(buf, x) // not in x.Buf: getters use that
	}
	return wire.String(buf)
}

// applyHeader changes a header.
//
// AWS: http-api-execution.md §6: an empty source is no change (unconfirmed).
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
