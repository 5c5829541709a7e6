package gateway

import (
	"strings"

	"gatehouse/internal/wire"
)

// A Rule of a custom domain leads the requests that meet all its conditions to
// a stage of a REST API.
type Rule struct {
	ID       string
	Headers  []HeaderMatch
	BasePath string // without slashes around it; empty: any path
	Strip    bool   // the API does not see the base path
	Stage    *Stage // nil: it is not served, and the requests are forbidden
}

// A HeaderMatch is a condition on a header.
type HeaderMatch struct {
	name       string
	text       string
	begin, end bool // the value begins, and ends, with text; neither: it contains it
}

// NewHeaderMatch makes the condition that a line of the header has a value that
// a glob fits, which has its stars at its ends only.
//
// AWS: custom-domains.md §2.2: names without case, values with; each line is
// compared for itself.
func NewHeaderMatch(name, glob string) HeaderMatch {
	text, suffix := strings.CutPrefix(glob, "*")
	text, prefix := strings.CutSuffix(text, "*")
	return HeaderMatch{name: name, text: text, begin: !suffix, end: !prefix && glob != "*"}
}

func (m *HeaderMatch) fits(value string) bool {
	switch {
	case m.begin && m.end:
		return value == m.text
	case m.begin:
		return strings.HasPrefix(value, m.text)
	case m.end:
		return strings.HasSuffix(value, m.text)
	}
	return strings.Contains(value, m.text)
}

func (m *HeaderMatch) holds(r *wire.Request) bool {
	if strings.EqualFold(m.name, "host") {
		return m.fits(r.Host)
	}
	for i := range r.Header.Fields {
		if f := &r.Header.Fields[i]; len(f.Name) == len(m.name) && strings.EqualFold(f.Name, m.name) && m.fits(f.Value) {
			return true
		}
	}
	return false
}

// match tells whether r meets all conditions, and returns the path behind the
// base path.
//
// AWS: undocumented is where a base path may end; here at a slash, as without
// mappings of several segments.
func (u *Rule) match(r *wire.Request, path string) (tail string, ok bool) {
	tail = path
	if u.BasePath != "" {
		tail, ok = strings.CutPrefix(trimSlashes(path), u.BasePath)
		if !ok || tail != "" && tail[0] != '/' {
			return "", false
		}
	}
	for i := range u.Headers {
		if !u.Headers[i].holds(r) {
			return "", false
		}
	}
	return tail, true
}

// byRule finds the stage by the first rule that matches.
//
// AWS: custom-domains.md §2.2: without stripBasePath the API sees the whole
// path.
func (h *Host) byRule(r *wire.Request) (w where, ok bool) {
	for i := range h.Rules {
		u := &h.Rules[i]
		tail, ok := u.match(r, r.Path)
		if !ok {
			continue
		}
		if !u.Strip {
			tail = r.Path
		}
		return where{stage: u.Stage, path: tail, tail: r.Path, rule: u.ID, custom: true, clients: h.Clients}, true
	}
	return where{}, false
}
