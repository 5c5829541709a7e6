package gateway

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/clientcert"
)

// A Table is everything that is served, compiled, as of one revision. It is
// made whole, never changed, and replaced whole; what did not change is shared
// with the table before.
type Table struct {
	revision  int64
	apis      map[string]*API
	hosts     map[string]*Host
	wildcards map[string]*Host // by what follows "*."
	private   map[string][]*Host
}

// An API is what one API id leads to.
type API struct {
	ID     string
	Stages map[string]*Stage
	// Disabled: the API is reached by its custom domains only
	// (disableExecuteApiEndpoint).
	Disabled bool
	// HTTP: it is an HTTP API. Its stage $default, if it has one, serves what
	// names no stage; Stages has it too.
	HTTP    bool
	Default *Stage
	// Socket: it is a WebSocket API.
	Socket bool
}

// A Host is a custom domain: a name, or *.name for one label more.
type Host struct {
	Name     string
	Rules    []Rule // tried in this order, before the mappings
	Mappings []Mapping
	// Certificate is what TLS shows for the name; nil: what the listener has.
	Certificate *tls.Certificate
	// Clients is the trust store that clients of the name must show a
	// certificate of; nil: they need none.
	Clients *clientcert.Store
	// Private: it is a private custom domain; nil: a public one.
	Private *PrivateHost
	// prefixes: keys are compared as text and not by segments.
	prefixes bool
}

// A Mapping leads the paths below a base path to a stage.
type Mapping struct {
	BasePath string // without slashes around it; empty: all paths
	API      *API
	// Stage serves the requests; nil: the segment after the base path names it.
	Stage *Stage
}

// NewTable makes a table of the APIs and custom domains given, none of which
// may be changed afterwards. The mappings of hosts are sorted.
func NewTable(revision int64, apis []*API, hosts []*Host) (*Table, error) {
	t := &Table{
		revision:  revision,
		apis:      make(map[string]*API, len(apis)),
		hosts:     make(map[string]*Host, len(hosts)),
		wildcards: make(map[string]*Host),
		private:   make(map[string][]*Host),
	}
	for _, a := range apis {
		if t.apis[a.ID] != nil {
			return nil, fmt.Errorf("api %s: given twice", a.ID)
		}
		t.apis[a.ID] = a
	}
	for _, h := range hosts {
		byName, name := t.hosts, strings.ToLower(h.Name)
		if h.Private != nil {
			t.private[name] = append(t.private[name], sortedHost(h))
			continue
		}
		if rest, ok := strings.CutPrefix(name, "*."); ok {
			byName, name = t.wildcards, rest
		}
		if byName[name] != nil {
			return nil, fmt.Errorf("host %s: given twice", h.Name)
		}
		byName[name] = sortedHost(h)
	}
	return t, nil
}

// sortedHost returns h with the longest base path first.
//
// AWS: custom-domains.md §2.1: a domain with at least one key of several
// segments compares characters, one without compares segments.
func sortedHost(h *Host) *Host {
	c := &Host{Name: h.Name, Rules: h.Rules, Mappings: slices.Clone(h.Mappings), Certificate: h.Certificate, Clients: h.Clients, Private: h.Private}
	for i := range c.Mappings {
		if c.Mappings[i].BasePath == "(none)" {
			c.Mappings[i].BasePath = ""
		}
		c.prefixes = c.prefixes || strings.Contains(c.Mappings[i].BasePath, "/")
	}
	slices.SortStableFunc(c.Mappings, func(a, b Mapping) int { return len(b.BasePath) - len(a.BasePath) })
	return c
}

// Domain returns the custom domain that a client of TLS asks for, or nil.
func (t *Table) Domain(serverName string) *Host {
	name, ok := lowerHost(nil, serverName)
	if !ok {
		return nil
	}
	h := t.hosts[string(name)]
	if dot := indexByte(name, '.'); h == nil && dot >= 0 {
		h = t.wildcards[string(name[dot+1:])]
	}
	if h == nil {
		return t.privateDomain(name)
	}
	return h
}

// privateDomain returns the private custom domain of a name that has a
// certificate. Which of several is meant is not known yet: the oldest.
func (t *Table) privateDomain(name []byte) *Host {
	for _, h := range t.private[string(name)] {
		if h.Certificate != nil {
			return h
		}
	}
	return nil
}

// Revision returns the revision of the store that t was compiled from.
func (t *Table) Revision() int64 { return t.revision }

// API returns the API of an id, or nil.
func (t *Table) API(id string) *API { return t.apis[id] }

// APIs returns how many APIs t serves.
func (t *Table) APIs() int { return len(t.apis) }
