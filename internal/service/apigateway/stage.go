package apigateway

import (
	"context"
	"errors"
	"maps"
	"regexp"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// newStage is a stage as it is before anything was set.
//
// AWS: recorded (test_create_update_stages).
func newStage(scope record.Scope, restAPI, name string) record.Stage {
	created := now()
	return record.Stage{Scope: scope, RestAPI: restAPI, Stage: api.Stage{
		StageName: new(name), CreatedDate: created, LastUpdatedDate: created,
		CacheClusterEnabled: new(false), CacheClusterStatus: new(api.CacheClusterStatusNotAvailable),
		MethodSettings: map[string]api.MethodSetting{}, TracingEnabled: new(false),
	}}
}

// newCanary fills in what canary settings leave open.
//
// AWS: recorded (test_create_canary_deployment).
func newCanary(deployment string, percent *float64, overrides map[string]string, cache *bool) *api.CanarySettings {
	canary := &api.CanarySettings{DeploymentId: new(deployment), PercentTraffic: new(0.0), UseStageCache: new(is(cache))}
	if percent != nil {
		canary.PercentTraffic = percent
	}
	if len(overrides) > 0 {
		canary.StageVariableOverrides = overrides
	}
	return canary
}

// CreateStage creates a stage that shows a deployment.
func (s *Service) CreateStage(ctx context.Context, in *api.CreateStageInput) (*api.Stage, error) {
	t := s.tables(ctx)
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	stage := newStage(t.Scope, str(in.RestApiId), str(in.StageName))
	stage.DeploymentId, stage.Description, stage.DocumentationVersion = in.DeploymentId, text(in.Description), text(in.DocumentationVersion)
	if in.CacheClusterEnabled != nil {
		stage.CacheClusterEnabled = in.CacheClusterEnabled
	}
	stage.CacheClusterSize = text(in.CacheClusterSize)
	if in.TracingEnabled != nil {
		stage.TracingEnabled = in.TracingEnabled
	}
	if len(in.Variables) > 0 {
		stage.Variables = in.Variables
	}
	if len(in.Tags) > 0 {
		stage.Tags = in.Tags
	}
	if canary := in.CanarySettings; canary != nil {
		deployment := canary.DeploymentId
		if deployment == nil {
			deployment = in.DeploymentId
		}
		stage.CanarySettings = newCanary(str(deployment), canary.PercentTraffic, canary.StageVariableOverrides, canary.UseStageCache)
	}
	defer s.locks.Lock(t.RestAPIs.Key(stage.RestAPI))()
	err := s.commit(ctx, func(c *store.Change) error {
		_, rev, err := t.RestAPIs.Find(ctx, errAPI(ctx, in.RestApiId), stage.RestAPI)
		if err != nil {
			return err
		}
		c.Require(t.RestAPIs.Is(store.ID(stage.RestAPI), rev))
		if err := s.checkNewStage(ctx, t, &stage); err != nil {
			return err
		}
		if err := s.checkStage(&stage.Stage); err != nil {
			return err
		}
		if err := requireDeployments(ctx, c, t, &stage); err != nil {
			return err
		}
		if err := requireVersion(ctx, c, t, &stage); err != nil {
			return err
		}
		id := store.ID(stage.RestAPI, *stage.StageName)
		c.Require(t.Stages.Absent(id))
		store.Add(c, t.Stages, id, stage)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &stage.Stage, nil
}

var stageName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// checkNewStage refuses a name that cannot be, or is taken.
func (s *Service) checkNewStage(ctx context.Context, t record.Tables, stage *record.Stage) error {
	name := *stage.StageName
	if !stageName.MatchString(name) || len(name) > maxStageName {
		// AWS: the text is older than the hyphen (Zappa issue 356).
		return api.BadRequestException("Stage name only allows a-zA-Z0-9_")
	}
	rows, err := t.Stages.All(ctx, stage.RestAPI)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if *row.Value.StageName == name {
			return api.ConflictException("Stage already exists") // AWS: terraform-provider-aws issue 1153
		}
	}
	if len(rows) >= s.opt.Limits.StagesPerAPI {
		return errLimitOfAPI("Stages")
	}
	return nil
}

var (
	variableName  = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	variableValue = regexp.MustCompile(`^[A-Za-z0-9\-._~:/?#&=,]+$`)
)

// checkVariable refuses what cannot be a stage variable.
//
// AWS: serverless issue 6133 and amazon-api-gateway-developer-guide issue 91
// show the texts; what is allowed is in the API reference of Stage.
func checkVariable(name, value string) error {
	if !variableName.MatchString(name) || len(name) > maxStageVariable {
		return api.BadRequestException("Invalid stage variable name: " + name + ".  Please use names with only word characters.")
	}
	if !variableValue.MatchString(value) || len(value) > maxStageVariableLen {
		return api.BadRequestException("Invalid stage variable value: " + value +
			".  Please use values with alphanumeric characters and the symbols ' ', -', '.', '_', ':', '/', '?', '&', '=', and ','.")
	}
	return nil
}

// checkLogDestination refuses places of access logs that nothing could go to.
//
// AWS: the text is recorded for other ARNs.
func (s *Service) checkLogDestination(a *api.AccessLogSettings) error {
	if a == nil || a.DestinationArn == nil {
		return nil
	}
	name, err := arn.Parse(*a.DestinationArn)
	switch {
	case err != nil || name.Service != "logs" && name.Service != "firehose":
		return api.BadRequestException("Invalid ARN specified in the request. ARN must be that of a log group or delivery stream")
	case name.Service == "firehose" && (s.opt.DeliveryStreams == nil || !s.opt.DeliveryStreams(name.Resource)):
		return noDeliveryStream.refuse("")
	}
	return nil
}

// checkLogOwner refuses to let access logs go to another account, or to another
// Region, than the stage's; what was there before may stay.
//
// AWS: PutLogEvents and PutRecord, which deliver them, know the names of groups and
// streams only, so both are those of the account and the Region. The text is ours.
func checkLogOwner(ctx context.Context, before string, a *api.AccessLogSettings) error {
	if a == nil || str(a.DestinationArn) == before {
		return nil
	}
	name, err := arn.Parse(str(a.DestinationArn))
	if c := awsrpc.CallerFrom(ctx); err == nil && (name.Account != c.Account || name.Region != c.Region) {
		return api.BadRequestException("Invalid ARN specified in the request. ARN must be that of a log group or delivery stream of account " +
			c.Account + " in " + c.Region)
	}
	return nil
}

// logDestination is where the access log of a stage goes; empty: nowhere.
func logDestination(st *api.Stage) string {
	if st.AccessLogSettings == nil {
		return ""
	}
	return str(st.AccessLogSettings.DestinationArn)
}

// checkStage refuses settings that AWS refuses or that would not act, and fills
// in what follows from others.
func (s *Service) checkStage(st *api.Stage) error {
	if err := s.checkLogDestination(st.AccessLogSettings); err != nil {
		return err
	}
	if len(st.Variables) > s.opt.Limits.StageVariables {
		return errTooMany("Stage Variables for this Stage", "Stage Variables") // AWS: undocumented text
	}
	for _, name := range sortedKeys(st.Variables) {
		if err := checkVariable(name, st.Variables[name]); err != nil {
			return err
		}
	}
	if canary := st.CanarySettings; canary != nil {
		for _, name := range sortedKeys(canary.StageVariableOverrides) {
			if err := checkVariable(name, canary.StageVariableOverrides[name]); err != nil {
				return err
			}
		}
		if p := *canary.PercentTraffic; !(p >= 0 && p <= 100) {
			return api.BadRequestException("Invalid percentTraffic specified. Must be between 0.0 and 100.0") // AWS: undocumented text
		}
	}
	if err := checkCache(st); err != nil {
		return err
	}
	return nil
}

// requireDeployments demands that the deployments a stage shows are there, and
// stay there.
//
// AWS: recorded (test_create_canary_deployment, test_update_stage_canary_deployment_validation).
func requireDeployments(ctx context.Context, c *store.Change, t record.Tables, stage *record.Stage) error {
	ids := []string{str(stage.DeploymentId)}
	if canary := stage.CanarySettings; canary != nil && *canary.DeploymentId != ids[0] {
		ids = append(ids, *canary.DeploymentId)
	}
	for _, id := range ids {
		_, rev, err := t.Deployments.Find(ctx, errDeploymentID(), stage.RestAPI, id)
		if err != nil {
			return err
		}
		c.Require(t.Deployments.Is(store.ID(stage.RestAPI, id), rev))
	}
	return nil
}

// liveStage reads a stage of an API that is not being deleted.
func (s *Service) liveStage(ctx context.Context, t record.Tables, restAPI, name *string) (record.Stage, store.Rev, error) {
	if _, err := s.restAPI(ctx, restAPI, errStage()); err != nil {
		return record.Stage{}, 0, err
	}
	return t.Stages.Find(ctx, errStage(), str(restAPI), str(name))
}

// GetStage returns one stage.
func (s *Service) GetStage(ctx context.Context, in *api.GetStageInput) (*api.Stage, error) {
	stage, _, err := s.liveStage(ctx, s.tables(ctx), in.RestApiId, in.StageName)
	if err != nil {
		return nil, err
	}
	return &stage.Stage, nil
}

// GetStages lists the stages of an API, or those that show one deployment.
func (s *Service) GetStages(ctx context.Context, in *api.GetStagesInput) (*api.Stages, error) {
	if _, err := s.restAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId)); err != nil {
		return nil, err
	}
	rows, err := s.tables(ctx).Stages.All(ctx, str(in.RestApiId))
	if err != nil {
		return nil, err
	}
	out := &api.Stages{Item: []api.Stage{}}
	for _, row := range rows {
		if in.DeploymentId == nil || str(row.Value.DeploymentId) == *in.DeploymentId {
			out.Item = append(out.Item, row.Value.Stage)
		}
	}
	return out, nil
}

