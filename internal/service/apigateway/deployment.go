package apigateway

import (
	"context"
	"slices"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// CreateDeployment freezes the API's definition. If the call names a stage, the
// stage shows the deployment at once: it is created, or changed, in the same
// commit.
func (s *Service) CreateDeployment(ctx context.Context, in *api.CreateDeploymentInput) (*api.Deployment, error) {
	t := s.tables(ctx)
	created := time.Now().UTC()
	dep := record.Deployment{
		Deployment: api.Deployment{Description: text(in.Description), CreatedDate: new(created.Truncate(time.Second))},
		Scope:      t.Scope, RestAPI: str(in.RestApiId), Created: created,
	}
	defer s.locks.Lock(t.RestAPIs.Key(str(in.RestApiId)))()
	err := s.commit(ctx, func(c *store.Change) error {
		rec, rev, err := t.RestAPIs.Find(ctx, errAPI(ctx, in.RestApiId), str(in.RestApiId))
		if err != nil {
			return err
		}
		def, err := s.defs.load(ctx, t, rec.Definition)
		if err != nil {
			return err
		}
		if err := checkDeployable(def); err != nil {
			return err
		}
		dep.Definition = rec.Definition
		// The definition's blob stays, for the API names it in this commit.
		c.Require(t.RestAPIs.Is(store.ID(str(in.RestApiId)), rev))
		if err := s.addDeployment(ctx, c, t, &dep); err != nil {
			return err
		}
		return s.deployToStage(ctx, c, t, in, *dep.Id)
	})
	if err != nil {
		return nil, err
	}
	return &dep.Deployment, nil
}

// checkDeployable refuses to deploy what cannot be served.
//
// AWS: both texts are widely reported, not recorded.
func checkDeployable(def *record.Definition) error {
	methods := 0
	for _, id := range sortedKeys(def.Resources) {
		for _, m := range def.Resources[id].ResourceMethods {
			methods++
			if m.MethodIntegration == nil {
				return api.BadRequestException("No integration defined for method")
			}
		}
	}
	if methods == 0 {
		return api.BadRequestException("The REST API doesn't contain any methods")
	}
	return checkRequestModels(def)
}

// addDeployment adds a new deployment to c and gives it an id.
func (s *Service) addDeployment(ctx context.Context, c *store.Change, t record.Tables, dep *record.Deployment) error {
	if err := checkCount(ctx, s.st, t.Deployments, s.opt.Limits.DeploymentsPerAPI, errLimitOfAPI("Deployments"), dep.RestAPI); err != nil {
		return err
	}
	dep.Id = new(newID(shortIDLen))
	id := store.ID(dep.RestAPI, *dep.Id)
	c.Require(t.Deployments.Absent(id))
	store.Add(c, t.Deployments, id, *dep)
	return nil
}

// deployToStage lets the stage that the call names show the new deployment.
//
// AWS: texts recorded (test_create_canary_deployment_validation); with canary
// settings the new deployment becomes the stage's canary (test_create_canary_deployment).
func (s *Service) deployToStage(ctx context.Context, c *store.Change, t record.Tables, in *api.CreateDeploymentInput, deployment string) error {
	name := str(in.StageName)
	if in.CanarySettings != nil && name == "" {
		shown := "null"
		if in.StageName != nil {
			shown = ""
		}
		return api.BadRequestException("Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. Provided value is " + shown)
	}
	if name == "" {
		return nil
	}
	id := store.ID(str(in.RestApiId), name)
	stage, rev, err := t.Stages.Find(ctx, nil, str(in.RestApiId), name)
	if err != nil {
		return err
	}
	if rev == 0 {
		if in.CanarySettings != nil {
			return api.BadRequestException("Invalid deployment content specified.Stage " + name + " must already be created before making a canary release deployment")
		}
		stage = newStage(t.Scope, str(in.RestApiId), name)
		if err := s.checkNewStage(ctx, t, &stage); err != nil {
			return err
		}
	}
	stage.LastUpdatedDate = now()
	if in.StageDescription != nil {
		stage.Description = text(in.StageDescription)
	}
	if in.TracingEnabled != nil {
		stage.TracingEnabled = in.TracingEnabled
	}
	if in.CacheClusterEnabled != nil {
		stage.CacheClusterEnabled = in.CacheClusterEnabled
	}
	if in.CacheClusterSize != nil {
		stage.CacheClusterSize = text(in.CacheClusterSize)
	}
	if len(in.Variables) > 0 {
		stage.Variables = in.Variables
	}
	if canary := in.CanarySettings; canary != nil {
		stage.CanarySettings = newCanary(deployment, canary.PercentTraffic, canary.StageVariableOverrides, canary.UseStageCache)
	} else {
		stage.DeploymentId = new(deployment)
	}
	if err := s.checkStage(&stage.Stage); err != nil {
		return err
	}
	c.Require(t.Stages.Is(id, rev)) // revision 0 if it is new
	store.Add(c, t.Stages, id, stage)
	return nil
}

// GetDeployment returns a deployment, with a summary of its methods if the
// caller asks for it.
func (s *Service) GetDeployment(ctx context.Context, in *api.GetDeploymentInput) (*api.Deployment, error) {
	t := s.tables(ctx)
	dep, _, err := s.liveDeployment(ctx, t, in.RestApiId, in.DeploymentId)
	if err != nil {
		return nil, err
	}
	if slices.Contains(in.Embed, "apisummary") {
		def, err := s.defs.load(ctx, t, dep.Definition)
		if err != nil {
			return nil, err
		}
		dep.ApiSummary = summary(def)
	}
	return &dep.Deployment, nil
}

// liveDeployment reads a deployment of an API that is not being deleted.
func (s *Service) liveDeployment(ctx context.Context, t record.Tables, restAPI, id *string) (record.Deployment, store.Rev, error) {
	if _, err := s.restAPI(ctx, restAPI, errDeployment()); err != nil {
		return record.Deployment{}, 0, err
	}
	return t.Deployments.Find(ctx, errDeployment(), str(restAPI), str(id))
}

// summary says for each method of a definition who may call it.
func summary(def *record.Definition) map[string]map[string]api.MethodSnapshot {
	out := map[string]map[string]api.MethodSnapshot{}
	for _, r := range def.Resources {
		for name, m := range r.ResourceMethods {
			out[str(r.Path)] = setEntry(out[str(r.Path)], name,
				api.MethodSnapshot{AuthorizationType: m.AuthorizationType, ApiKeyRequired: m.ApiKeyRequired})
		}
	}
	return out
}

// GetDeployments lists the deployments of an API, oldest first.
func (s *Service) GetDeployments(ctx context.Context, in *api.GetDeploymentsInput) (*api.Deployments, error) {
	if _, err := s.restAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId)); err != nil {
		return nil, err
	}
	rows, err := s.tables(ctx).Deployments.All(ctx, str(in.RestApiId))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b store.Row[record.Deployment]) int { return a.Value.Created.Compare(b.Value.Created) })
	deps := make([]api.Deployment, len(rows))
	for i, row := range rows {
		deps[i] = row.Value.Deployment
	}
	items, next, err := page(deps, func(d *api.Deployment) string { return *d.Id }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.Deployments{Items: items, Position: next}, nil
}

