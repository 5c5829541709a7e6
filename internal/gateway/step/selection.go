package step

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/vtl"
	"gatehouse/internal/wire"
)

// A Selection is a selection expression of a WebSocket API: what is found in a
// message, or in what a backend answered, chooses a route, a model, a template
// or an integration response by its key.
type Selection struct{ parts []selectionPart }

// A selectionPart is literal text, a place in the message, or a source in the
// backend's answer.
type selectionPart struct {
	text   string
	path   *vtl.Path
	status bool
	from   *source
}

// The variables there are begin with one of these.
const (
	bodyPrefix   = "request.body."
	answerPrefix = "integration.response."
)

// ParseSelection reads a selection expression about a message.
//
// AWS: websocket-execution.md §2: $request.body.{path} or ${request.body.{path}},
// text between them, and \$ for a dollar sign.
func ParseSelection(expr string) (*Selection, error) { return parseSelection(expr, false) }

// ParseAnswerSelection reads a selection expression that may be about the
// backend's answer too.
//
// AWS: websocket-api-data-transformations: integration.response.statuscode,
// .header.{name} and .multivalueheader.{name}.
func ParseAnswerSelection(expr string) (*Selection, error) { return parseSelection(expr, true) }

func parseSelection(expr string, answered bool) (*Selection, error) {
	s := new(Selection)
	text := ""
	for expr != "" {
		switch {
		case strings.HasPrefix(expr, `\$`):
			text, expr = text+"$", expr[2:]
		case expr[0] != '$':
			text, expr = text+expr[:1], expr[1:]
		default:
			name, rest := selectionVariable(expr[1:])
			p, err := parseSelectionPart(name, answered)
			if err != nil {
				return nil, err
			}
			s.parts = append(s.parts, selectionPart{text: text}, p)
			text, expr = "", rest
		}
	}
	if text != "" {
		s.parts = append(s.parts, selectionPart{text: text})
	}
	if len(s.parts) == 0 {
		return nil, errors.New("the expression is empty")
	}
	return s, nil
}

func parseSelectionPart(name string, answered bool) (p selectionPart, err error) {
	if path, ok := strings.CutPrefix(name, bodyPrefix); ok {
		if p.path, err = vtl.CompilePath(path); err != nil {
			return p, fmt.Errorf("%q: %w", name, err)
		}
		return p, nil
	}
	rest, ok := strings.CutPrefix(name, answerPrefix)
	if !answered || !ok {
		return p, fmt.Errorf("%q is no part of a message's body: only request.body is", name)
	}
	if rest == "statuscode" {
		return selectionPart{status: true}, nil
	}
	src, err := parseResponseSource(name, rest)
	if err != nil {
		return p, err
	}
	return selectionPart{from: &src}, nil
}

// selectionVariable cuts off the name of a variable, without the dollar sign.
func selectionVariable(s string) (name, rest string) {
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		if name, rest, ok = strings.Cut(inner, "}"); ok {
			return name, rest
		}
		return s, ""
	}
	n := 0
	for n < len(s) && (s[n] == '.' || s[n] == '_' || s[n] == '-' || s[n] == '[' || s[n] == ']' ||
		'a' <= s[n] && s[n] <= 'z' || 'A' <= s[n] && s[n] <= 'Z' || '0' <= s[n] && s[n] <= '9') {
		n++
	}
	return s[:n], s[n:]
}

// AppendKey appends the key that is found in a message; nothing: it has none, as
// what is no JSON.
func (s *Selection) AppendKey(dst, message []byte) []byte {
	from := len(dst)
	for i := range s.parts {
		p := &s.parts[i]
		if p.path == nil {
			dst = append(dst, p.text...)
			continue
		}
		var err error
		if dst, _, err = p.path.Read(dst, wire.String(message)); err != nil {
			return dst[:from]
		}
	}
	return dst
}

// key returns what is found in an exchange. What is not there is empty.
func (s *Selection) key(x *gateway.Exchange) string {
	var room [8]string // sources write into x.Buf themselves
	values := room[:0]
	for i := range s.parts {
		values = append(values, s.parts[i].value(x))
	}
	if len(values) == 1 {
		return values[0]
	}
	from := len(x.Buf)
	for _, v := range values {
		x.Buf = append(x.Buf, v...)
	}
	return wire.String(x.Buf[from:])
}

func (p *selectionPart) value(x *gateway.Exchange) string {
	switch {
	case p.path != nil:
		from := len(x.Buf)
		out, _, err := p.path.Read(x.Buf, validText(x.MethodRequest.Body.Bytes))
		if err != nil {
			return ""
		}
		x.Buf = out
		return wire.String(x.Buf[from:])
	case p.status:
		return statusText(x.IntegrationResponse.Status)
	case p.from != nil:
		return p.from.value(x)
	}
	return p.text
}

// needsAnswer tells whether the body of the backend's answer must have been read.
func (s *Selection) needsAnswer() bool {
	for i := range s.parts {
		if f := s.parts[i].from; f != nil && f.ofResponseBody() {
			return true
		}
	}
	return false
}

// onlyStatus tells whether it is the status that is looked at, and nothing else.
func (s *Selection) onlyStatus() bool {
	n := 0
	for i := range s.parts {
		if !s.parts[i].status && (s.parts[i].text != "" || s.parts[i].path != nil || s.parts[i].from != nil) {
			return false
		}
		n++
	}
	return n > 0
}
