package step

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// IntegrationRequest evaluates the parameter mappings of an integration: into
// x.MappedHeader, x.MappedQuery and x.MappedPath, from where the integration
// takes them.
type IntegrationRequest struct {
	header    []headerMapping
	query     []queryMapping
	path      []pathMapping
	places    int // of x.MappedPath
	needsBody bool
}

type headerMapping struct {
	field   wire.Field // name and id
	from    source
	illegal bool // any value breaks the call
}

type queryMapping struct {
	name string // encoded
	from source
}

type pathMapping struct {
	place int
	from  source
	ready string // the encoded value, if it is constant
}

// NewIntegrationRequest makes the step from an integration's requestParameters.
// Variables are the variables of its URI, in order. What is mapped for MOCK
// reaches nobody.
func NewIntegrationRequest(params map[string]string, variables []string, to Backend, sc *Scope) (*IntegrationRequest, error) {
	s := &IntegrationRequest{places: len(variables)}
	for _, key := range slices.Sorted(maps.Keys(params)) {
		rest, ok := strings.CutPrefix(key, "integration.request.")
		place, name, hasName := strings.Cut(rest, ".")
		if !ok || !hasName || name == "" {
			return nil, fmt.Errorf("parameter mapping to %q: no such target", key)
		}
		src, err := parseSource(params[key], sc)
		if err != nil {
			return nil, fmt.Errorf("parameter mapping to %q: %w", key, err)
		}
		if src.ofResponse() {
			return nil, fmt.Errorf("parameter mapping to %q: there is no response yet", key)
		}
		switch place {
		case "header":
			s.mapHeader(name, src, to)
		case "querystring":
			if to != BackendMock {
				s.query = append(s.query, queryMapping{string(gateway.AppendEncoded(nil, name)), src})
			}
		case "path":
			s.mapPath(slices.Index(variables, name), src)
		default:
			return nil, fmt.Errorf("parameter mapping to %q: no such target", key)
		}
		s.needsBody = s.needsBody || src.ofRequestBody()
	}
	return s, nil
}

// unmappable are the headers that are dropped after mapping, and those that
// belong to the connection.
//
// AWS: rest-execution.md §4.3, the last lines.
var unmappable = headerSet{
	wire.HeaderExpect:            true,
	wire.HeaderProxyAuthenticate: true,
	wire.HeaderTE:                true,
	wire.HeaderVia:               true,
	wire.HeaderConnection:        true,
	wire.HeaderKeepAlive:         true,
	wire.HeaderProxyConnection:   true,
}

func (s *IntegrationRequest) mapHeader(name string, src source, to Backend) {
	m := headerMapping{field: wire.Field{Name: name, ID: wire.Identify(name)}, from: src}
	m.illegal = to.breaks(m.field.ID)
	if !m.illegal && (to == BackendMock || unmappable[m.field.ID]) {
		return
	}
	s.header = append(s.header, m)
}

func (s *IntegrationRequest) mapPath(place int, src source) {
	if place < 0 {
		return // the URI has no such variable
	}
	m := pathMapping{place: place, from: src}
	if src.kind == constant {
		m.ready = string(gateway.AppendEncoded(nil, src.name))
	}
	s.path = append(s.path, m)
}

// NeedsBody tells whether a mapping takes the whole request body.
func (s *IntegrationRequest) NeedsBody() bool { return s.needsBody }

// Empty tells whether the step would do nothing.
func (s *IntegrationRequest) Empty() bool {
	return len(s.header)+len(s.query)+len(s.path)+s.places == 0
}

// Do evaluates the mappings. One without a value is left out.
func (s *IntegrationRequest) Do(_ context.Context, x *gateway.Exchange) error {
	if s.needsBody {
		if err := x.ReadBody(); err != nil {
			return err
		}
	}
	if err := s.doPath(x); err != nil {
		return err
	}
	for i := range s.query {
		if err := s.query[i].do(x); err != nil {
			return err
		}
	}
	for i := range s.header {
		m := &s.header[i]
		v, err := m.from.eval(x)
		switch {
		case err != nil:
			return err
		case v == "":
			continue
		case m.illegal:
			return illegalHeader
		case !sendable(v) || m.field.ID == wire.HeaderHost && !hostLike(v):
			return unsendable
		}
		f := m.field
		f.Value = v
		x.MappedHeader = append(x.MappedHeader, f)
	}
	return nil
}

var (
	illegalHeader = gateway.NewFault(gateway.APIConfigurationError, fmt.Errorf("a header is mapped that the gateway sets"))
	// AWS: undocumented; what the client sent cannot stand in a header.
	unsendable = gateway.NewFault(gateway.Default4XX, fmt.Errorf("a mapped value has characters that no header may have"))
)

// sendable tells whether a value can stand in a header.
func sendable(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// hostLike tells whether a value can be the authority of a request.
func hostLike(v string) bool {
	for i := range len(v) {
		switch c := v[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == ':', c == '[', c == ']':
		default:
			return false
		}
	}
	return true
}

func (s *IntegrationRequest) doPath(x *gateway.Exchange) error {
	if s.places == 0 {
		return nil
	}
	for len(x.MappedPath) < s.places {
		x.MappedPath = append(x.MappedPath, "")
	}
	for i := range s.path {
		m := &s.path[i]
		if m.from.kind == constant {
			x.MappedPath[m.place] = m.ready
			continue
		}
		v, err := m.encoded(x)
		if err != nil {
			return err
		}
		x.MappedPath[m.place] = v
	}
	return nil
}

// encoded returns the value percent-encoded. A path parameter that is already
// as it must be, the common case, is not touched. Slashes stay if they are
// those of a greedy parameter; an encoded slash stays encoded.
func (m *pathMapping) encoded(x *gateway.Exchange) (string, error) {
	switch m.from.kind {
	case pathParam, greedyParam:
		raw := x.Vars.Params[m.from.place]
		if gateway.PlainPath(raw) {
			return raw, nil
		}
		from := len(x.Buf)
		x.Buf = gateway.AppendReencoded(x.Buf, raw)
		return wire.String(x.Buf[from:]), nil
	}
	v, err := m.from.eval(x)
	from := len(x.Buf)
	x.Buf = gateway.AppendEncoded(x.Buf, v)
	return wire.String(x.Buf[from:]), err
}

// do adds the pairs of a mapped query parameter.
//
// AWS: integrations.md §2.3: several values stay several.
func (m *queryMapping) do(x *gateway.Exchange) error {
	if m.from.kind != queryAll {
		v, err := m.from.eval(x)
		addQuery(x, m.name, v)
		return err
	}
	for q := x.MethodRequest.Query; q != ""; {
		n, v, rest, ok := gateway.NextPair(q)
		if !ok {
			break
		}
		if gateway.EqualDecoded(n, m.from.name) {
			addQuery(x, m.name, decoded(x, v, true))
		}
		q = rest
	}
	return nil
}

func addQuery(x *gateway.Exchange, name, value string) {
	if value == "" {
		return
	}
	from := len(x.Buf)
	x.Buf = gateway.AppendEncoded(x.Buf, value)
	x.MappedQuery = append(x.MappedQuery, wire.Field{Name: name, Value: wire.String(x.Buf[from:])})
}

var _ gateway.Prompt = (*IntegrationRequest)(nil)

// Prompt implements gateway.Prompt.
func (*IntegrationRequest) Prompt() {}
