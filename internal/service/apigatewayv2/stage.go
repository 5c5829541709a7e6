package apigatewayv2

import (
	"context"
	"maps"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// defaultStage is the stage whose URL has no stage.
const defaultStage = "$default"

func newStage(t record.Tables, id, name string) record.APIStage {
	return record.APIStage{Scope: t.Scope, API: id, Stage: api.Stage{
		StageName: new(name), AutoDeploy: new(false), CreatedDate: now(), LastUpdatedDate: now(),
		DefaultRouteSettings: &api.RouteSettings{DetailedMetricsEnabled: new(false)},
		RouteSettings:        map[string]api.RouteSettings{}, StageVariables: map[string]string{}, Tags: map[string]string{},
	}}
}

// CreateStage adds a stage. One that deploys by itself shows the API as it is
// from now on.
func (s *Service) CreateStage(ctx context.Context, in *api.CreateStageInput) (*api.CreateStageResponse, error) {
	if !validStageName(str(in.StageName)) {
		return nil, bad("Stage name only allows a-zA-Z0-9_- and $default")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if in.DeploymentId != nil && is(in.AutoDeploy) {
		return nil, errAutoDeploy()
	}
	t := s.tables(ctx)
	st := newStage(t, str(in.ApiId), str(in.StageName))
	overlay(&st.Stage, in)
	key, asked := store.ID(st.API, *st.StageName), st.DeploymentId
	err := answer(store.Update(ctx, s.st, func(c *store.Change) error {
		st.DeploymentId = asked // that of an attempt before was not made
		rec, rev, err := t.APIs.Find(ctx, errAPI(ctx, in.ApiId), str(in.ApiId))
		if err != nil {
			return err
		}
		c.Require(t.APIs.Is(store.ID(st.API), rev))
		stages, err := t.APIStages.All(ctx, st.API)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(stages, func(r store.Row[record.APIStage]) bool { return r.ID == key }) {
			return api.ConflictException("Stage already exists") // AWS: the text is in the Terraform provider's issue tracker
		}
		if len(stages) >= s.limits.Stages {
			return errLimit("stages")
		}
		if err := s.checkStage(ctx, c, t, &rec, &st); err != nil {
			return err
		}
		if err := checkNewAccessLog(ctx, nil, st.AccessLogSettings); err != nil {
			return err
		}
		if err := checkRouteKeys(ctx, t, &rec, in.RouteSettings); err != nil {
			return err
		}
		if is(st.AutoDeploy) {
			dep := newDeployment(&apiEdit{t: t, rec: rec}, autoDescription)
			dep.AutoDeployed = new(true)
			addDeployment(c, t, dep)
			st.DeploymentId = dep.DeploymentId
		}
		c.Require(t.APIStages.Absent(key))
		store.Add(c, t.APIStages, key, st)
		return nil
	}))
	return new(api.CreateStageResponse(st.Stage)), err
}

// errAutoDeploy is the answer to giving a stage that deploys by itself a deployment.
//
// AWS: the text is in the Terraform provider's issue tracker.
func errAutoDeploy() error {
	return bad("Deployment ID cannot be set on stages that have auto deploy enabled")
}

// validStageName tells whether a stage may be called so.
//
// AWS: "Stages for HTTP APIs": up to 128 letters, digits, hyphens and
// underscores, or $default.
func validStageName(s string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return s == defaultStage || s != "" && len(s) <= 128 && strings.Trim(s, allowed) == ""
}

// checkStage refuses settings that AWS refuses, or that would not act.
func (s *Service) checkStage(ctx context.Context, c *store.Change, t record.Tables, rec *record.API, st *record.APIStage) error {
	if err := checkSocketStage(rec, st); err != nil {
		return err
	}
	if id := str(st.DeploymentId); id != "" {
		_, rev, err := t.APIDeployments.Find(ctx, bad("Deployment id does not exist"), st.API, id)
		if err != nil {
			return err
		}
		c.Require(t.APIDeployments.Is(store.ID(st.API, id), rev)) // it may be deleted meanwhile
	}
	if id := str(st.ClientCertificateId); id != "" {
		if !isSocket(&rec.Api) {
			// AWS: API reference, Stage.
			return bad("clientCertificateId is supported only for WebSocket APIs")
		}
		cert, rev, err := t.ClientCertificates.Find(ctx, bad("Invalid client certificate id specified"), id)
		if err != nil {
			return err
		}
		c.Require(t.ClientCertificates.Is(id, rev))
		store.Add(c, t.ClientCertificates, id, cert) // so that who deletes it notices
	}
	for _, key := range sortedKeys(st.StageVariables) {
		if !validVariable(key, st.StageVariables[key]) {
			return bad("Invalid stage variable " + key)
		}
	}
	logs := isSocket(&rec.Api) || s.limits.logs
	if err := checkRouteSettings(st.DefaultRouteSettings, logs); err != nil {
		return err
	}
	for _, key := range sortedKeys(st.RouteSettings) {
		if err := checkRouteSettings(new(st.RouteSettings[key]), logs); err != nil {
			return err
		}
	}
	if err := requireLogRole(ctx, c, t, st); err != nil {
		return err
	}
	return checkAccessLog(st.AccessLogSettings)
}

// requireLogRole refuses execution logs without a role for them, and makes a level
// that does not act what it is.
//
// AWS: logging-metrics.md §2: the text; §1.1: DEBUG is stored as OFF.
func requireLogRole(ctx context.Context, c *store.Change, t record.Tables, st *record.APIStage) error {
	logs := false
	settle := func(r *api.RouteSettings) {
		if r.LoggingLevel != nil && *r.LoggingLevel == "DEBUG" {
			r.LoggingLevel = new(api.LoggingLevelOff)
		}
		logs = logs || r.LoggingLevel != nil && *r.LoggingLevel != api.LoggingLevelOff
	}
	if st.DefaultRouteSettings != nil {
		settle(st.DefaultRouteSettings)
	}
	for key, r := range st.RouteSettings {
		settle(&r)
		st.RouteSettings[key] = r
	}
	if !logs {
		return nil
	}
	missing := bad("CloudWatch Logs role ARN must be set in account settings to enable logging")
	account, rev, err := t.Accounts.Find(ctx, missing, record.AccountID)
	if err != nil {
		return err
	}
	if str(account.CloudwatchRoleArn) == "" {
		return missing
	}
	c.Require(t.Accounts.Is(record.AccountID, rev))
	return nil
}

// validVariable tells whether a stage variable may have this name and value.
//
// AWS: "Use stage variables for HTTP APIs": letters, digits and underscores;
// values also -._~:/?#&=,
func validVariable(name, value string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	return name != "" && len(name) <= 64 && len(value) <= 512 && strings.Trim(name, letters) == "" && strings.Trim(value, letters+"-.~:/?#&=,") == ""
}

func checkRouteSettings(r *api.RouteSettings, logs bool) error {
	switch {
	case r == nil:
	case !logs && (is(r.DataTraceEnabled) || r.LoggingLevel != nil):
		// AWS: logging-metrics.md §1.1: even OFF is refused; the text is in public
		// issues of Terraform's provider.
		return bad("Execution logs are not supported on protocolType HTTP. Beyond AWS, Gatehouse has them with http-api-execution-logs")
	case r.ThrottlingRateLimit != nil && *r.ThrottlingRateLimit < 0, r.ThrottlingBurstLimit != nil && *r.ThrottlingBurstLimit < 0:
		return bad("Throttling limits must not be negative")
	}
	return nil
}

// checkRouteKeys refuses settings of routes that an HTTP API does not have.
//
// AWS: the text is in the Terraform provider's issue tracker. Whether WebSocket
// APIs, too, must have the route is not documented: a connection needs none.
func checkRouteKeys(ctx context.Context, t record.Tables, rec *record.API, settings map[string]api.RouteSettings) error {
	if len(settings) == 0 || isSocket(&rec.Api) {
		return nil
	}
	def, err := t.LoadAPIDefinition(ctx, rec.Definition)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(def.Routes))
	for _, rt := range def.Routes {
		known[str(rt.RouteKey)] = true
	}
	for _, key := range sortedKeys(settings) {
		if !known[key] {
			return api.NotFoundException("Unable to find Route by key " + key + " within the provided RouteSettings")
		}
	}
	return nil
}

// GetStage returns one stage.
func (s *Service) GetStage(ctx context.Context, in *api.GetStageInput) (*api.GetStageResponse, error) {
	t := s.tables(ctx)
	if _, _, err := t.APIs.Find(ctx, errAPI(ctx, in.ApiId), str(in.ApiId)); err != nil {
		return nil, err
	}
	st, _, err := t.APIStages.Find(ctx, errStage(), str(in.ApiId), str(in.StageName))
	return new(api.GetStageResponse(st.Stage)), err
}

// GetStages lists the stages of an API.
func (s *Service) GetStages(ctx context.Context, in *api.GetStagesInput) (*api.GetStagesResponse, error) {
	t := s.tables(ctx)
	if _, _, err := t.APIs.Find(ctx, errAPI(ctx, in.ApiId), str(in.ApiId)); err != nil {
		return nil, err
	}
	rows, err := t.APIStages.All(ctx, str(in.ApiId))
	if err != nil {
		return nil, err
	}
	list := make([]api.Stage, len(rows))
	for i, row := range rows {
		list[i] = row.Value.Stage
	}
	items, next, err := page(list, func(s *api.Stage) string { return *s.StageName }, in.NextToken, in.MaxResults)
	return &api.GetStagesResponse{Items: items, NextToken: next}, err
}

// UpdateStage changes a stage. What is live acts at once.
func (s *Service) UpdateStage(ctx context.Context, in *api.UpdateStageInput) (*api.UpdateStageResponse, error) {
	out, err := s.editStage(ctx, in.ApiId, in.StageName, func(t record.Tables, rec *record.API, st *record.APIStage, c *store.Change) error {
		auto := is(st.AutoDeploy)
		if in.DeploymentId != nil && (is(in.AutoDeploy) || auto && in.AutoDeploy == nil) {
			return errAutoDeploy()
		}
		if err := checkRouteKeys(ctx, t, rec, in.RouteSettings); err != nil {
			return err
		}
		variables, settings := st.StageVariables, st.RouteSettings
		before := st.AccessLogSettings
		overlay(&st.Stage, in)
		st.AccessLogSettings = mergedAccessLog(before, in.AccessLogSettings)
		if err := checkNewAccessLog(ctx, before, st.AccessLogSettings); err != nil {
			return err
		}
		st.StageVariables = mergedVariables(variables, in.StageVariables)
		st.RouteSettings = maps.Clone(settings)
		if st.RouteSettings == nil {
			st.RouteSettings = map[string]api.RouteSettings{}
		}
		maps.Copy(st.RouteSettings, in.RouteSettings)
		if !auto && is(st.AutoDeploy) {
			dep := newDeployment(&apiEdit{t: t, rec: *rec}, autoDescription)
			dep.AutoDeployed = new(true)
			addDeployment(c, t, dep)
			st.DeploymentId = dep.DeploymentId
			return s.checkStage(ctx, c, t, rec, &record.APIStage{Stage: withoutDeployment(st.Stage), API: st.API})
		}
		return s.checkStage(ctx, c, t, rec, st)
	})
	return new(api.UpdateStageResponse(out)), err
}

// withoutDeployment is st without its deployment, which is made in the same
// commit.
func withoutDeployment(st api.Stage) api.Stage {
	st.DeploymentId = nil
	return st
}

// mergedVariables is old with next added; a variable set to nothing goes.
//
// AWS: the CLI's help for update-stage.
func mergedVariables(old, next map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, old)
	for k, v := range next {
		if v == "" {
			delete(out, k)
			continue
		}
		out[k] = v
	}
	return out
}

