package apigatewayv2

import (
	"context"
	"errors"
	"time"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// An apiEdit is an API while it is being changed: record and definition belong
// to the edit alone.
type apiEdit struct {
	t      record.Tables
	limits *quotas
	rec    record.API
	def    *record.APIDefinition
}

// edit changes an API: do alters e.rec and e.def, and adds to c what else
// belongs to the change.
func (s *Service) edit(ctx context.Context, id *string, do func(e *apiEdit, c *store.Change) error) error {
	t := s.tables(ctx)
	return answer(store.Update(ctx, s.st, func(c *store.Change) error {
		rec, rev, err := t.APIs.Find(ctx, errAPI(ctx, id), str(id))
		if err != nil {
			return err
		}
		def, err := t.LoadAPIDefinition(ctx, rec.Definition)
		if err != nil {
			return err
		}
		e := &apiEdit{t: t, limits: &s.limits, rec: rec, def: def}
		if err := do(e, c); err != nil {
			return err
		}
		c.Require(t.APIs.Is(store.ID(str(id)), rev))
		return e.save(ctx, c)
	}))
}

// maxDefinition bounds what one API may grow to.
const maxDefinition = 16 << 20

// save adds the changed API to c, and a new deployment for every stage that
// deploys by itself.
func (e *apiEdit) save(ctx context.Context, c *store.Change) error {
	e.def.Freeze(e.rec.Api)
	if err := checkRouteModels(e.def); err != nil {
		return err
	}
	b, err := e.def.Encode()
	if err != nil {
		return err
	}
	if len(b) > maxDefinition {
		return bad("The definition of the API is too large")
	}
	before := e.rec.Definition
	ref, ops, err := e.t.Blobs.Stage(ctx, b)
	if err != nil {
		return err
	}
	e.rec.Definition = ref
	c.Do(ops...)
	store.Add(c, e.t.APIs, store.ID(str(e.rec.ApiId)), e.rec)
	if ref == before {
		return nil
	}
	return e.autoDeploy(ctx, c)
}

// autoDeploy moves the stages that deploy by themselves to what is being saved,
// and drops the deployments they leave, if those were made the same way.
func (e *apiEdit) autoDeploy(ctx context.Context, c *store.Change) error {
	rows, err := e.t.APIStages.All(ctx, str(e.rec.ApiId))
	if err != nil {
		return err
	}
	used := map[string]bool{} // by stages that stay
	var moving []store.Row[record.APIStage]
	for _, row := range rows {
		if is(row.Value.AutoDeploy) {
			moving = append(moving, row)
		} else {
			used[str(row.Value.DeploymentId)] = true
		}
	}
	if len(moving) == 0 {
		return nil
	}
	dep := newDeployment(e, autoDescription)
	dep.AutoDeployed = new(true)
	addDeployment(c, e.t, dep)
	for _, row := range moving {
		st := row.Value
		if left := str(st.DeploymentId); left != "" && !used[left] {
			used[left] = true
			if err := e.dropAutomatic(ctx, c, left); err != nil {
				return err
			}
		}
		c.Require(e.t.APIStages.Is(row.ID, row.Rev))
		st.DeploymentId = dep.DeploymentId
		st.LastUpdatedDate = now()
		st.LastDeploymentStatusMessage = new("Successfully deployed stage with deployment ID '" + *dep.DeploymentId + "'")
		store.Add(c, e.t.APIStages, row.ID, st)
	}
	return nil
}

// autoDescription is what AWS says of a deployment that nobody asked for.
const autoDescription = "Automatic deployment triggered by changes to the Api configuration"

// dropAutomatic removes a deployment that was made by autoDeploy.
func (e *apiEdit) dropAutomatic(ctx context.Context, c *store.Change, id string) error {
	key := store.ID(str(e.rec.ApiId), id)
	dep, rev, err := e.t.APIDeployments.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && !is(dep.AutoDeployed) {
		return nil
	}
	if err != nil {
		return err
	}
	c.Require(e.t.APIDeployments.Is(key, rev))
	c.Do(e.t.APIDeployments.Delete(key))
	return nil
}

// newDeployment freezes what e will be saved as: e.rec.Definition must name it.
func newDeployment(e *apiEdit, description string) record.APIDeployment {
	dep := record.APIDeployment{
		Scope: e.t.Scope, API: str(e.rec.ApiId), Definition: e.rec.Definition, Created: time.Now().UTC(),
	}
	dep.AutoDeployed, dep.CreatedDate = new(false), now()
	dep.DeploymentId = new(record.NewID(shortIDLen))
	dep.DeploymentStatus = new(api.DeploymentStatusDeployed)
	if description != "" {
		dep.Description = new(description)
	}
	return dep
}

func addDeployment(c *store.Change, t record.Tables, dep record.APIDeployment) {
	key := store.ID(dep.API, str(dep.DeploymentId))
	c.Require(t.APIDeployments.Absent(key))
	store.Add(c, t.APIDeployments, key, dep)
}

// definition reads an API's working definition, to look at.
func (s *Service) definition(ctx context.Context, id *string) (*record.APIDefinition, error) {
	t := s.tables(ctx)
	rec, _, err := t.APIs.Find(ctx, errAPI(ctx, id), str(id))
	if err != nil {
		return nil, err
	}
	return t.LoadAPIDefinition(ctx, rec.Definition)
}
