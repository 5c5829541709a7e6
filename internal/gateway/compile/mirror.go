package compile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"gatehouse/internal/gateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A mirror holds the records that the data plane is made of, decoded, as of
// one revision. Definitions are not among them: they are read when a stage is
// compiled.
type mirror struct {
	st     store.Store
	blobs  *store.Blobs
	tables map[record.Scope]record.Tables

	apis        map[apiID]bool
	stages      map[stageID]*record.Stage
	deployments map[deploymentID]*record.Deployment
	plans       map[record.Scope]map[string]*record.UsagePlan
	keys        map[record.Scope]*gateway.Keyring // API keys, and the plans they are in
	domains     map[domainID]*record.DomainName
	mappings    map[domainID]map[string]*record.BasePathMapping // by base path
	rules       map[domainID]map[string]*record.RoutingRule     // by id
	accesses    map[accessID]*record.DomainAccess
	backends    *backends

	// The stages of each API, by name.
	stagesOf map[apiID]map[string]bool

	// unread are the stages whose newest record could not be decoded.
	unread map[stageID]error

	http httpMirror
}

type (
	apiID struct {
		record.Scope
		id string
	}
	deploymentID struct {
		record.Scope
		api, id string
	}
	accessID struct{ region, endpoint, name string }
	domainID struct {
		record.Scope
		name string
	}
)

func newMirror(st store.Store, blobs *store.Blobs) *mirror {
	return &mirror{
		st: st, blobs: blobs,
		tables:      make(map[record.Scope]record.Tables),
		apis:        make(map[apiID]bool),
		stages:      make(map[stageID]*record.Stage),
		deployments: make(map[deploymentID]*record.Deployment),
		plans:       make(map[record.Scope]map[string]*record.UsagePlan),
		keys:        make(map[record.Scope]*gateway.Keyring),
		domains:     make(map[domainID]*record.DomainName),
		mappings:    make(map[domainID]map[string]*record.BasePathMapping),
		rules:       make(map[domainID]map[string]*record.RoutingRule),
		accesses:    make(map[accessID]*record.DomainAccess),
		backends:    newBackends(),
		stagesOf:    make(map[apiID]map[string]bool),
		unread:      make(map[stageID]error),
		http:        newHTTPMirror(),
	}
}

// touched is what a change makes it necessary to compile again.
type touched struct {
	stages  map[stageID]bool      // routes and settings
	callers map[record.Scope]bool // API keys and usage plans
	hosts   bool                  // which stages, APIs and domains there are
	links   map[linkID]bool       // VPC links: what calls through them
}

func newTouched() *touched {
	return &touched{stages: make(map[stageID]bool), callers: make(map[record.Scope]bool), links: make(map[linkID]bool)}
}

func (t *touched) empty() bool {
	return len(t.stages) == 0 && len(t.callers) == 0 && !t.hosts
}

// everything touches all there is.
func (m *mirror) everything() *touched {
	t := newTouched()
	t.hosts = true
	for id := range m.stages {
		t.stages[id] = true
	}
	for id := range m.http.stages {
		t.stages[id] = true
	}
	for id := range m.unread {
		t.stages[id] = true
	}
	for scope := range m.keys {
		t.callers[scope] = true
	}
	for scope := range m.plans {
		t.callers[scope] = true
	}
	return t
}

// apply takes one operation of a commit into the mirror and notes in t what
// depends on it. Keys that are not of records are passed over.
func (m *mirror) apply(op store.Op, rev store.Rev, t *touched) error {
	k, ok := record.ParseKey(op.Key)
	if !ok {
		return nil
	}
	tables := m.tablesOf(k.Scope)
	return m.take(read(k, op, rev, tables), tables, t)
}

// tablesOf returns the tables of a scope.
func (m *mirror) tablesOf(s record.Scope) record.Tables {
	tables, ok := m.tables[s]
	if !ok {
		tables = record.In(m.st, m.blobs, s)
		m.tables[s] = tables
	}
	return tables
}

// A change is one operation on a record, with what can be made of it before it
// is its turn.
type change struct {
	key    record.Key
	kv     store.KV
	gone   bool
	served *record.ServedKey // of an API key that is there
	err    error
}

// read makes the change that an operation is. Several may be made side by side:
// there may be a million keys to decode.
func read(k record.Key, op store.Op, rev store.Rev, tables record.Tables) change {
	ch := change{key: k, kv: store.KV{Key: op.Key, Value: op.Value, Rev: rev}, gone: op.Delete}
	if want := idParts(k.Kind); len(k.ID) != want {
		ch.err = fmt.Errorf("key of a %s: id of %d parts, want %d", k.Kind, len(k.ID), want)
	} else if k.Kind == record.KindAPIKey {
		ch.err = decode(tables.ServedKeys, ch.kv, ch.gone, func(r *record.ServedKey) { ch.served = r })
	}
	return ch
}

