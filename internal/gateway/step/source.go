package step

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/vtl"
	"gatehouse/internal/wire"
)

// A source is where a parameter mapping takes its value from, found once.
type source struct {
	kind  sourceKind
	name  string         // of a header or query parameter; the text of a constant
	place int            // of a path parameter
	get   gateway.Getter // of a context variable
	path  *vtl.Path      // into a body
}

type sourceKind uint8

const (
	constant sourceKind = iota
	contextVar
	pathParam
	greedyParam
	namedParam // a path parameter of whatever route it is
	queryLast
	queryAll
	headerLast
	headerAll
	wholeBody
	bodyPath
	responseLast
	responseAll
	responseBody
	responseBodyPath
)

// ofRequestBody tells whether the value needs the request's body in memory.
func (s *source) ofRequestBody() bool { return s.kind == wholeBody || s.kind == bodyPath }

// ofResponseBody is ofRequestBody for the backend's.
func (s *source) ofResponseBody() bool { return s.kind == responseBody || s.kind == responseBodyPath }

// ofResponse tells whether there is no value before the backend has answered.
func (s *source) ofResponse() bool {
	return s.kind == responseLast || s.kind == responseAll || s.ofResponseBody()
}

// A Scope says what the sources of a mapping can refer to.
type Scope struct {
	Route     *gateway.Route    // its path parameters; nil: of whatever route it will be
	Variables map[string]string // of the stage
	// Socket: they are those of a WebSocket API, which has route.request in place
	// of method.request, and variables of its own.
	Socket bool
	// Binary tells whether a Content-Type is among the API's binary media types;
	// nil: none is.
	Binary func(contentType string) bool
}

// A mappingError is why a mapping cannot be used.
type mappingError struct{ source, why string }

func (e *mappingError) Error() string { return fmt.Sprintf("mapping from %s: %s", e.source, e.why) }

// parseSource reads the value of a parameter mapping. A source that can never
// have a value is a constant without text.
//
// AWS: integrations.md §2.3 and §8.2.
func parseSource(expr string, sc *Scope) (source, error) {
	if n := len(expr); n >= 2 && expr[0] == '\'' && expr[n-1] == '\'' {
		return source{kind: constant, name: expr[1 : n-1]}, nil
	}
	root, rest, _ := strings.Cut(expr, ".")
	switch root {
	case "stageVariables":
		return source{kind: constant, name: sc.Variables[rest]}, nil
	case "context":
		find := gateway.ContextVar
		if sc.Socket {
			find = gateway.SocketVar
		}
		get := find(rest)
		if get == nil {
			return source{kind: constant}, nil
		}
		return source{kind: contextVar, get: get}, nil
	case "method", "route":
		if (root == "route") != sc.Socket {
			break
		}
		if rest, ok := strings.CutPrefix(rest, "request."); ok {
			return parseRequestSource(expr, rest, sc)
		}
	case "integration":
		if rest, ok := strings.CutPrefix(rest, "response."); ok {
			return parseResponseSource(expr, rest)
		}
	}
	return source{}, &mappingError{expr, "no such source"}
}

func parseRequestSource(expr, rest string, sc *Scope) (source, error) {
	place, name, hasName := strings.Cut(rest, ".")
	switch place {
	case "body":
		if !hasName {
			return source{kind: wholeBody}, nil
		}
		return parsePath(expr, name, bodyPath)
	case "path":
		if sc.Route == nil {
			return source{kind: namedParam, name: name}, nil
		}
		p := sc.Route.Param(name)
		if p < 0 {
			return source{kind: constant}, nil
		}
		kind := pathParam
		if strings.HasSuffix(sc.Route.ResourcePath, "/{"+name+"+}") {
			kind = greedyParam
		}
		return source{kind: kind, place: p}, nil
	case "querystring":
		return source{kind: queryLast, name: name}, nil
	case "multivaluequerystring":
		return source{kind: queryAll, name: name}, nil
	case "header":
		return source{kind: headerLast, name: name}, nil
	case "multivalueheader":
		return source{kind: headerAll, name: name}, nil
	}
	return source{}, &mappingError{expr, "no such source"}
}

func parseResponseSource(expr, rest string) (source, error) {
	place, name, hasName := strings.Cut(rest, ".")
	switch place {
	case "header":
		return source{kind: responseLast, name: name}, nil
	case "multivalueheader":
		return source{kind: responseAll, name: name}, nil
	case "body":
		if !hasName {
			return source{kind: responseBody}, nil
		}
		return parsePath(expr, name, responseBodyPath)
	}
	return source{}, &mappingError{expr, "no such source"}
}

func parsePath(expr, path string, kind sourceKind) (source, error) {
	p, err := vtl.CompilePath(path)
	if err != nil {
		return source{}, &mappingError{expr, err.Error()}
	}
	return source{kind: kind, path: p}, nil
}