// UpdateStage changes a stage, which acts at once.
func (s *Service) UpdateStage(ctx context.Context, in *api.UpdateStageInput) (*api.Stage, error) {
	t := s.tables(ctx)
	var stage record.Stage
	err := s.commit(ctx, func(c *store.Change) (err error) {
		var rev store.Rev
		if stage, rev, err = s.liveStage(ctx, t, in.RestApiId, in.StageName); err != nil {
			return err
		}
		certificate, settings := str(stage.ClientCertificateId), maps.Clone(stage.MethodSettings)
		destination := logDestination(&stage.Stage)
		if err := stagePatches.apply(&stage.Stage, in.PatchOperations); err != nil {
			return err
		}
		if err := s.checkStage(&stage.Stage); err != nil {
			return err
		}
		if err := checkLogOwner(ctx, destination, stage.AccessLogSettings); err != nil {
			return err
		}
		if err := s.checkLogging(ctx, c, t, settings, &stage.Stage); err != nil {
			return err
		}
		if str(stage.ClientCertificateId) != certificate {
			if err := requireCertificate(ctx, c, t, &stage); err != nil {
				return err
			}
		}
		if err := requireDeployments(ctx, c, t, &stage); err != nil {
			return err
		}
		if err := requireVersion(ctx, c, t, &stage); err != nil {
			return err
		}
		stage.LastUpdatedDate = now()
		id := store.ID(stage.RestAPI, *stage.StageName)
		c.Require(t.Stages.Is(id, rev))
		store.Add(c, t.Stages, id, stage)
		return nil
	})
	return &stage.Stage, err
}

// DeleteStage removes a stage, also out of usage plans. A base path mapping to
// it stays, and serves nothing until the stage is there again.
func (s *Service) DeleteStage(ctx context.Context, in *api.DeleteStageInput) error {
	t := s.tables(ctx)
	err := s.commit(ctx, func(c *store.Change) error {
		stage, rev, err := s.liveStage(ctx, t, in.RestApiId, in.StageName)
		if err != nil {
			return err
		}
		id := store.ID(stage.RestAPI, *stage.StageName)
		c.Require(t.Stages.Is(id, rev))
		c.Do(t.Stages.Delete(id))
		return nil
	})
	if err != nil {
		return err
	}
	err = s.dropPlanStages(ctx, t, func(st api.ApiStage) bool {
		return str(st.ApiId) == str(in.RestApiId) && str(st.Stage) == str(in.StageName)
	})
	if errors.Is(err, context.Canceled) {
		return nil // the stage is gone; a plan that still names it admits nobody
	}
	return err
}
