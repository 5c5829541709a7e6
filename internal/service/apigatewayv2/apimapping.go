package apigatewayv2

import (
	"context"
	"regexp"
	"slices"
	"strings"

	rest "gatehouse/internal/awsapi/apigateway"
	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// API mappings are the base path mappings of the custom domains, which the
// service of REST APIs keeps, by another name: with an id, several segments, and
// HTTP APIs.

// noKey is how the empty key is stored.
const noKey = "(none)"

// AWS: custom-domains.md §2.1.
var mappingKey = regexp.MustCompile(`^[A-Za-z0-9$\-_.+!*'()]+(/[A-Za-z0-9$\-_.+!*'()]+)*$`)

func errDomain() error { return api.NotFoundException("Invalid domain name identifier specified") }

func errMapping(id *string) error { return errUnknown("ApiMapping", str(id)) }

// shownMapping is a mapping as version 2 shows it. One of version 1 has no id of
// its own: it is known by its key.
func shownMapping(m *record.BasePathMapping) api.ApiMapping {
	out := api.ApiMapping{ApiId: m.RestApiId, ApiMappingId: new(mappingID(m)), ApiMappingKey: m.BasePath, Stage: m.Stage}
	if str(m.BasePath) == noKey {
		out.ApiMappingKey = new("")
	}
	return out
}

func mappingID(m *record.BasePathMapping) string {
	if m.MappingID != "" {
		return m.MappingID
	}
	return strings.Trim(str(m.BasePath), "()")
}

// domainKey is what a public domain name is kept under: version 2 has no
// mappings of private ones.
func domainKey(name *string) string {
	if record.IsPrivateDomain(str(name)) {
		return "+" // nothing's
	}
	return record.DomainKey(str(name), "")
}

// CreateApiMapping lets a domain name serve a stage below a path.
func (s *Service) CreateApiMapping(ctx context.Context, in *api.CreateApiMappingInput) (*api.CreateApiMappingResponse, error) {
	t := s.tables(ctx)
	name := domainKey(in.DomainName)
	m := record.BasePathMapping{Scope: t.Scope, DomainName: name, MappingID: record.NewID(shortIDLen),
		BasePathMapping: rest.BasePathMapping{RestApiId: in.ApiId, Stage: in.Stage}}
	err := answer(store.Update(ctx, s.st, func(c *store.Change) error {
		dom, rev, err := t.DomainNames.Find(ctx, errDomain(), name)
		if err != nil {
			return err
		}
		if err := checkMappable(ctx, t, &dom, str(in.ApiId)); err != nil {
			return err
		}
		rows, err := t.BasePathMappings.All(ctx, name)
		if err != nil {
			return err
		}
		if len(rows) >= s.limits.Mappings {
			return errLimit("API mappings of a domain name")
		}
		if err := checkKinds(ctx, t, rows, &m, ""); err != nil {
			return err
		}
		c.Require(t.DomainNames.Is(store.ID(name), rev))
		store.Add(c, t.DomainNames, store.ID(name), dom) // so that who maps another API meanwhile notices
		return putMapping(ctx, c, t, &m, str(in.ApiMappingKey))
	}))
	return new(api.CreateApiMappingResponse(shownMapping(&m))), err
}

// checkMappable refuses mappings that the routing mode of the domain excludes.
//
// AWS: custom-domains.md §2, §2.2; undocumented texts.
func checkMappable(ctx context.Context, t record.Tables, dom *record.DomainName, id string) error {
	switch str(dom.RoutingMode) {
	case rest.RoutingModeRoutingRuleOnly:
		return bad("API mappings cannot be created for a domain name whose routing mode is ROUTING_RULE_ONLY")
	case rest.RoutingModeRoutingRuleThenBasePathMapping:
		_, rev, err := t.APIs.Find(ctx, nil, id)
		if err == nil && rev != 0 {
			err = bad("Domain names with routing rules cannot have mappings to HTTP or WebSocket APIs")
		}
		return err
	}
	return nil
}

// checkKinds refuses a mapping that mixes WebSocket APIs with others; id is the one
// it replaces.
//
// AWS: "Map API stages to a custom domain name for WebSocket APIs".
func checkKinds(ctx context.Context, t record.Tables, all []store.Row[record.BasePathMapping], m *record.BasePathMapping, id string) error {
	sockets, known, err := t.ServesSockets(ctx, all, id)
	if err != nil || !known {
		return err
	}
	a, _, err := t.APIs.Find(ctx, nil, str(m.RestApiId))
	if err == nil && isSocket(&a.Api) != sockets {
		err = bad(record.MixedKinds)
	}
	return err
}

// putMapping adds a mapping to c under a key, which must be free, and whose
// target must be there.
func putMapping(ctx context.Context, c *store.Change, t record.Tables, m *record.BasePathMapping, key string) error {
	switch {
	case key == "":
		key = noKey
	case len(key) > 300 || !mappingKey.MatchString(key):
		return bad("API mapping key should not start with a '/' or have consecutive '/'s. It may contain letters, numbers and $-_.+!*'()/")
	}
	if err := requireTarget(ctx, c, t, str(m.RestApiId), str(m.Stage)); err != nil {
		return err
	}
	id := store.ID(m.DomainName, key)
	if _, rev, err := t.BasePathMappings.Find(ctx, nil, m.DomainName, key); err != nil {
		return err
	} else if rev != 0 {
		return api.ConflictException("ApiMapping key already exists for this domain name")
	}
	m.BasePath = &key
	c.Require(t.BasePathMappings.Absent(id))
	store.Add(c, t.BasePathMappings, id, *m)
	return nil
}

// requireTarget demands that an API, of whatever kind, and its stage are there.
func requireTarget(ctx context.Context, c *store.Change, t record.Tables, id, stage string) error {
	noAPI, noStage := bad("Invalid API identifier specified"), bad("Invalid stage identifier specified")
	_, rev, err := t.APIs.Find(ctx, nil, id)
	if err != nil {
		return err
	}
	if rev != 0 {
		c.Require(t.APIs.Is(store.ID(id), rev))
		if _, rev, err = t.APIStages.Find(ctx, noStage, id, stage); err == nil {
			c.Require(t.APIStages.Is(store.ID(id, stage), rev))
		}
		return err
	}
	if _, rev, err = t.RestAPIs.Find(ctx, noAPI, id); err != nil {
		return err
	}
	c.Require(t.RestAPIs.Is(store.ID(id), rev))
	if _, rev, err = t.Stages.Find(ctx, noStage, id, stage); err == nil {
		c.Require(t.Stages.Is(store.ID(id, stage), rev))
	}
	return err
}

// mappings are those of a domain name.
func (s *Service) mappings(ctx context.Context, t record.Tables, domain *string) ([]store.Row[record.BasePathMapping], error) {
	name := domainKey(domain)
	if _, _, err := t.DomainNames.Find(ctx, errDomain(), name); err != nil {
		return nil, err
	}
	return t.BasePathMappings.All(ctx, name)
}

// mapping finds one by its id.
func (s *Service) mapping(ctx context.Context, t record.Tables, domain, id *string) (store.Row[record.BasePathMapping], error) {
	rows, err := s.mappings(ctx, t, domain)
	if err != nil {
		return store.Row[record.BasePathMapping]{}, err
	}
	return byID(rows, id)
}

func byID(rows []store.Row[record.BasePathMapping], id *string) (store.Row[record.BasePathMapping], error) {
	i := slices.IndexFunc(rows, func(r store.Row[record.BasePathMapping]) bool { return mappingID(&r.Value) == str(id) })
	if i < 0 {
		return store.Row[record.BasePathMapping]{}, errMapping(id)
	}
	return rows[i], nil
}

// GetApiMapping returns one mapping.
func (s *Service) GetApiMapping(ctx context.Context, in *api.GetApiMappingInput) (*api.GetApiMappingResponse, error) {
	row, err := s.mapping(ctx, s.tables(ctx), in.DomainName, in.ApiMappingId)
	return new(api.GetApiMappingResponse(shownMapping(&row.Value))), err
}

// GetApiMappings lists the mappings of a domain name.
func (s *Service) GetApiMappings(ctx context.Context, in *api.GetApiMappingsInput) (*api.GetApiMappingsResponse, error) {
	rows, err := s.mappings(ctx, s.tables(ctx), in.DomainName)
	if err != nil {
		return nil, err
	}
	list := make([]api.ApiMapping, len(rows))
	for i := range rows {
		list[i] = shownMapping(&rows[i].Value)
	}
	items, next, err := page(list, func(m *api.ApiMapping) string { return *m.ApiMappingId }, in.NextToken, in.MaxResults)
	return &api.GetApiMappingsResponse{Items: items, NextToken: next}, err
}

// UpdateApiMapping changes a mapping.
func (s *Service) UpdateApiMapping(ctx context.Context, in *api.UpdateApiMappingInput) (*api.UpdateApiMappingResponse, error) {
	t := s.tables(ctx)
	var m record.BasePathMapping
	err := answer(store.Update(ctx, s.st, func(c *store.Change) error {
		rows, err := s.mappings(ctx, t, in.DomainName)
		if err != nil {
			return err
		}
		row, err := byID(rows, in.ApiMappingId)
		if err != nil {
			return err
		}
		name := row.Value.DomainName
		dom, rev, err := t.DomainNames.Find(ctx, errDomain(), name)
		if err == nil {
			err = checkMappable(ctx, t, &dom, str(in.ApiId))
		}
		if err != nil {
			return err
		}
		m = row.Value
		m.MappingID, m.RestApiId = mappingID(&m), in.ApiId
		if err := checkKinds(ctx, t, rows, &m, row.ID); err != nil {
			return err
		}
		c.Require(t.DomainNames.Is(store.ID(name), rev))
		store.Add(c, t.DomainNames, store.ID(name), dom) // as at the creation
		if in.Stage != nil {
			m.Stage = in.Stage
		}
		c.Require(t.BasePathMappings.Is(row.ID, row.Rev))
		key := str(m.BasePath)
		if in.ApiMappingKey != nil && *in.ApiMappingKey != strings.TrimSuffix(key, noKey) {
			c.Do(t.BasePathMappings.Delete(row.ID))
			return putMapping(ctx, c, t, &m, *in.ApiMappingKey)
		}
		if err := requireTarget(ctx, c, t, str(m.RestApiId), str(m.Stage)); err != nil {
			return err
		}
		store.Add(c, t.BasePathMappings, row.ID, m)
		return nil
	}))
	return new(api.UpdateApiMappingResponse(shownMapping(&m))), err
}

// DeleteApiMapping removes a mapping.
func (s *Service) DeleteApiMapping(ctx context.Context, in *api.DeleteApiMappingInput) error {
	t := s.tables(ctx)
	return answer(store.Update(ctx, s.st, func(c *store.Change) error {
		row, err := s.mapping(ctx, t, in.DomainName, in.ApiMappingId)
		if err != nil {
			return err
		}
		c.Require(t.BasePathMappings.Is(row.ID, row.Rev))
		c.Do(t.BasePathMappings.Delete(row.ID))
		return nil
	}))
}

// checkUnmapped refuses to delete what a domain name serves; stage is empty if
// it is all of an API.
func checkUnmapped(ctx context.Context, t record.Tables, id, stage string) error {
	rows, err := t.BasePathMappings.All(ctx)
	if err != nil {
		return err
	}
	for i := range rows {
		if m := &rows[i].Value; str(m.RestApiId) == id && (stage == "" || str(m.Stage) == stage) {
			return bad("Deleting failed. Please remove all API mappings of it first, among them one of the domain name " + m.DomainName)
		}
	}
	return nil
}