// UpdateDeployment changes the description of a deployment.
func (s *Service) UpdateDeployment(ctx context.Context, in *api.UpdateDeploymentInput) (*api.Deployment, error) {
	t := s.tables(ctx)
	var dep record.Deployment
	err := s.commit(ctx, func(c *store.Change) (err error) {
		var rev store.Rev
		if dep, rev, err = s.liveDeployment(ctx, t, in.RestApiId, in.DeploymentId); err != nil {
			return err
		}
		if err := deploymentPatches.apply(&dep.Deployment, in.PatchOperations); err != nil {
			return err
		}
		id := store.ID(dep.RestAPI, *dep.Id)
		c.Require(t.Deployments.Is(id, rev))
		store.Add(c, t.Deployments, id, dep)
		return nil
	})
	return &dep.Deployment, err
}

// deploymentPatches is UpdateDeployment.
var deploymentPatches = patchTable[api.Deployment]{refuse: refuseListing[api.Deployment], rules: []patchRule[api.Deployment]{
	{path: "/description", replace: func(d *api.Deployment, o patchOp) error { patchString(&d.Description, o); return nil }},
}}

// DeleteDeployment removes a deployment that no stage shows.
//
// AWS: recorded (test_create_delete_deployments).
func (s *Service) DeleteDeployment(ctx context.Context, in *api.DeleteDeploymentInput) error {
	t := s.tables(ctx)
	defer s.locks.Lock(t.RestAPIs.Key(str(in.RestApiId)))()
	return s.commit(ctx, func(c *store.Change) error {
		dep, rev, err := s.liveDeployment(ctx, t, in.RestApiId, in.DeploymentId)
		if err != nil {
			return err
		}
		stages, err := t.Stages.All(ctx, dep.RestAPI)
		if err != nil {
			return err
		}
		for _, row := range stages {
			canary := row.Value.CanarySettings
			if str(row.Value.DeploymentId) == *dep.Id || canary != nil && str(canary.DeploymentId) == *dep.Id {
				return api.BadRequestException("Active stages pointing to this deployment must be moved or deleted")
			}
		}
		// A stage that comes to show this deployment meanwhile demands that
		// it is there: one of the two changes begins again.
		id := store.ID(dep.RestAPI, *dep.Id)
		c.Require(t.Deployments.Is(id, rev))
		c.Do(t.Deployments.Delete(id))
		return nil
	})
}