// editStage changes a stage; do gets the API's record and a stage of its own.
func (s *Service) editStage(ctx context.Context, id, name *string,
	do func(t record.Tables, rec *record.API, st *record.APIStage, c *store.Change) error) (api.Stage, error) {
	var out api.Stage
	t := s.tables(ctx)
	key := store.ID(str(id), str(name))
	err := answer(store.Update(ctx, s.st, func(c *store.Change) error {
		rec, apiRev, err := t.APIs.Find(ctx, errAPI(ctx, id), str(id))
		if err != nil {
			return err
		}
		st, rev, err := t.APIStages.Find(ctx, errStage(), str(id), str(name))
		if err != nil {
			return err
		}
		if err := do(t, &rec, &st, c); err != nil {
			return err
		}
		st.LastUpdatedDate = now()
		out = st.Stage
		c.Require(t.APIs.Is(store.ID(str(id)), apiRev))
		c.Require(t.APIStages.Is(key, rev))
		store.Add(c, t.APIStages, key, st)
		return nil
	}))
	return out, err
}

// DeleteStage removes a stage.
func (s *Service) DeleteStage(ctx context.Context, in *api.DeleteStageInput) error {
	t := s.tables(ctx)
	return answer(store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := t.APIStages.Find(ctx, errStage(), str(in.ApiId), str(in.StageName))
		if err != nil {
			return err
		}
		if err := checkUnmapped(ctx, t, str(in.ApiId), str(in.StageName)); err != nil {
			return err
		}
		key := store.ID(str(in.ApiId), str(in.StageName))
		c.Require(t.APIStages.Is(key, rev))
		c.Do(t.APIStages.Delete(key))
		return nil
	}))
}

// DeleteAccessLogSettings turns a stage's access log off.
func (s *Service) DeleteAccessLogSettings(ctx context.Context, in *api.DeleteAccessLogSettingsInput) error {
	_, err := s.editStage(ctx, in.ApiId, in.StageName, func(_ record.Tables, _ *record.API, st *record.APIStage, _ *store.Change) error {
		st.AccessLogSettings = nil
		return nil
	})
	return err
}

// DeleteRouteSettings removes the settings of one route.
func (s *Service) DeleteRouteSettings(ctx context.Context, in *api.DeleteRouteSettingsInput) error {
	_, err := s.editStage(ctx, in.ApiId, in.StageName, func(_ record.Tables, _ *record.API, st *record.APIStage, _ *store.Change) error {
		if _, ok := st.RouteSettings[str(in.RouteKey)]; !ok {
			return api.NotFoundException("Unable to find Route by key " + str(in.RouteKey) + " within the provided RouteSettings")
		}
		delete(st.RouteSettings, str(in.RouteKey))
		return nil
	})
	return err
}

// sortedKeys are the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
