package upstream

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"gatehouse/internal/wire"
)

// A Subject is a request of a client, as far as the choice of an endpoint or
// of a release may depend on it. What its methods return is read at once and
// not kept. It is used by one goroutine.
type Subject interface {
	Fields() *wire.Header // of the client's request
	RawQuery() string     // of its target
	Source() netip.Addr   // of the client; invalid: not known
	SetCookie(field string)
}

// A Variable returns what a variable is for a request.
type Variable func(s Subject) string

// A Selector names a part of a request: header:NAME, cookie:NAME, query:NAME,
// source for the client's address, or context:NAME for a $context variable,
// such as context:authorizer.claims.sub.
type Selector struct {
	text string
	kind selectorKind
	name string
	id   wire.HeaderID
	get  Variable
}

type selectorKind uint8

const (
	byNothing selectorKind = iota
	byHeader
	byCookie
	byQuery
	bySource
	byVariable
)

var selectorKinds = map[string]selectorKind{"header": byHeader, "cookie": byCookie, "query": byQuery, "source": bySource, "context": byVariable}

// ParseSelector reads a selector. variables finds $context variables; nil, or a
// nil answer: there is none.
func ParseSelector(text string, variables func(name string) Variable) (Selector, error) {
	kind, name, _ := strings.Cut(text, ":")
	s := Selector{text: text, kind: selectorKinds[kind], name: name}
	switch {
	case s.kind == byNothing, (s.kind == bySource) != (name == ""), strings.ContainsAny(name, " \t\r\n;,=\""):
		return Selector{}, fmt.Errorf("%q is not header:NAME, cookie:NAME, query:NAME, source or context:NAME", text)
	case s.kind == byHeader:
		s.id = wire.Identify(name)
	case s.kind == byVariable:
		if variables != nil {
			s.get = variables(strings.TrimPrefix(name, "$context."))
		}
		if s.get == nil {
			return Selector{}, fmt.Errorf("%q: there is no variable $context.%s", text, name)
		}
	}
	return s, nil
}

// find returns the part of r that s names; empty: r has none. All but an address
// is a view of what r has.
func (s *Selector) find(r Subject) string {
	if r == nil {
		return ""
	}
	switch s.kind {
	case byHeader:
		if s.id != 0 {
			return r.Fields().GetID(s.id)
		}
		return r.Fields().Get(s.name)
	case byCookie:
		return cookie(r.Fields(), s.name)
	case byQuery:
		return parameter(r.RawQuery(), s.name)
	case bySource:
		if a := r.Source(); a.IsValid() {
			return a.Unmap().String()
		}
	case byVariable:
		return s.get(r)
	}
	return ""
}

// cookie returns the value of a client's cookie.
func cookie(h *wire.Header, name string) string {
	for i := range h.Fields {
		if h.Fields[i].ID != wire.HeaderCookie {
			continue
		}
		for rest := h.Fields[i].Value; rest != ""; {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			pair = strings.TrimLeft(pair, " ")
			if len(pair) > len(name) && pair[len(name)] == '=' && pair[:len(name)] == name {
				return pair[len(name)+1:]
			}
		}
	}
	return ""
}

// parameter returns a query parameter as it was sent.
func parameter(query, name string) string {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if k, v, _ := strings.Cut(pair, "="); k == name {
			return v
		}
	}
	return ""
}

// hash returns a number for what s finds in r, the same on all nodes; false: it
// finds nothing.
func (s *Selector) hash(r Subject) (uint64, bool) {
	switch {
	case s.kind == byNothing || r == nil:
		return 0, false
	case s.kind == bySource:
		a := r.Source()
		b := a.As16()
		return mix(binary.BigEndian.Uint64(b[:8])*golden + mix(binary.BigEndian.Uint64(b[8:]))), a.IsValid()
	}
	text := s.find(r)
	return hashText(text), text != ""
}

// hashText is FNV-1a with its bits mixed, so that every part of the result
// depends on every byte.
func hashText(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