// take is apply, of a change that was read.
func (m *mirror) take(ch change, tables record.Tables, t *touched) error {
	if ch.err != nil {
		return ch.err
	}
	k, kv := ch.key, ch.kv
	switch k.Kind {
	case record.KindRestAPI:
		return m.applyAPI(apiID{k.Scope, k.ID[0]}, !ch.gone, t)
	case record.KindStage:
		err := decode(tables.Stages, kv, ch.gone, func(r *record.Stage) { m.applyStage(k, r, t) })
		m.noteUnread(stageID{k.Scope, k.ID[0], k.ID[1]}, err, t)
		return err
	case record.KindDeployment:
		return decode(tables.Deployments, kv, ch.gone, func(r *record.Deployment) { m.applyDeployment(k, r, t) })
	case record.KindUsagePlan:
		t.callers[k.Scope] = true
		return decode(tables.UsagePlans, kv, ch.gone, func(r *record.UsagePlan) { putIn(m.plans, k.Scope, k.ID[0], r) })
	case record.KindUsagePlanKey:
		t.callers[k.Scope] = true
		return m.applyMembership(k, !ch.gone)
	case record.KindAPIKey:
		t.callers[k.Scope] = true
		return m.applyKey(k, ch.served)
	case record.KindDomainName:
		return decode(tables.DomainNames, kv, ch.gone, func(r *record.DomainName) {
			put(m.domains, domainID{k.Scope, k.ID[0]}, r)
			t.hosts = true
		})
	case record.KindBasePathMapping:
		return decode(tables.BasePathMappings, kv, ch.gone, func(r *record.BasePathMapping) {
			putIn(m.mappings, domainID{k.Scope, k.ID[0]}, k.ID[1], r)
			t.hosts = true
		})
	case record.KindRoutingRule:
		return decode(tables.RoutingRules, kv, ch.gone, func(r *record.RoutingRule) {
			putIn(m.rules, domainID{k.Scope, k.ID[0]}, k.ID[1], r)
			t.hosts = true
		})
	case record.KindDomainAccess:
		return decode(record.DomainAccesses(m.st), kv, ch.gone, func(r *record.DomainAccess) {
			put(m.accesses, accessID{k.ID[0], k.ID[1], k.ID[2]}, r)
			t.hosts = true
		})
	case record.KindCertificate:
		return decode(tables.Certificates, kv, ch.gone, func(r *record.Certificate) {
			m.applyCertificate(certificateID{k.Scope, k.ID[0]}, r, t)
		})
	case record.KindVPCLink:
		id := linkID{k.Scope, k.ID[0]}
		t.links[id] = true
		return decode(tables.VPCLinks, kv, ch.gone, func(r *record.VPCLink) { m.backends.putLink(id, r) })
	case record.KindAPIVPCLink:
		id := linkID{k.Scope, k.ID[0]}
		t.links[id] = true
		return decode(tables.APIVPCLinks, kv, ch.gone, func(r *record.APIVPCLink) { m.backends.putHTTPLink(id, r) })
	case record.KindClientCertificate: // one that a stage shows is there before, and never changes
		return decode(tables.ClientCertificates, kv, ch.gone, func(r *record.ClientCertificate) {
			m.backends.putCertificate(certificateID{k.Scope, k.ID[0]}, r)
		})
	case record.KindAPI, record.KindAPIStage, record.KindAPIDeployment:
		return m.applyHTTP(k, kv, ch.gone, t)
	case record.KindAPIKeyValue, record.KindAccount: // only the service needs them
	}
	return nil
}

// applyCertificate takes over a certificate of ACM, which domains show to clients
// and stages to backends.
func (m *mirror) applyCertificate(id certificateID, r *record.Certificate, t *touched) {
	m.backends.putACM(id, r)
	t.hosts = true
	if r == nil {
		return // nothing shows it any more
	}
	arn := r.ARN()
	for stage, rec := range m.stages {
		if str(rec.ClientCertificateId) == arn {
			t.stages[stage] = true
		}
	}
}

// applyKey takes an API key over. The service reserves values, so that two keys
// have the same in a damaged store only: then the one read first has it.
func (m *mirror) applyKey(k record.Key, r *record.ServedKey) error {
	ring := m.ring(k.Scope)
	if r != nil {
		return ring.Put(k.ID[0], str(r.Value), isTrue(r.Enabled))
	}
	if ring.Remove(k.ID[0]); ring.Empty() {
		delete(m.keys, k.Scope)
	}
	return nil
}

// applyMembership takes over that a key is in a plan, or no more.
func (m *mirror) applyMembership(k record.Key, in bool) error {
	ring := m.ring(k.Scope)
	if in {
		return ring.Join(k.ID[0], k.ID[1])
	}
	err := ring.Leave(k.ID[0], k.ID[1])
	if ring.Empty() {
		delete(m.keys, k.Scope)
	}
	return err
}

