package apigatewayv2

import (
	"context"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/store"
)

// CreateDeployment freezes an API as it is, and shows it in a stage if one is
// named.
func (s *Service) CreateDeployment(ctx context.Context, in *api.CreateDeploymentInput) (*api.CreateDeploymentResponse, error) {
	var out api.Deployment
	t := s.tables(ctx)
	err := answer(store.Update(ctx, s.st, func(c *store.Change) error {
		rec, rev, err := t.APIs.Find(ctx, errAPI(ctx, in.ApiId), str(in.ApiId))
		if err != nil {
			return err
		}
		def, err := t.LoadAPIDefinition(ctx, rec.Definition)
		if err != nil {
			return err
		}
		if len(def.Routes) == 0 {
			// AWS: the text is in the Terraform provider's issue tracker.
			return bad("At least one route is required before deploying the Api.")
		}
		c.Require(t.APIs.Is(store.ID(str(in.ApiId)), rev))
		dep := newDeployment(&apiEdit{t: t, rec: rec}, str(in.Description))
		addDeployment(c, t, dep)
		out = dep.Deployment
		if in.StageName == nil {
			return nil
		}
		key := store.ID(str(in.ApiId), *in.StageName)
		st, rev, err := t.APIStages.Find(ctx, errStage(), str(in.ApiId), *in.StageName)
		if err != nil {
			return err
		}
		c.Require(t.APIStages.Is(key, rev))
		st.DeploymentId, st.LastUpdatedDate = dep.DeploymentId, now()
		store.Add(c, t.APIStages, key, st)
		return nil
	}))
	return new(api.CreateDeploymentResponse(out)), err
}

// GetDeployment returns one deployment.
func (s *Service) GetDeployment(ctx context.Context, in *api.GetDeploymentInput) (*api.GetDeploymentResponse, error) {
	dep, _, err := s.tables(ctx).APIDeployments.Find(ctx, errDeployment(in.DeploymentId), str(in.ApiId), str(in.DeploymentId))
	return new(api.GetDeploymentResponse(dep.Deployment)), err
}

// GetDeployments lists the deployments of an API.
func (s *Service) GetDeployments(ctx context.Context, in *api.GetDeploymentsInput) (*api.GetDeploymentsResponse, error) {
	t := s.tables(ctx)
	if _, _, err := t.APIs.Find(ctx, errAPI(ctx, in.ApiId), str(in.ApiId)); err != nil {
		return nil, err
	}
	rows, err := t.APIDeployments.All(ctx, str(in.ApiId))
	if err != nil {
		return nil, err
	}
	list := make([]api.Deployment, len(rows))
	for i, row := range rows {
		list[i] = row.Value.Deployment
	}
	items, next, err := page(list, func(d *api.Deployment) string { return *d.DeploymentId }, in.NextToken, in.MaxResults)
	return &api.GetDeploymentsResponse{Items: items, NextToken: next}, err
}

// UpdateDeployment changes a deployment's description.
func (s *Service) UpdateDeployment(ctx context.Context, in *api.UpdateDeploymentInput) (*api.UpdateDeploymentResponse, error) {
	var out api.Deployment
	t := s.tables(ctx)
	key := store.ID(str(in.ApiId), str(in.DeploymentId))
	err := answer(store.Update(ctx, s.st, func(c *store.Change) error {
		dep, rev, err := t.APIDeployments.Find(ctx, errDeployment(in.DeploymentId), str(in.ApiId), str(in.DeploymentId))
		if err != nil {
			return err
		}
		overlay(&dep.Deployment, in)
		out = dep.Deployment
		c.Require(t.APIDeployments.Is(key, rev))
		store.Add(c, t.APIDeployments, key, dep)
		return nil
	}))
	return new(api.UpdateDeploymentResponse(out)), err
}

// DeleteDeployment removes a deployment that no stage shows.
func (s *Service) DeleteDeployment(ctx context.Context, in *api.DeleteDeploymentInput) error {
	t := s.tables(ctx)
	key := store.ID(str(in.ApiId), str(in.DeploymentId))
	return answer(store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := t.APIDeployments.Find(ctx, errDeployment(in.DeploymentId), str(in.ApiId), str(in.DeploymentId))
		if err != nil {
			return err
		}
		stages, err := t.APIStages.All(ctx, str(in.ApiId))
		if err != nil {
			return err
		}
		for _, row := range stages {
			if str(row.Value.DeploymentId) == str(in.DeploymentId) {
				// AWS: as for REST APIs.
				return bad("Active stages pointing to this deployment must be moved or deleted")
			}
			c.Require(t.APIStages.Is(row.ID, row.Rev))
		}
		c.Require(t.APIDeployments.Is(key, rev))
		c.Do(t.APIDeployments.Delete(key))
		return nil
	}))
}
