package integration

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/internal/gateway"
)

// Templates are the request templates of an integration with what happens to a
// body that none is for. Until templates are rendered, only constant text is
// accepted: without "#" and "$" a template is what it prints.
type Templates struct {
	byType    map[string][]byte
	otherwise []byte // of the key $default
	hasOther  bool
	refuse    bool // a body without template is refused
}

// ErrTemplate is why a template cannot be used.
var ErrTemplate = errors.New("mapping templates with variables or directives are not supported yet")

// NewTemplates takes requestTemplates and passthroughBehavior.
//
// AWS: integrations.md §2.2.
func NewTemplates(byType map[string]string, passthrough string) (*Templates, error) {
	t := &Templates{byType: make(map[string][]byte, len(byType))}
	switch passthrough {
	case "", "WHEN_NO_MATCH":
	case "WHEN_NO_TEMPLATES":
		t.refuse = len(byType) > 0
	case "NEVER":
		t.refuse = true
	default:
		return nil, fmt.Errorf("passthroughBehavior %q is none of WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER", passthrough)
	}
	for kind, text := range byType {
		if strings.ContainsAny(text, "#$") {
			return nil, fmt.Errorf("request template for %s: %w", kind, ErrTemplate)
		}
		if kind == "$default" {
			t.otherwise, t.hasOther = []byte(text), true
			continue
		}
		t.byType[kind] = []byte(text)
	}
	return t, nil
}

// choose returns the text for the client's Content-Type. It reports false when
// the body is to pass unchanged.
func (t *Templates) choose(x *gateway.Exchange) (text []byte, ok bool, err error) {
	if t == nil {
		return nil, false, nil
	}
	if text, ok = t.byType[mediaType(x.Vars.ContentType)]; ok {
		return text, true, nil
	}
	switch {
	case t.hasOther:
		return t.otherwise, true, nil
	case t.refuse:
		return nil, false, unsupported
	}
	return nil, false, nil
}

var unsupported = gateway.NewFault(gateway.UnsupportedMediaType, nil)
