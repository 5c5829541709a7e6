package compile

import (
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A mirror holds the records that the data plane is made of, decoded, as of
// one revision. Definitions are not among them: they are read when a stage is
// compiled.
type mirror struct {
	st    store.Store
	blobs *store.Blobs

	apis        map[apiID]bool
	stages      map[stageID]*record.Stage
	deployments map[deploymentID]*record.Deployment
	accounts    map[record.Scope]*record.Account
	plans       map[planID]*record.UsagePlan
	members     map[planID]map[string]bool // key ids
	apiKeys     map[keyID]*record.APIKey
	domains     map[string]*record.DomainName // names are unique everywhere
	mappings    map[string]map[string]*record.BasePathMapping

	// Who uses what, so that a change touches only what depends on it.
	stagesOf map[apiID]map[string]bool
	plansFor map[stageID]map[planID]bool
	plansOf  map[keyID]map[planID]bool
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
	planID struct {
		record.Scope
		id string
	}
	keyID struct {
		record.Scope
		id string
	}
)

func newMirror(st store.Store, blobs *store.Blobs) *mirror {
	return &mirror{
		st: st, blobs: blobs,
		apis:        make(map[apiID]bool),
		stages:      make(map[stageID]*record.Stage),
		deployments: make(map[deploymentID]*record.Deployment),
		accounts:    make(map[record.Scope]*record.Account),
		plans:       make(map[planID]*record.UsagePlan),
		members:     make(map[planID]map[string]bool),
		apiKeys:     make(map[keyID]*record.APIKey),
		domains:     make(map[string]*record.DomainName),
		mappings:    make(map[string]map[string]*record.BasePathMapping),
		stagesOf:    make(map[apiID]map[string]bool),
		plansFor:    make(map[stageID]map[planID]bool),
		plansOf:     make(map[keyID]map[planID]bool),
	}
}

// touched is what a change makes it necessary to compile again.
type touched struct {
	stages   map[stageID]bool // routes and settings
	keys     map[stageID]bool // who may call: API keys and usage plans
	accounts map[record.Scope]bool
	hosts    bool
}

func newTouched() *touched {
	return &touched{stages: make(map[stageID]bool), keys: make(map[stageID]bool), accounts: make(map[record.Scope]bool)}
}

func (t *touched) empty() bool {
	return len(t.stages) == 0 && len(t.keys) == 0 && len(t.accounts) == 0 && !t.hosts
}

// everything touches all there is.
func (m *mirror) everything() *touched {
	t := newTouched()
	t.hosts = true
	for id := range m.stages {
		t.stages[id], t.keys[id] = true, true
	}
	for scope := range m.accounts {
		t.accounts[scope] = true
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
	kv := store.KV{Key: op.Key, Value: op.Value, Rev: rev}
	tables := record.In(m.st, m.blobs, k.Scope)
	switch k.Kind {
	case record.KindRestAPI:
		return m.applyAPI(apiID{k.Scope, k.ID[0]}, !op.Delete, t)
	case record.KindStage:
		return change(tables.Stages, kv, op.Delete, func(r *record.Stage) { m.applyStage(k, r, t) })
	case record.KindDeployment:
		return change(tables.Deployments, kv, op.Delete, func(r *record.Deployment) { m.applyDeployment(k, r, t) })
	case record.KindAccount:
		return change(tables.Accounts, kv, op.Delete, func(r *record.Account) {
			put(m.accounts, k.Scope, r)
			t.accounts[k.Scope] = true
		})
	case record.KindUsagePlan:
		return change(tables.UsagePlans, kv, op.Delete, func(r *record.UsagePlan) { m.applyPlan(planID{k.Scope, k.ID[0]}, r, t) })
	case record.KindUsagePlanKey:
		return m.applyMember(planID{k.Scope, k.ID[0]}, keyID{k.Scope, k.ID[1]}, !op.Delete, t)
	case record.KindAPIKey:
		return change(tables.APIKeys, kv, op.Delete, func(r *record.APIKey) {
			id := keyID{k.Scope, k.ID[0]}
			put(m.apiKeys, id, r)
			for plan := range m.plansOf[id] {
				m.touchPlan(plan, t)
			}
		})
	case record.KindDomainName:
		return change(tables.DomainNames, kv, op.Delete, func(r *record.DomainName) {
			put(m.domains, k.ID[0], r)
			t.hosts = true
		})
	case record.KindBasePathMapping:
		return change(tables.BasePathMappings, kv, op.Delete, func(r *record.BasePathMapping) {
			putIn(m.mappings, k.ID[0], k.ID[1], r)
			t.hosts = true
		})
	case record.KindAPIKeyValue: // only the service needs it
	}
	return nil
}

// change decodes a record and hands it on; nil stands for one that is gone.
func change[T any](table store.Table[T], kv store.KV, gone bool, do func(*T)) error {
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

// uses tells whether a stage serves a deployment, also as its canary.
func uses(s *record.Stage, deployment string) bool {
	return str(s.DeploymentId) == deployment || s.CanarySettings != nil && str(s.CanarySettings.DeploymentId) == deployment
}

func (m *mirror) applyPlan(id planID, r *record.UsagePlan, t *touched) {
	m.touchPlan(id, t)
	if old := m.plans[id]; old != nil {
		for _, s := range old.ApiStages {
			remove(m.plansFor, stageID{id.Scope, str(s.ApiId), str(s.Stage)}, id)
		}
	}
	put(m.plans, id, r)
	if r == nil {
		return
	}
	for _, s := range r.ApiStages {
		add(m.plansFor, stageID{id.Scope, str(s.ApiId), str(s.Stage)}, id)
	}
	m.touchPlan(id, t)
}

func (m *mirror) applyMember(plan planID, key keyID, exists bool, t *touched) error {
	if exists {
		add(m.members, plan, key.id)
		add(m.plansOf, key, plan)
	} else {
		remove(m.members, plan, key.id)
		remove(m.plansOf, key, plan)
	}
	m.touchPlan(plan, t)
	return nil
}

// touchPlan touches the callers of every stage of a plan.
func (m *mirror) touchPlan(id planID, t *touched) {
	plan := m.plans[id]
	if plan == nil {
		return
	}
	for _, s := range plan.ApiStages {
		t.keys[stageID{id.Scope, str(s.ApiId), str(s.Stage)}] = true
	}
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