// eval is value for sources that may be broken JSON: then it returns a fault.
func (s *source) eval(x *gateway.Exchange) (string, error) {
	if s.path == nil {
		return s.value(x), nil
	}
	body := &x.MethodRequest.Body
	if s.kind == responseBodyPath {
		body = &x.IntegrationResponse.Body
	}
	from := len(x.Buf)
	var err error
	x.Buf, _, err = s.path.Read(x.Buf, validText(body.Bytes))
	if err == nil {
		return wire.String(x.Buf[from:]), nil
	}
	// AWS: integrations.md §2.3 and §8.2.
	if s.kind == bodyPath && errors.As(err, new(*vtl.PayloadError)) {
		return "", &gateway.Fault{Type: gateway.Default4XX, Message: "Invalid JSON in request body", Cause: err}
	}
	return "", gateway.NewFault(gateway.APIConfigurationError, fmt.Errorf("parameter mapping from a body: %w", err))
}

// value returns the value as text, empty when there is none. It lives as long
// as x.
func (s *source) value(x *gateway.Exchange) string {
	switch s.kind {
	case constant:
		return s.name
	case contextVar:
		from := len(x.Buf)
		x.Buf = s.get(x.Buf, x)
		return wire.String(x.Buf[from:])
	case pathParam, greedyParam:
		return decoded(x, x.Vars.Params[s.place], false)
	case namedParam:
		if x.Route == nil {
			return ""
		}
		p := x.Route.Param(s.name)
		if p < 0 {
			return ""
		}
		return decoded(x, x.Vars.Params[p], false)
	case queryLast:
		return lastQuery(x, s.name)
	case queryAll:
		return joinQuery(x, s.name)
	case headerLast:
		return lastHeader(&x.MethodRequest.Header, s.name, &hidden)
	case headerAll:
		return joinHeader(x, &x.MethodRequest.Header, s.name, &hidden)
	case responseLast:
		return lastHeader(&x.IntegrationResponse.Header, s.name, &nothing)
	case responseAll:
		return joinHeader(x, &x.IntegrationResponse.Header, s.name, &nothing)
	case wholeBody:
		return bodyText(&x.MethodRequest.Body)
	case responseBody:
		return bodyText(&x.IntegrationResponse.Body)
	case bodyPath, responseBodyPath:
		v, _ := s.eval(x) // who may answer with its fault asks eval
		return v
	}
	panic("step: unknown kind of source")
}

// decoded returns raw with its percent encoding taken off.
func decoded(x *gateway.Exchange, raw string, plus bool) string {
	if !gateway.Encoded(raw, plus) {
		return raw
	}
	from := len(x.Buf)
	x.Buf = gateway.AppendDecoded(x.Buf, raw, plus)
	return wire.String(x.Buf[from:])
}

// lastQuery returns the last value of a query parameter.
//
// AWS: rest-execution.md §3: the last value; names are case-sensitive.
func lastQuery(x *gateway.Exchange, name string) string {
	var raw string
	for q := x.MethodRequest.Query; q != ""; {
		n, v, rest, ok := gateway.NextPair(q)
		if !ok {
			break
		}
		if gateway.EqualDecoded(n, name) {
			raw = v
		}
		q = rest
	}
	return decoded(x, raw, true)
}

// joinQuery returns all values of a query parameter, with commas between.
func joinQuery(x *gateway.Exchange, name string) string {
	from := len(x.Buf)
	for q := x.MethodRequest.Query; q != ""; {
		n, v, rest, ok := gateway.NextPair(q)
		if !ok {
			break
		}
		if gateway.EqualDecoded(n, name) {
			if len(x.Buf) > from {
				x.Buf = append(x.Buf, ',')
			}
			x.Buf = gateway.AppendDecoded(x.Buf, v, true)
		}
		q = rest
	}
	return wire.String(x.Buf[from:])
}

// lastHeader returns the last value of a header, whose name is compared with
// its case.
//
// AWS: rest-execution.md §4.4.
func lastHeader(h *wire.Header, name string, hidden *headerSet) string {
	for i := len(h.Fields) - 1; i >= 0; i-- {
		if h.Fields[i].Name == name && !hidden[h.Fields[i].ID] {
			return h.Fields[i].Value
		}
	}
	return ""
}

// joinHeader returns all values of a header with commas between.
func joinHeader(x *gateway.Exchange, h *wire.Header, name string, hidden *headerSet) string {
	first, from := "", len(x.Buf)
	for i := range h.Fields {
		f := &h.Fields[i]
		if f.Name != name || hidden[f.ID] {
			continue
		}
		switch {
		case first == "" && len(x.Buf) == from:
			first = f.Value
			continue
		case len(x.Buf) == from:
			x.Buf = append(x.Buf, first...)
		}
		x.Buf = append(x.Buf, ',')
		x.Buf = append(x.Buf, f.Value...)
	}
	if len(x.Buf) == from {
		return first
	}
	return wire.String(x.Buf[from:])
}

// bodyText returns a whole body, which a step has read.
//
// AWS: integrations.md §2.3: trimmed; {} if empty.
func bodyText(b *wire.Body) string {
	text := strings.TrimSpace(validText(b.Bytes))
	if text == "" {
		return "{}"
	}
	return text
}
