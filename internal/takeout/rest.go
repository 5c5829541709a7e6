package takeout

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
)

// A restAPI is what there is to know of a REST API.
type restAPI struct {
	t    *taker
	id   string
	name string // for people: "REST API pets"
	path string // of its API
	info api.RestApi

	present     *openapi.API // as it is being edited
	stages      []api.Stage
	deployments []api.Deployment // the older first
	versions    []api.DocumentationVersion
}

// restAPIs takes all REST APIs, one stack each.
func (t *taker) restAPIs(ctx context.Context) error {
	all, err := list[api.RestApi](ctx, t, "REST APIs", "/restapis")
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b api.RestApi) int {
		return cmp.Or(strings.Compare(str(a.Name), str(b.Name)), strings.Compare(str(a.Id), str(b.Id)))
	})
	for i := range all {
		if !t.wanted(str(all[i].Id), str(all[i].Name)) {
			continue
		}
		t.opt.Progress("reading REST API %s (%d of %d)", str(all[i].Name), i+1, len(all))
		if err := t.restAPI(ctx, all[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *taker) restAPI(ctx context.Context, info api.RestApi) error {
	a := &restAPI{t: t, id: str(info.Id), name: "REST API " + str(info.Name), path: "/restapis/" + url.PathEscape(str(info.Id)), info: info}
	if read, err := t.readAPI(ctx, taken{id: a.id, name: str(info.Name)}, a.name, a.read); !read {
		return err
	}
	states, err := a.states(ctx)
	if err != nil {
		return err
	}
	st := Stack{Name: stackOf(str(info.Name), a.id), About: a.name}
	st.Steps, err = a.templates(states, st.Name)
	t.out.Stacks = append(t.out.Stacks, st)
	return err
}

// stackOf names the stack of an API, and so its files: what its name and its id
// have of the letters that names of stacks may have, whatever the source says.
func stackOf(name, id string) string {
	const longest = 60
	clean := func(s string) string {
		s = strings.Trim(strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
				return r
			}
			return '-'
		}, s), "-")
		return s[:min(len(s), longest)]
	}
	return "api-" + clean(name) + "-" + clean(id)
}

// read reads all of the API.
func (a *restAPI) read(ctx context.Context) error {
	var err error
	if a.present, err = a.definition(ctx); err != nil {
		return err
	}
	if a.stages, err = whole[api.Stage](ctx, a.t, a.name+": stages", a.path+"/stages"); err != nil {
		return err
	}
	if a.deployments, err = whole[api.Deployment](ctx, a.t, a.name+": deployments", a.path+"/deployments"); err != nil {
		return err
	}
	slices.SortStableFunc(a.deployments, func(x, y api.Deployment) int {
		if x.CreatedDate == nil || y.CreatedDate == nil {
			return 0
		}
		return x.CreatedDate.Compare(*y.CreatedDate)
	})
	a.versions, err = whole[api.DocumentationVersion](ctx, a.t, a.name+": documentation versions", a.path+"/documentation/versions")
	return err
}

// definition reads the API as it is being edited.
func (a *restAPI) definition(ctx context.Context) (*openapi.API, error) {
	def := &openapi.API{Settings: a.info}
	def.Settings.Policy = unescaped(def.Settings.Policy)
	var err error
	if def.Models, err = whole[api.Model](ctx, a.t, a.name+": models", a.path+"/models"); err != nil {
		return nil, err
	}
	if def.GatewayResponses, err = whole[api.GatewayResponse](ctx, a.t, a.name+": gateway responses", a.path+"/gatewayresponses"); err != nil {
		return nil, err
	}
	if def.Authorizers, err = whole[api.Authorizer](ctx, a.t, a.name+": authorizers", a.path+"/authorizers"); err != nil {
		return nil, err
	}
	if def.Validators, err = whole[api.RequestValidator](ctx, a.t, a.name+": validators", a.path+"/requestvalidators"); err != nil {
		return nil, err
	}
	if def.Documentation, err = whole[api.DocumentationPart](ctx, a.t, a.name+": documentation", a.path+"/documentation/parts"); err != nil {
		return nil, err
	}
	resources, err := whole[api.Resource](ctx, a.t, a.name+": resources", a.path+"/resources?embed=methods")
	if err != nil {
		return nil, err
	}
	for _, r := range resources {
		for _, verb := range sortedKeys(r.ResourceMethods) {
			m := r.ResourceMethods[verb]
			if needsAuthorizer(m.AuthorizationType) && !slices.ContainsFunc(def.Authorizers, func(o api.Authorizer) bool { return str(o.Id) == str(m.AuthorizerId) }) {
				return nil, fmt.Errorf("%s: %s %s: %w", a.name, verb, str(r.Path), errNoAuthorizer)
			}
		}
	}
	return a.tidy(def, resources), nil
}

