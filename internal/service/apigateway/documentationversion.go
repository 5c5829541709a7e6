package apigateway

import (
	"context"
	"errors"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A version of the documentation is a snapshot of its parts. Stages name the
// one that their export carries.

// errDocumentationVersion is the answer for an unknown version.
//
// AWS: seen in reports, not recorded.
func errDocumentationVersion() error {
	return api.NotFoundException("Invalid Documentation version specified")
}

// CreateDocumentationVersion freezes the documentation. If the call names a
// stage, the stage gets the version in the same commit.
func (s *Service) CreateDocumentationVersion(ctx context.Context, in *api.CreateDocumentationVersionInput) (*api.DocumentationVersion, error) {
	t := s.tables(ctx)
	restAPI, name := str(in.RestApiId), str(in.DocumentationVersion)
	if name == "" {
		return nil, api.BadRequestException("Documentation version must be non-empty") // AWS: undocumented text
	}
	ver := record.DocumentationVersion{Scope: t.Scope, RestAPI: restAPI, DocumentationVersion: api.DocumentationVersion{
		Version: in.DocumentationVersion, CreatedDate: now(), Description: text(in.Description)}}
	defer s.locks.Lock(t.RestAPIs.Key(restAPI))()
	err := s.commit(ctx, func(c *store.Change) error {
		rec, rev, err := t.RestAPIs.Find(ctx, errAPI(ctx, in.RestApiId), restAPI)
		if err != nil {
			return err
		}
		// The documentation's blob stays, for the API names it in this commit.
		c.Require(t.RestAPIs.Is(store.ID(restAPI), rev))
		ver.Documentation = rec.Documentation
		if err := s.checkNewVersion(ctx, t, restAPI, name); err != nil {
			return err
		}
		id := store.ID(restAPI, name)
		c.Require(t.DocumentationVersions.Absent(id))
		store.Add(c, t.DocumentationVersions, id, ver)
		if str(in.StageName) == "" {
			return nil
		}
		stage, rev, err := t.Stages.Find(ctx, errStage(), restAPI, *in.StageName)
		if err != nil {
			return err
		}
		stage.DocumentationVersion, stage.LastUpdatedDate = in.DocumentationVersion, now()
		c.Require(t.Stages.Is(store.ID(restAPI, *in.StageName), rev))
		store.Add(c, t.Stages, store.ID(restAPI, *in.StageName), stage)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ver.DocumentationVersion, nil
}

// checkNewVersion refuses a name that is taken, and more than there may be.
func (s *Service) checkNewVersion(ctx context.Context, t record.Tables, restAPI, name string) error {
	have, err := ids(ctx, s.st, t.DocumentationVersions, restAPI)
	if err != nil {
		return err
	}
	for _, id := range have {
		if id[1] == name {
			return api.ConflictException("Documentation version already exists") // AWS: undocumented text
		}
	}
	if len(have) >= s.opt.Limits.DocumentationVersionsPerAPI {
		return errLimit("Documentation Versions")
	}
	return nil
}

// liveVersion reads a version of an API that is not being deleted.
func (s *Service) liveVersion(ctx context.Context, t record.Tables, restAPI, name *string) (record.DocumentationVersion, store.Rev, error) {
	if _, err := s.restAPI(ctx, restAPI, errDocumentationVersion()); err != nil {
		return record.DocumentationVersion{}, 0, err
	}
	return t.DocumentationVersions.Find(ctx, errDocumentationVersion(), str(restAPI), str(name))
}

// GetDocumentationVersion returns one version.
func (s *Service) GetDocumentationVersion(ctx context.Context, in *api.GetDocumentationVersionInput) (*api.DocumentationVersion, error) {
	ver, _, err := s.liveVersion(ctx, s.tables(ctx), in.RestApiId, in.DocumentationVersion)
	if err != nil {
		return nil, err
	}
	return &ver.DocumentationVersion, nil
}

// GetDocumentationVersions lists the versions of an API's documentation.
func (s *Service) GetDocumentationVersions(ctx context.Context, in *api.GetDocumentationVersionsInput) (*api.DocumentationVersions, error) {
	if _, err := s.restAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId)); err != nil {
		return nil, err
	}
	rows, err := s.tables(ctx).DocumentationVersions.All(ctx, str(in.RestApiId))
	if err != nil {
		return nil, err
	}
	list := make([]api.DocumentationVersion, len(rows))
	for i, row := range rows {
		list[i] = row.Value.DocumentationVersion
	}
	items, next, err := page(list, func(v *api.DocumentationVersion) string { return *v.Version }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.DocumentationVersions{Items: items, Position: next}, nil
}

// UpdateDocumentationVersion changes the description of a version.
func (s *Service) UpdateDocumentationVersion(ctx context.Context, in *api.UpdateDocumentationVersionInput) (*api.DocumentationVersion, error) {
	t := s.tables(ctx)
	var ver record.DocumentationVersion
	err := s.commit(ctx, func(c *store.Change) (err error) {
		var rev store.Rev
		if ver, rev, err = s.liveVersion(ctx, t, in.RestApiId, in.DocumentationVersion); err != nil {
			return err
		}
		if err := documentationVersionPatches.apply(&ver.DocumentationVersion, in.PatchOperations); err != nil {
			return err
		}
		id := store.ID(ver.RestAPI, *ver.Version)
		c.Require(t.DocumentationVersions.Is(id, rev))
		store.Add(c, t.DocumentationVersions, id, ver)
		return nil
	})
	return &ver.DocumentationVersion, err
}

// documentationVersionPatches is UpdateDocumentationVersion.
var documentationVersionPatches = patchTable[api.DocumentationVersion]{refuse: refuseListing[api.DocumentationVersion], rules: []patchRule[api.DocumentationVersion]{
	{path: "/description", replace: func(v *api.DocumentationVersion, o patchOp) error { patchString(&v.Description, o); return nil }},
}}

// DeleteDocumentationVersion removes a version that no stage names.
func (s *Service) DeleteDocumentationVersion(ctx context.Context, in *api.DeleteDocumentationVersionInput) error {
	t := s.tables(ctx)
	defer s.locks.Lock(t.RestAPIs.Key(str(in.RestApiId)))()
	return s.commit(ctx, func(c *store.Change) error {
		ver, rev, err := s.liveVersion(ctx, t, in.RestApiId, in.DocumentationVersion)
		if err != nil {
			return err
		}
		stages, err := t.Stages.All(ctx, ver.RestAPI)
		if err != nil {
			return err
		}
		for _, row := range stages {
			if str(row.Value.DocumentationVersion) == *ver.Version {
				// AWS: undocumented; worded as for deployments.
				return api.BadRequestException("Active stages pointing to this documentation version must be moved or deleted")
			}
		}
		// A stage that comes to name this version meanwhile demands that it
		// is unchanged (requireVersion): one of the two changes begins again.
		id := store.ID(ver.RestAPI, *ver.Version)
		c.Require(t.DocumentationVersions.Is(id, rev))
		c.Do(t.DocumentationVersions.Delete(id))
		return nil
	})
}

// requireVersion demands that the version of the documentation that a stage
// names is there, and stays there.
//
// AWS: the text is seen in reports, not recorded.
func requireVersion(ctx context.Context, c *store.Change, t record.Tables, stage *record.Stage) error {
	name := str(stage.DocumentationVersion)
	if name == "" {
		return nil
	}
	id := store.ID(stage.RestAPI, name)
	_, rev, err := t.DocumentationVersions.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return errDocumentationVersion()
	}
	c.Require(t.DocumentationVersions.Is(id, rev))
	return err
}
