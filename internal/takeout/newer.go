package takeout

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
)

// A newerAPI is what there is to know of an HTTP or WebSocket API.
type newerAPI struct {
	t    *taker
	id   string
	name string // for people: "HTTP API pets"
	path string // of its API
	info v2.Api

	routes       []v2.Route
	integrations []v2.Integration
	authorizers  []v2.Authorizer
	models       []v2.Model
	stages       []v2.Stage
	deployments  []v2.Deployment // the older first

	// Of WebSocket APIs, by the ids of routes and integrations.
	routeResponses       map[string][]v2.RouteResponse
	integrationResponses map[string][]v2.IntegrationResponse
}

// newerAPIs takes all HTTP and WebSocket APIs, one stack each.
func (t *taker) newerAPIs(ctx context.Context) error {
	all, err := list[v2.Api](ctx, t, "HTTP and WebSocket APIs", "/v2/apis")
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b v2.Api) int {
		return cmp.Or(strings.Compare(str(a.Name), str(b.Name)), strings.Compare(str(a.ApiId), str(b.ApiId)))
	})
	for i := range all {
		if !t.wanted(str(all[i].ApiId), str(all[i].Name)) {
			continue
		}
		t.opt.Progress("reading %s API %s (%d of %d)", str(all[i].ProtocolType), str(all[i].Name), i+1, len(all))
		if err := t.newerAPI(ctx, all[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *taker) newerAPI(ctx context.Context, info v2.Api) error {
	kind := "HTTP API "
	if str(info.ProtocolType) == v2.ProtocolTypeWebsocket {
		kind = "WebSocket API "
	}
	a := &newerAPI{t: t, id: str(info.ApiId), name: kind + str(info.Name), path: "/v2/apis/" + url.PathEscape(str(info.ApiId)), info: info}
	if read, err := t.readAPI(ctx, taken{id: a.id, name: str(info.Name)}, a.name, a.read); !read {
		return err
	}
	if is(info.ApiGatewayManaged) {
		t.leave(a.name, "a service of AWS made it and keeps it; the copy is an API of your own")
	}
	st := Stack{Name: stackOf(str(info.Name), a.id), About: a.name}
	var err error
	if kind == "HTTP API " {
		st.Steps, err = a.httpTemplates(ctx, st.Name)
	} else {
		st.Steps = a.socketTemplates(st.Name)
	}
	t.out.Stacks = append(t.out.Stacks, st)
	return err
}

// read reads all of the API.
func (a *newerAPI) read(ctx context.Context) error {
	var err error
	if a.routes, err = whole[v2.Route](ctx, a.t, a.name+": routes", a.path+"/routes"); err != nil {
		return err
	}
	slices.SortFunc(a.routes, func(x, y v2.Route) int { return strings.Compare(str(x.RouteKey), str(y.RouteKey)) })
	if a.integrations, err = whole[v2.Integration](ctx, a.t, a.name+": integrations", a.path+"/integrations"); err != nil {
		return err
	}
	if a.authorizers, err = whole[v2.Authorizer](ctx, a.t, a.name+": authorizers", a.path+"/authorizers"); err != nil {
		return err
	}
	for _, r := range a.routes {
		if needsAuthorizer(r.AuthorizationType) && !slices.ContainsFunc(a.authorizers, func(o v2.Authorizer) bool { return str(o.AuthorizerId) == str(r.AuthorizerId) }) {
			return fmt.Errorf("%s: route %s: %w", a.name, str(r.RouteKey), errNoAuthorizer)
		}
	}
	slices.SortFunc(a.authorizers, func(x, y v2.Authorizer) int { return strings.Compare(str(x.Name), str(y.Name)) })
	if a.stages, err = whole[v2.Stage](ctx, a.t, a.name+": stages", a.path+"/stages"); err != nil {
		return err
	}
	if a.deployments, err = whole[v2.Deployment](ctx, a.t, a.name+": deployments", a.path+"/deployments"); err != nil {
		return err
	}
	slices.SortStableFunc(a.deployments, func(x, y v2.Deployment) int {
		if x.CreatedDate == nil || y.CreatedDate == nil {
			return 0
		}
		return x.CreatedDate.Compare(*y.CreatedDate)
	})
	if str(a.info.ProtocolType) == v2.ProtocolTypeWebsocket {
		return a.readSocket(ctx)
	}
	return nil
}

// stage adds a stage, if what it serves is there already.
func (a *newerAPI) stage(b *builder, s v2.Stage) {
	what := a.name + ": stage " + str(s.StageName)
	if is(s.AutoDeploy) {
		s.DeploymentId = nil // it makes its own
	}
	if id := str(s.DeploymentId); id != "" && b.Resources[b.logical("Deployment "+id)] == nil {
		return
	}
	p := b.properties("AWS::ApiGatewayV2::Stage", what, s, nil, "ApiGatewayManaged CreatedDate LastUpdatedDate LastDeploymentStatusMessage")
	p["ApiId"] = ref(b.logical("API"))
	b.add("AWS::ApiGatewayV2::Stage", "Stage "+str(s.StageName), p)
}

// deployment adds a deployment.
func (a *newerAPI) deployment(b *builder, d v2.Deployment) *Resource {
	p := b.properties("AWS::ApiGatewayV2::Deployment", a.name+": deployment "+str(d.DeploymentId), d, nil, "AutoDeployed CreatedDate DeploymentId DeploymentStatus DeploymentStatusMessage")
	p["ApiId"] = ref(b.logical("API"))
	what := "Deployment " + str(d.DeploymentId)
	a.t.ids[str(d.DeploymentId)] = reference{stack: b.stack, logical: b.logical(what)}
	return b.add("AWS::ApiGatewayV2::Deployment", what, p)
}

// served are the deployments that stages serve which do not deploy by
// themselves, each with one of these.
func (a *newerAPI) served() []servedDeployment {
	var out []servedDeployment
	for _, d := range a.deployments {
		for _, s := range a.stages {
			if !is(s.AutoDeploy) && s.DeploymentId != nil && str(s.DeploymentId) == str(d.DeploymentId) {
				out = append(out, servedDeployment{d, str(s.StageName)})
				break
			}
		}
	}
	return out
}

// A servedDeployment is one that a stage serves.
type servedDeployment struct {
	v2.Deployment
	stage string
}
