package compile

import (
	"cmp"
	"crypto/tls"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/clientcert"
	"gatehouse/internal/gateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/upstream"
)

// table puts together what is served as of a revision: the compiled stages,
// each with the callers of its account, and the custom domains.
func (c *Compiler) table(rev store.Rev) (*gateway.Table, error) {
	apis := make(map[apiID]*gateway.API, len(c.stages))
	deployed := make(map[apiID]time.Time, len(c.stages))
	for id, b := range c.stages {
		key := apiID{id.Scope, id.api}
		a := apis[key]
		if a == nil {
			a = &gateway.API{ID: id.api, Stages: make(map[string]*gateway.Stage)}
			apis[key] = a
		}
		a.Stages[id.name] = c.withCallers(id, b)
		a.HTTP, a.Socket = b.http, b.socket
		if b.http && id.name == "$default" {
			a.Default = a.Stages[id.name]
		}
		// AWS: rest-execution.md §16: the setting is the API's and acts once the
		// API is deployed anew, to whatever stage. So the newest deployment that
		// a stage shows decides. (A change of a stage, which acts too, does not.)
		if !b.deployed.Before(deployed[key]) {
			a.Disabled = b.disabled || a.Disabled && b.deployed.Equal(deployed[key])
			deployed[key] = b.deployed
		}
	}
	hosts := c.hosts(apis)
	list := make([]*gateway.API, 0, len(apis))
	seen := make(map[string]bool, len(apis))
	for _, id := range slices.SortedFunc(maps.Keys(apis), compareAPIs) {
		if seen[id.id] {
			c.opt.Log.Error("two accounts or Regions have the same API id, one is not served", "api", id.id, "account", id.Account, "region", id.Region)
			continue
		}
		seen[id.id] = true
		list = append(list, apis[id])
	}
	return gateway.NewTable(int64(rev), list, hosts)
}

func compareAPIs(a, b apiID) int {
	return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
}

// withCallers returns a compiled stage that knows its callers; it shares the
// router. As long as neither changes it is the same stage.
func (c *Compiler) withCallers(id stageID, b *built) *gateway.Stage {
	cs := c.callers[id.Scope]
	if b.served != nil && b.callers == cs {
		return b.served
	}
	b.served, b.callers = b.stage, cs
	if cs == nil {
		return b.stage
	}
	own := *b.stage
	own.Keys, own.UsagePlans = cs.keys, cs.plans[id]
	if canary := b.stage.Canary; canary != nil {
		other := *canary.Stage
		other.Keys, other.UsagePlans = own.Keys, own.UsagePlans
		own.Canary = &gateway.Canary{Percent: canary.Percent, Stage: &other}
	}
	b.served = &own
	return b.served
}

// hosts makes the custom domains. A mapping to a stage that is not served
// stays: its requests are forbidden, not given to a shorter base path.
func (c *Compiler) hosts(apis map[apiID]*gateway.API) []*gateway.Host {
	var hosts []*gateway.Host
	names, associated := make(map[string]bool), c.mirror.associated()
	for _, id := range c.mirror.sortedDomains() {
		name := strings.ToLower(id.name)
		// AWS: DNS decides to which Region a name leads. Here nobody asks it, so
		// the one that had the name first has all its requests.
		if names[name] {
			continue
		}
		names[name] = true
		h := &gateway.Host{Name: record.DomainOfKey(id.name), Certificate: c.domainCertificate(id), Clients: c.domainClients(id), Private: c.privateHost(id, associated[id])}
		if h.Rules = c.rules(id, apis); !c.mirror.mapped(id) {
			hosts = append(hosts, h)
			continue
		}
		for path, rec := range c.mirror.mappings[id] {
			h.Mappings = append(h.Mappings, mapping(path, rec, apis[apiID{id.Scope, str(rec.RestApiId)}]))
		}
		slices.SortFunc(h.Mappings, func(a, b gateway.Mapping) int { return cmp.Compare(a.BasePath, b.BasePath) })
		hosts = append(hosts, h)
	}
	maps.DeleteFunc(c.certificates, func(id domainID, _ domainCertificate) bool { return c.mirror.domains[id] == nil })
	maps.DeleteFunc(c.truststores, func(id domainID, _ domainClients) bool { return c.mirror.domains[id] == nil })
	maps.DeleteFunc(c.domainPolicies, func(id domainID, _ domainPolicy) bool { return c.mirror.domains[id] == nil })
	return hosts
}

// A domainCertificate is a certificate, and the record that it was made of: the
// domain's, or one of ACM.
type domainCertificate struct {
	of   any
	cert *tls.Certificate
}

// domainCertificate returns the certificate of a domain, or nil. It is made
// once for each record.
func (c *Compiler) domainCertificate(id domainID) *tls.Certificate {
	rec := c.mirror.domains[id]
	var of any = rec
	read := func() (tls.Certificate, error) {
		return tls.X509KeyPair([]byte(rec.Certificate), []byte(rec.Key.Reveal()))
	}
	if arn := rec.CertificateARN(); arn != "" {
		own := c.mirror.backends.acmCertificate(arn)
		if own == nil { // it cannot be removed while it is named
			c.opt.Log.Error("certificate is not there, the listener's is shown", "domain", id.name, "certificate", arn)
			return nil
		}
		of, read = own, own.Pair
	} else if rec.Certificate == "" {
		delete(c.certificates, id)
		return nil
	}
	if made := c.certificates[id]; made.of == of {
		return made.cert
	}
	pair, err := read()
	if err != nil {
		// It was checked before it was stored, so this cannot be.
		c.opt.Log.Error("certificate not understood, the listener's is shown", "domain", id.name, "error", err)
		return nil
	}
	c.certificates[id] = domainCertificate{of, &pair}
	return &pair
}

// A domainClients is a trust store, and the record that it was made of.
type domainClients struct {
	of    *record.DomainName
	store *clientcert.Store
}

// domainClients returns the trust store of a domain; nil: it has none. It is
// made once for each record.
func (c *Compiler) domainClients(id domainID) *clientcert.Store {
	rec := c.mirror.domains[id]
	if rec.MutualTlsAuthentication == nil {
		delete(c.truststores, id)
		return nil
	}
	if made := c.truststores[id]; made.of == rec {
		return made.store
	}
	st, _, err := clientcert.ParseStore([]byte(rec.Truststore))
	if err != nil { // it was checked before it was stored; since then all of it may have expired
		c.opt.Log.Error("trust store of no use, nobody is let in", "domain", id.name, "error", err)
		st = clientcert.Nobody()
	}
	if c.opt.ClientOCSP {
		st.AskResponders()
	}
	c.truststores[id] = domainClients{rec, st}
	return st
}

// mapping makes the mapping of a base path to a stage of a, or to nothing if
// there is no such stage.
func mapping(path string, rec *record.BasePathMapping, a *gateway.API) gateway.Mapping {
	m := gateway.Mapping{BasePath: path, API: a}
	name := str(rec.Stage)
	if a != nil && name != "" {
		m.Stage = a.Stages[name]
	}
	if a == nil || name != "" && m.Stage == nil {
		m.API = &gateway.API{ID: str(rec.RestApiId)} // without stages
	}
	return m
}

// clustersInUse are the backends that some stage may call.
func (c *Compiler) clustersInUse() map[upstream.Key]bool {
	all := make(map[upstream.Key]bool)
	for _, b := range c.stages {
		for k := range b.clusters {
			all[k] = true
		}
	}
	return all
}
