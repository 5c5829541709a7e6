package wsapi

import (
	"fmt"
	"strings"

	"gatehouse/internal/vtl"
	"gatehouse/internal/wire"
)

// A Selection finds the route of a message.
type Selection struct{ parts []part }

// A part is literal text, or a place in the message.
type part struct {
	text string
	path *vtl.Path
}

// bodyPrefix begins the only variables there are.
const bodyPrefix = "request.body."

// ParseSelection reads a route selection expression.
//
// AWS: websocket-execution.md §2: $request.body.{path} or ${request.body.{path}},
// text between them, and \$ for a dollar sign.
func ParseSelection(expr string) (*Selection, error) {
	s := new(Selection)
	text := ""
	for expr != "" {
		switch {
		case strings.HasPrefix(expr, `\$`):
			text, expr = text+"$", expr[2:]
		case expr[0] != '$':
			text, expr = text+expr[:1], expr[1:]
		default:
			name, rest := variable(expr[1:])
			path, ok := strings.CutPrefix(name, bodyPrefix)
			if !ok {
				return nil, fmt.Errorf("%q is no part of a message's body: only request.body is", name)
			}
			p, err := vtl.CompilePath(path)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", name, err)
			}
			s.parts = append(s.parts, part{text: text}, part{path: p})
			text, expr = "", rest
		}
	}
	if text != "" {
		s.parts = append(s.parts, part{text: text})
	}
	if len(s.parts) == 0 {
		return nil, fmt.Errorf("the expression is empty")
	}
	return s, nil
}

// variable cuts off the name of a variable, without the dollar sign.
func variable(s string) (name, rest string) {
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

// Key returns the key of a message's route; empty: it has none, as that of what
// is no JSON.
func (s *Selection) Key(message []byte) string {
	var room [64]byte
	key := room[:0]
	for i := range s.parts {
		p := &s.parts[i]
		if p.path == nil {
			key = append(key, p.text...)
			continue
		}
		var err error
		if key, _, err = p.path.Read(key, wire.String(message)); err != nil {
			return ""
		}
	}
	return string(key)
}
