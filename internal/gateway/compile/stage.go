package compile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"

	"gatehouse/internal/gateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/upstream"
)

// built is a compiled stage with what it was built from.
type built struct {
	rev      store.Rev // of the commit that made it
	stage    *gateway.Stage
	disabled bool // disableExecuteApiEndpoint, as deployed
	clusters map[upstream.Key]bool
}

// compileStage compiles a stage anew. If that fails, its last good version
// stays and the reason is kept.
func (c *Compiler) compileStage(ctx context.Context, id stageID, rev store.Rev) {
	rec := c.mirror.stages[id]
	if rec == nil || !c.mirror.apis[apiID{id.Scope, id.api}] {
		delete(c.stages, id)
		c.settle(id)
		return
	}
	next, err := c.buildSafely(ctx, id, rec)
	if err != nil {
		c.refuse(id, rev, err)
		return
	}
	next.rev = rev
	c.stages[id] = next
	c.settle(id)
}

// settle forgets that a stage was refused.
func (c *Compiler) settle(id stageID) {
	c.mu.Lock()
	delete(c.refused, id)
	c.mu.Unlock()
}

// refuse notes why a stage is not served as it is stored.
func (c *Compiler) refuse(id stageID, rev store.Rev, err error) {
	r := Refusal{Account: id.Account, Region: id.Region, API: id.api, Stage: id.name, Revision: rev, Reason: err.Error()}
	if last := c.stages[id]; last != nil {
		r.Serving = last.rev
	}
	c.opt.Log.Warn("stage does not compile, its last good version stays in force",
		"api", id.api, "stage", id.name, "revision", int64(rev), "serving", int64(r.Serving), "error", err)
	c.mu.Lock()
	c.refused[id] = r
	c.mu.Unlock()
}

// buildSafely builds a stage; a panic becomes an error: one bad record must
// not end the node.
func (c *Compiler) buildSafely(ctx context.Context, id stageID, rec *record.Stage) (b *built, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.opt.Log.Error("panic while compiling a stage", "api", id.api, "stage", id.name, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic while compiling: %v", p)
		}
	}()
	return c.build(ctx, id, rec)
}

// build makes the stage and, if it has one, its canary.
//
// AWS: rest-execution.md §15: the canary serves another deployment with the
// stage's variables, some replaced or added; throttling and API keys are those
// of the stage.
func (c *Compiler) build(ctx context.Context, id stageID, rec *record.Stage) (*built, error) {
	b := &built{clusters: make(map[upstream.Key]bool)}
	var err error
	if b.stage, err = c.buildDeployment(ctx, b, id, rec, str(rec.DeploymentId), rec.Variables); err != nil {
		return nil, err
	}
	canary := rec.CanarySettings
	if canary == nil {
		return b, nil
	}
	variables := maps.Clone(rec.Variables)
	if variables == nil {
		variables = make(map[string]string, len(canary.StageVariableOverrides))
	}
	maps.Copy(variables, canary.StageVariableOverrides)
	deployment := str(canary.DeploymentId)
	if deployment == "" {
		deployment = str(rec.DeploymentId)
	}
	other, err := c.buildDeployment(ctx, b, id, rec, deployment, variables)
	if err != nil {
		return nil, fmt.Errorf("canary: %w", err)
	}
	b.stage.Canary = &gateway.Canary{Stage: other}
	if canary.PercentTraffic != nil {
		b.stage.Canary.Percent = *canary.PercentTraffic
	}
	return b, nil
}

// buildDeployment makes what serves one deployment in a stage.
func (c *Compiler) buildDeployment(ctx context.Context, b *built, id stageID, rec *record.Stage, deployment string, variables map[string]string) (*gateway.Stage, error) {
	dep := c.mirror.deployments[deploymentID{id.Scope, id.api, deployment}]
	if dep == nil {
		return nil, fmt.Errorf("deployment %q does not exist", deployment)
	}
	def, err := c.definition(ctx, id.Scope, dep.Definition)
	if err != nil {
		return nil, err
	}
	st := &gateway.Stage{
		Account: id.Account, Region: id.Region, API: id.api, Name: id.name,
		Deployment: deployment, EndpointType: endpointType(def), Variables: variables,
	}
	p, err := c.newPlanner(b, def, rec, variables)
	if err != nil {
		return nil, err
	}
	if st.Router, err = p.router(); err != nil {
		return nil, err
	}
	st.Fallback = p.fallback()
	if d := def.RestAPI.DisableExecuteApiEndpoint; d != nil {
		b.disabled = *d
	}
	return st, nil
}

// definition reads what a deployment froze. The last one read is kept: at
// start and after a deployment the same one is often wanted twice.
func (c *Compiler) definition(ctx context.Context, s record.Scope, ref store.Ref) (*record.Definition, error) {
	if c.lastRef == ref && c.lastDef != nil {
		return c.lastDef, nil
	}
	def, err := record.In(c.st, c.blobs, s).LoadDefinition(ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("the deployment's definition %s is missing", ref)
	}
	if err != nil {
		return nil, err
	}
	c.lastRef, c.lastDef = ref, def
	return def, nil
}

func endpointType(def *record.Definition) string {
	if e := def.RestAPI.EndpointConfiguration; e != nil && len(e.Types) > 0 {
		return e.Types[0]
	}
	return "EDGE" // AWS: the default of CreateRestApi
}
