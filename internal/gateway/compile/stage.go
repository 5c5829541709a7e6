package compile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/upstream"
)

// built is a compiled stage with what it was built from.
type built struct {
	rev      store.Rev // of the commit that made it
	stage    *gateway.Stage
	clusters map[upstream.Key]bool
	caches   map[cache.Key]bool
	links    map[linkID]bool // VPC links that are called through, also those there are not
	// decisions are the caches of its authorizers.
	decisions map[cache.Key]bool
	issuers   map[string]bool    // of tokens, by URL
	series    map[SeriesKey]bool // of its methods; nil: none

	http     bool      // of an HTTP API
	socket   bool      // of a WebSocket API
	disabled bool      // disableExecuteApiEndpoint, as deployed
	deployed time.Time // when that was
	name     string    // of the API, as deployed

	served  *gateway.Stage // stage with its callers
	callers *callers       // those it was made for
}

// compileStages compiles stages anew: those of one API after another, those of
// several APIs side by side.
func (c *Compiler) compileStages(ctx context.Context, stages map[stageID]bool, rev store.Rev) {
	var jobs []*job
	for _, id := range slices.SortedFunc(maps.Keys(stages), compareStages) {
		if c.mirror.unread[id] == nil && !c.mirror.serves(id) {
			delete(c.stages, id)
			c.settle(id)
			continue
		}
		jobs = append(jobs, &job{id: id})
	}
	c.runJobs(ctx, jobs)
	if ctx.Err() != nil {
		return // what failed may have failed for that
	}
	for _, j := range jobs {
		if j.err != nil {
			if errors.As(j.err, new(*readError)) {
				c.again[j.id] = true
			}
			c.refuse(j.id, rev, j.err)
			continue
		}
		j.made.rev = rev
		c.stages[j.id] = j.made
		c.settle(j.id)
	}
}

// A job is one stage to be compiled, and what came of it.
type job struct {
	id   stageID
	made *built
	err  error
}

// runJobs does jobs, in which the stages of an API must stand together, on all
// processors.
func (c *Compiler) runJobs(ctx context.Context, jobs []*job) {
	var apis [][]*job
	for i, j := range jobs {
		if i == 0 || j.id.Scope != jobs[i-1].id.Scope || j.id.api != jobs[i-1].id.api {
			apis = append(apis, nil)
		}
		last := &apis[len(apis)-1]
		*last = append(*last, j)
	}
	var next atomic.Int64
	work := func() {
		b := builder{c: c}
		for i := int(next.Add(1)) - 1; i < len(apis) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
			for _, j := range apis[i] {
				j.err = c.safely(func() (err error) {
					j.made, err = b.build(ctx, j.id)
					return err
				})
			}
		}
	}
	var wg sync.WaitGroup
	for range min(len(apis), runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
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
	c.mu.Lock()
	before, again := c.refused[id]
	again = again && before.Reason == r.Reason
	if again {
		r.Revision = before.Revision
	}
	c.refused[id] = r
	c.mu.Unlock()
	if !again {
		c.opt.Log.Warn("stage does not compile, its last good version stays in force",
			"api", id.api, "stage", id.name, "revision", int64(rev), "serving", int64(r.Serving), "error", err)
	}
}

// safely turns a panic of do into an error: one bad record must not end the
// node.
func (c *Compiler) safely(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.opt.Log.Error("panic while compiling", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic while compiling: %v", p)
		}
	}()
	return do()
}

// A builder compiles stages one after another.
type builder struct {
	c *Compiler

	// The definition read last. The stages of an API often want the same one.
	ref store.Ref
	def *record.Definition
}

// build makes the stage and, if it has one, its canary.
//
// AWS: rest-execution.md §15: the canary serves another deployment with the
// stage's variables, some replaced or added; throttling and API keys are those
// of the stage.
func (b *builder) build(ctx context.Context, id stageID) (*built, error) {
	if err := b.c.mirror.unread[id]; err != nil {
		return nil, err
	}
	rec := b.c.mirror.stages[id]
	made := &built{
		clusters: make(map[upstream.Key]bool), caches: make(map[cache.Key]bool), links: make(map[linkID]bool), decisions: make(map[cache.Key]bool), issuers: make(map[string]bool),
	}
	if http := b.c.mirror.http.stages[id]; http != nil {
		return made, b.buildHTTP(ctx, made, id, http)
	}
	// The canary first: what is said of the stage as a whole is its own.
	canary, err := b.buildCanary(ctx, made, id, rec)
	if err != nil {
		return nil, fmt.Errorf("canary: %w", err)
	}
	if made.stage, err = b.buildDeployment(ctx, made, id, rec, &release{deployment: str(rec.DeploymentId), variables: rec.Variables}); err != nil {
		return nil, err
	}
	made.stage.Canary = canary
	return made, nil
}

// buildCanary makes what serves a share of the stage's requests, or nil.
func (b *builder) buildCanary(ctx context.Context, made *built, id stageID, rec *record.Stage) (*gateway.Canary, error) {
	canary := rec.CanarySettings
	if canary == nil {
		return nil, nil
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
	st, err := b.buildDeployment(ctx, made, id, rec, &release{deployment, variables, true})
	if err != nil {
		return nil, err
	}
	c := &gateway.Canary{Stage: st}
	if canary.PercentTraffic != nil {
		c.Percent = *canary.PercentTraffic
	}
	return c, nil
}

// A release is what a stage, or its canary, serves.
type release struct {
	deployment string
	variables  map[string]string
	canary     bool
}

// buildDeployment makes what serves one deployment in a stage.
func (b *builder) buildDeployment(ctx context.Context, made *built, id stageID, rec *record.Stage, rel *release) (*gateway.Stage, error) {
	dep := b.c.mirror.deployments[deploymentID{id.Scope, id.api, rel.deployment}]
	if dep == nil {
		return nil, fmt.Errorf("deployment %q does not exist", rel.deployment)
	}
	def, err := b.definition(ctx, id.Scope, dep.Definition)
	if err != nil {
		return nil, err
	}
	st := &gateway.Stage{
		Account: id.Account, Region: id.Region, API: id.api, Name: id.name,
		Deployment: rel.deployment, EndpointType: endpointType(def), Variables: rel.variables,
	}
	if e := def.RestAPI.EndpointConfiguration; e != nil && st.EndpointType == api.EndpointTypePrivate {
		st.Endpoints = e.VpcEndpointIds
	}
	p, err := b.c.newPlanner(made, id, def, rec, rel)
	if err != nil {
		return nil, err
	}
	if st.Router, err = p.router(); err != nil {
		return nil, err
	}
	st.Fallback = p.fallback()
	made.disabled, made.deployed = isTrue(def.RestAPI.DisableExecuteApiEndpoint), dep.Created
	made.name = str(def.RestAPI.Name)
	return st, nil
}

// A readError is a definition that could not be read: perhaps it can be later.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// definition reads what a deployment froze.
func (b *builder) definition(ctx context.Context, s record.Scope, ref store.Ref) (*record.Definition, error) {
	if b.ref == ref && b.def != nil {
		return b.def, nil
	}
	def, err := record.In(b.c.st, b.c.blobs, s).LoadDefinition(ctx, ref)
	if err != nil {
		return nil, &readError{fmt.Errorf("the deployment's definition: %w", err)}
	}
	b.ref, b.def = ref, def
	return def, nil
}

func endpointType(def *record.Definition) string {
	if e := def.RestAPI.EndpointConfiguration; e != nil && len(e.Types) > 0 {
		return e.Types[0]
	}
	return "EDGE" // AWS: the default of CreateRestApi
}
