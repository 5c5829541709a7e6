package apigateway

import (
	"context"
	"regexp"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// noBasePath is how the empty base path is written.
const noBasePath = "(none)"

func errBasePath() error {
	return api.NotFoundException("Invalid base path mapping identifier specified")
}

// AWS: allowed characters from "Use API mappings to connect API stages".
var basePathForm = regexp.MustCompile(`^[A-Za-z0-9$\-_.+!*'()]{1,300}$`)

// basePath is a base path as it is kept: never empty.
func basePath(p string) (string, error) {
	switch {
	case p == "" || p == noBasePath:
		return noBasePath, nil
	case strings.Contains(p, "/"):
		return "", api.BadRequestException("API Gateway V1 doesn't support the slash character (/) in base path mappings. " +
			"To create a multi-level base path mapping, use API Gateway V2.")
	case !basePathForm.MatchString(p):
		return "", api.BadRequestException("Invalid base path specified: " + p) // AWS: undocumented text
	}
	return p, nil
}

// CreateBasePathMapping lets a domain name serve a stage below a path.
func (s *Service) CreateBasePathMapping(ctx context.Context, in *api.CreateBasePathMappingInput) (*api.BasePathMapping, error) {
	t := s.tables(ctx)
	name := record.DomainKey(str(in.DomainName), str(in.DomainNameId))
	path, err := basePath(str(in.BasePath))
	if err != nil {
		return nil, err
	}
	m := record.BasePathMapping{Scope: t.Scope, DomainName: name, BasePathMapping: api.BasePathMapping{
		BasePath: new(path), RestApiId: in.RestApiId, Stage: text(in.Stage)}}
	err = s.commit(ctx, func(c *store.Change) error {
		dom, err := domainOfREST(ctx, c, t, name, path)
		if err != nil {
			return err
		}
		if str(dom.RoutingMode) == api.RoutingModeRoutingRuleOnly { // AWS: custom-domains.md §2; undocumented text
			return api.BadRequestException("Base path mappings cannot be created for a domain name whose routing mode is ROUTING_RULE_ONLY")
		}
		if err := checkCount(ctx, s.st, t.BasePathMappings, s.opt.Limits.MappingsPerDomain, errLimit("Base Path Mappings"), name); err != nil {
			return err
		}
		return s.putMapping(ctx, c, t, &m)
	})
	if err != nil {
		return nil, err
	}
	return &m.BasePathMapping, nil
}

// domainOfREST returns the domain name by which a REST API is to be mapped at a path,
// and refuses one that serves WebSocket APIs at others. It is written by c, so that who
// maps another API meanwhile notices.
func domainOfREST(ctx context.Context, c *store.Change, t record.Tables, name, path string) (record.DomainName, error) {
	dom, rev, err := t.DomainNames.Find(ctx, errDomain(), name)
	if err != nil {
		return dom, err
	}
	rows, err := t.BasePathMappings.All(ctx, name)
	if err != nil {
		return dom, err
	}
	sockets, _, err := t.ServesSockets(ctx, rows, store.ID(name, path))
	if err != nil {
		return dom, err
	}
	if sockets {
		return dom, api.BadRequestException(record.MixedKinds)
	}
	c.Require(t.DomainNames.Is(store.ID(name), rev))
	store.Add(c, t.DomainNames, store.ID(name), dom)
	return dom, nil
}

// putMapping adds a mapping to c whose path must be free and whose target must
// be there.
func (s *Service) putMapping(ctx context.Context, c *store.Change, t record.Tables, m *record.BasePathMapping) error {
	if err := requireTarget(ctx, c, t, m); err != nil {
		return err
	}
	id := store.ID(m.DomainName, *m.BasePath)
	if _, rev, err := t.BasePathMappings.Find(ctx, nil, m.DomainName, *m.BasePath); err != nil || rev != 0 {
		if err == nil {
			err = api.ConflictException("Base path already exists for this domain name")
		}
		return err
	}
	c.Require(t.BasePathMappings.Absent(id))
	store.Add(c, t.BasePathMappings, id, *m)
	return nil
}

// requireTarget demands that the API and stage of a mapping are there.
func requireTarget(ctx context.Context, c *store.Change, t record.Tables, m *record.BasePathMapping) error {
	restAPI := str(m.RestApiId)
	target, rev, err := t.RestAPIs.Find(ctx, api.BadRequestException("Invalid REST API identifier specified"), restAPI)
	if err != nil {
		return err
	}
	if err := checkPrivacy(m.DomainName, &target); err != nil {
		return err
	}
	c.Require(t.RestAPIs.Is(store.ID(restAPI), rev))
	if m.Stage == nil {
		return nil
	}
	_, rev, err = t.Stages.Find(ctx, api.BadRequestException("Invalid stage identifier specified"), restAPI, *m.Stage)
	if err == nil {
		c.Require(t.Stages.Is(store.ID(restAPI, *m.Stage), rev))
	}
	return err
}

// GetBasePathMapping returns one mapping.
func (s *Service) GetBasePathMapping(ctx context.Context, in *api.GetBasePathMappingInput) (*api.BasePathMapping, error) {
	m, _, err := s.tables(ctx).BasePathMappings.Find(ctx, errBasePath(), record.DomainKey(str(in.DomainName), str(in.DomainNameId)), str(in.BasePath))
	if err != nil {
		return nil, err
	}
	return &m.BasePathMapping, nil
}

// GetBasePathMappings lists the mappings of a domain name.
func (s *Service) GetBasePathMappings(ctx context.Context, in *api.GetBasePathMappingsInput) (*api.BasePathMappings, error) {
	t := s.tables(ctx)
	name := record.DomainKey(str(in.DomainName), str(in.DomainNameId))
	if _, _, err := t.DomainNames.Find(ctx, errDomain(), name); err != nil {
		return nil, err
	}
	rows, err := t.BasePathMappings.All(ctx, name)
	if err != nil {
		return nil, err
	}
	var list []api.BasePathMapping
	for _, row := range rows {
		list = append(list, row.Value.BasePathMapping)
	}
	items, next, err := page(list, func(m *api.BasePathMapping) string { return *m.BasePath }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.BasePathMappings{Items: items, Position: next}, nil
}

// UpdateBasePathMapping changes a mapping.
func (s *Service) UpdateBasePathMapping(ctx context.Context, in *api.UpdateBasePathMappingInput) (*api.BasePathMapping, error) {
	t := s.tables(ctx)
	name := record.DomainKey(str(in.DomainName), str(in.DomainNameId))
	var m record.BasePathMapping
	err := s.commit(ctx, func(c *store.Change) (err error) {
		var rev store.Rev
		if m, rev, err = t.BasePathMappings.Find(ctx, errBasePath(), name, str(in.BasePath)); err != nil {
			return err
		}
		before := str(m.RestApiId)
		if err := mappingPatches.apply(&m.BasePathMapping, in.PatchOperations); err != nil {
			return err
		}
		if str(m.RestApiId) != before {
			if _, err := domainOfREST(ctx, c, t, name, str(in.BasePath)); err != nil {
				return err
			}
		}
		if m.Stage != nil && *m.Stage == "" {
			m.Stage = nil
		}
		id := store.ID(name, str(in.BasePath))
		c.Require(t.BasePathMappings.Is(id, rev))
		if *m.BasePath != *in.BasePath {
			c.Do(t.BasePathMappings.Delete(id))
			return s.putMapping(ctx, c, t, &m)
		}
		if err := requireTarget(ctx, c, t, &m); err != nil {
			return err
		}
		store.Add(c, t.BasePathMappings, id, m)
		return nil
	})
	return &m.BasePathMapping, err
}

// mappingPatches is UpdateBasePathMapping.
var mappingPatches = patchTable[api.BasePathMapping]{refuse: refuseListing[api.BasePathMapping], rules: []patchRule[api.BasePathMapping]{
	{path: "/basepath", replace: patchBasePath},
	{path: "/basePath", replace: patchBasePath, alias: true},
	{path: "/restapiId", replace: patchTarget},
	{path: "/restApiId", replace: patchTarget, alias: true},
	{path: "/stage", replace: func(m *api.BasePathMapping, o patchOp) error { patchString(&m.Stage, o); return nil }},
}}

func patchBasePath(m *api.BasePathMapping, o patchOp) error {
	path, err := basePath(o.value)
	m.BasePath = new(path)
	return err
}

func patchTarget(m *api.BasePathMapping, o patchOp) error { m.RestApiId = new(o.value); return nil }

// DeleteBasePathMapping removes a mapping.
func (s *Service) DeleteBasePathMapping(ctx context.Context, in *api.DeleteBasePathMappingInput) error {
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		name := record.DomainKey(str(in.DomainName), str(in.DomainNameId))
		_, rev, err := t.BasePathMappings.Find(ctx, errBasePath(), name, str(in.BasePath))
		if err != nil {
			return err
		}
		id := store.ID(name, str(in.BasePath))
		c.Require(t.BasePathMappings.Is(id, rev))
		c.Do(t.BasePathMappings.Delete(id))
		return nil
	})
}