// tidy makes a definition what a document says: names in place of ids, and
// nothing that goes without saying.
func (a *restAPI) tidy(def *openapi.API, resources []api.Resource) *openapi.API {
	// AWS: a response is there for each type; those that nobody changed say so.
	def.GatewayResponses = slices.DeleteFunc(def.GatewayResponses, func(r api.GatewayResponse) bool { return is(r.DefaultResponse) })
	for i := range def.GatewayResponses {
		def.GatewayResponses[i].DefaultResponse = nil
	}
	byName := func(x, y string) int { return strings.Compare(x, y) }
	slices.SortFunc(def.Models, func(x, y api.Model) int { return byName(str(x.Name), str(y.Name)) })
	slices.SortFunc(def.GatewayResponses, func(x, y api.GatewayResponse) int { return byName(str(x.ResponseType), str(y.ResponseType)) })
	authorizers := map[string]string{}
	for i := range def.Authorizers {
		authorizers[str(def.Authorizers[i].Id)] = str(def.Authorizers[i].Name)
		def.Authorizers[i].Id = nil
	}
	slices.SortFunc(def.Authorizers, func(x, y api.Authorizer) int { return byName(str(x.Name), str(y.Name)) })
	validators := a.nameValidators(def)
	slices.SortFunc(def.Validators, func(x, y api.RequestValidator) int { return byName(str(x.Name), str(y.Name)) })
	for i := range def.Documentation {
		def.Documentation[i].Id = nil
	}
	slices.SortFunc(resources, func(x, y api.Resource) int { return byName(str(x.Path), str(y.Path)) })
	paths := map[string]string{}
	for _, r := range resources {
		paths[str(r.Id)] = str(r.Path)
	}
	for _, r := range resources {
		res := openapi.Resource{Path: str(r.Path), Part: str(r.PathPart), Parent: paths[str(r.ParentId)]}
		for _, verb := range sortedKeys(r.ResourceMethods) {
			m := openapi.Method{Method: r.ResourceMethods[verb], Authorizer: authorizers[str(r.ResourceMethods[verb].AuthorizerId)],
				Validator: validators[str(r.ResourceMethods[verb].RequestValidatorId)]}
			m.HttpMethod = &verb
			m.AuthorizerId, m.RequestValidatorId = nil, nil
			if in := m.MethodIntegration; in != nil && str(in.CacheNamespace) == str(r.Id) {
				in.CacheNamespace = nil // it stands for the resource it is in
			} else if in != nil && paths[str(in.CacheNamespace)] != "" {
				a.t.leave(a.name+": "+verb+" "+str(r.Path)+": cacheNamespace", "it is the id of the resource %s, which will be another one", paths[str(in.CacheNamespace)])
			}
			res.Methods = append(res.Methods, m)
		}
		def.Resources = append(def.Resources, res)
	}
	return def
}

// nameValidators gives each validator a name of its own: documents have no ids.
func (a *restAPI) nameValidators(def *openapi.API) map[string]string {
	names, taken := map[string]string{}, map[string]bool{}
	for i := range def.Validators {
		v := &def.Validators[i]
		id, name := str(v.Id), str(v.Name)
		if name == "" || taken[name] {
			a.t.leave(a.name+": validator "+id, "another one has its name, or it has none: it is called by its id")
			name = id
		}
		names[id], taken[name] = name, true
		v.Id, v.Name = nil, &name
	}
	return names
}

// unescaped is a policy as JSON.
//
// AWS: the policy of an API is returned with its quotes escaped once more.
func unescaped(policy *string) *string {
	if policy == nil || !strings.HasPrefix(*policy, `{\"`) {
		return policy
	}
	p := strings.ReplaceAll(strings.ReplaceAll(*policy, `\"`, `"`), `\\`, `\`)
	return &p
}

// exported reads what a stage serves.
func (a *restAPI) exported(ctx context.Context, stage string) (*openapi.API, error) {
	doc, err := a.t.Get(ctx, a.path+"/stages/"+url.PathEscape(stage)+"/exports/oas30?extensions=apigateway,documentation")
	if r := hidden(err); r != nil {
		a.t.leave(a.name+": what stage "+stage+" serves", "its export is refused: %v; the present definition takes its place", r)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	def, err := openapi.Import(doc, openapi.Options{RestAPI: a.id, BasePath: openapi.BasePathIgnore})
	if err != nil {
		a.t.leave(a.name+": what stage "+stage+" serves", "its export cannot be read: %v; the present definition takes its place", err)
		return nil, nil
	}
	for _, w := range def.Warnings {
		a.t.leave(a.name+": what stage "+stage+" serves", "%s", w)
	}
	def.Warnings = nil
	return def, nil
}
