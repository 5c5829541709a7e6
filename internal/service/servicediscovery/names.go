package servicediscovery

import (
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"

	"gatehouse/internal/discovery"
)

// A names is the domains of namespaces and services, in small letters with a dot at
// their end.
type names struct {
	zones    map[string]viewKey // namespaces
	services map[string]viewKey // with records
	between  map[string]bool    // those that others end in, without being one
}

// newNames makes the names of v.
func newNames(v *view) *names {
	n := &names{zones: map[string]viewKey{}, services: map[string]viewKey{}, between: map[string]bool{}}
	for k, ns := range v.namespaces {
		if ns.zone {
			n.zones[dns.CanonicalName(ns.name)] = k
		}
	}
	for k, s := range v.services {
		ns := v.namespaces[viewKey{k.scope, s.namespace}]
		if !ns.zone || s.records == nil {
			continue
		}
		zone := dns.CanonicalName(ns.name)
		name := dns.CanonicalName(s.name + "." + zone)
		n.services[name] = k
		for parent := parentOf(name); parent != zone && parent != ""; parent = parentOf(parent) {
			n.between[parent] = true
		}
	}
	return n
}

// Zones are how many namespaces of DNS there are.
func (f *Follower) Zones() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(newNames(&f.view).zones)
}

// parentOf is a name without its first label; empty: there is no more.
func parentOf(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return ""
	}
	return name[next:]
}

// An asked is what is known of a name that a question is about.
type asked struct {
	zone     string // empty: it is none of ours
	soa      uint32
	there    bool // there is something of this name, of whatever type
	service  string
	is       serviceView          // of the service of this name
	chosen   []discovery.Instance // of the service of this name, as its policy says
	instance *discovery.Instance  // the name is that of an instance with SRV records
}

// ask finds what there is of a name.
func (f *Follower) ask(name string) (a asked) {
	lower := dns.CanonicalName(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names == nil {
		f.names = newNames(&f.view)
	}
	for at := lower; at != "" && a.zone == ""; at = parentOf(at) {
		if k, ok := f.names.zones[at]; ok {
			a.zone, a.soa = at, f.view.namespaces[k].soa
		}
	}
	if a.zone == "" {
		return a
	}
	if k, ok := f.names.services[lower]; ok {
		a.there, a.service, a.is = true, lower, f.view.services[k]
		a.chosen = choose(f.readyLocked(k), str(a.is.records.RoutingPolicy))
		return a
	}
	a.there = lower == a.zone || f.names.between[lower]
	for at := parentOf(lower); at != "" && at != a.zone; at = parentOf(at) {
		k, ok := f.names.services[at]
		if !ok {
			continue
		}
		id := lower[:len(lower)-len(at)-1]
		if i := f.view.instance(k, id); i != nil && str(f.view.services[k].records.DnsRecords[0].Type) == "SRV" {
			a.there, a.service, a.is, a.instance = true, at, f.view.services[k], i
		}
		break
	}
	return a
}

// instance finds an instance by its id, whatever its case.
func (v *view) instance(k viewKey, id string) *discovery.Instance {
	if i, ok := v.instances[k][id]; ok {
		return &i
	}
	for have, i := range v.instances[k] {
		if strings.EqualFold(have, id) {
			return &i
		}
	}
	return nil
}

// readyLocked are the instances that an answer may have: those that are healthy, or
// if none is, all.
//
// AWS: services-route53, "If no instances are healthy, Route 53 responds to DNS
// queries as if all the instances were healthy".
func (f *Follower) readyLocked(k viewKey) []discovery.Instance {
	if list, ok := f.ready[k]; ok {
		return list
	}
	var well, all []discovery.Instance
	for _, i := range f.view.instances[k] {
		if i.Draining {
			continue
		}
		all = append(all, i)
		if !f.view.services[k].checked || i.Health != unhealthy {
			well = append(well, i)
		}
	}
	if len(well) == 0 {
		well = all
	}
	f.ready[k] = well
	return well
}

// mostAnswers is how many instances an answer has at most.
//
// AWS: DnsConfig, "returns the applicable value for up to eight instances".
const mostAnswers = 8

// choose takes instances for one answer at random.
func choose(list []discovery.Instance, policy string) []discovery.Instance {
	n := min(mostAnswers, len(list))
	if policy == weighted {
		n = min(1, len(list))
	}
	chosen := make([]discovery.Instance, 0, n)
	taken := map[int]bool{}
	for at := len(list) - n; at < len(list); at++ { // Floyd's way to take n of many
		i := rand.IntN(at + 1)
		if taken[i] {
			i = at
		}
		taken[i] = true
		chosen = append(chosen, list[i])
	}
	return chosen
}