// ring returns the keys of a scope.
func (m *mirror) ring(s record.Scope) *gateway.Keyring {
	ring := m.keys[s]
	if ring == nil {
		ring = gateway.NewKeyring()
		m.keys[s] = ring
	}
	return ring
}

// idParts is what the id of a record consists of.
func idParts(k record.Kind) int {
	switch k {
	case record.KindDeployment, record.KindStage, record.KindUsagePlanKey, record.KindBasePathMapping, record.KindAPIStage, record.KindAPIDeployment, record.KindRoutingRule:
		return 2
	case record.KindDomainAccess:
		return 3
	}
	return 1
}

// noteUnread notes whether the newest record of a stage can be read.
func (m *mirror) noteUnread(id stageID, err error, t *touched) {
	if err == nil {
		delete(m.unread, id)
		return
	}
	m.unread[id] = err
	t.stages[id] = true
}

// decode decodes a record and hands it on; nil stands for one that is gone.
func decode[T any](table store.Table[T], kv store.KV, gone bool, do func(*T)) error {
	if gone {
		do(nil)
		return nil
	}
	row, err := table.Decode(kv)
	if err != nil {
		return err
	}
	do(&row.Value)
	return nil
}

func (m *mirror) applyAPI(id apiID, exists bool, t *touched) error {
	if m.apis[id] == exists {
		return nil // its definition is served through deployments only
	}
	if exists {
		m.apis[id] = true
	} else {
		delete(m.apis, id)
	}
	t.hosts = true
	for name := range m.stagesOf[id] {
		t.stages[stageID{id.Scope, id.id, name}] = true
	}
	return nil
}

func (m *mirror) applyStage(k record.Key, r *record.Stage, t *touched) {
	id := stageID{k.Scope, k.ID[0], k.ID[1]}
	put(m.stages, id, r)
	if r == nil {
		remove(m.stagesOf, apiID{k.Scope, k.ID[0]}, id.name)
	} else {
		add(m.stagesOf, apiID{k.Scope, k.ID[0]}, id.name)
	}
	t.stages[id], t.hosts = true, true
}

func (m *mirror) applyDeployment(k record.Key, r *record.Deployment, t *touched) {
	id := deploymentID{k.Scope, k.ID[0], k.ID[1]}
	old := m.deployments[id]
	put(m.deployments, id, r)
	if old != nil && r != nil && old.Definition == r.Definition {
		return // a description: nothing that is served
	}
	for name := range m.stagesOf[apiID{k.Scope, id.api}] {
		stage := stageID{k.Scope, id.api, name}
		if uses(m.stages[stage], id.id) {
			t.stages[stage] = true
		}
	}
}

// serves tells whether there is a stage to be served. One without its API is
// what a deletion under way has left.
func (m *mirror) serves(id stageID) bool {
	api := apiID{id.Scope, id.api}
	return m.stages[id] != nil && m.apis[api] || m.http.stages[id] != nil && m.http.apis[api]
}

// uses tells whether a stage serves a deployment, also as its canary.
func uses(s *record.Stage, deployment string) bool {
	return str(s.DeploymentId) == deployment || s.CanarySettings != nil && str(s.CanarySettings.DeploymentId) == deployment
}

// put stores a record under its id, or forgets it if r is nil.
func put[K comparable, T any](all map[K]*T, id K, r *T) {
	if r == nil {
		delete(all, id)
		return
	}
	all[id] = r
}

// putIn is put for a map of maps.
func putIn[K, L comparable, T any](all map[K]map[L]*T, outer K, inner L, r *T) {
	if r == nil {
		remove(all, outer, inner)
		return
	}
	if all[outer] == nil {
		all[outer] = make(map[L]*T)
	}
	all[outer][inner] = r
}

// add puts v into the set of k.
func add[K, V comparable](sets map[K]map[V]bool, k K, v V) {
	if sets[k] == nil {
		sets[k] = make(map[V]bool)
	}
	sets[k][v] = true
}

// remove takes v out of the map of k, and forgets an empty one.
func remove[K, L comparable, T any](all map[K]map[L]T, outer K, inner L) {
	delete(all[outer], inner)
	if len(all[outer]) == 0 {
		delete(all, outer)
	}
}

// str is what p points to, or "".
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// sortedDomains lists the domain names in a fixed order, the oldest first of
// those with the same name.
func (m *mirror) sortedDomains() []domainID {
	ids := slices.Collect(maps.Keys(m.domains))
	slices.SortFunc(ids, func(a, b domainID) int {
		return cmp.Or(cmp.Compare(a.name, b.name), m.domains[a].Created.Compare(m.domains[b].Created),
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	return ids
}
