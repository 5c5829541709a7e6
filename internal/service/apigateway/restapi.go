package apigateway

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// CreateRestApi creates a REST API with nothing but its root resource, or a
// copy of another.
func (s *Service) CreateRestApi(ctx context.Context, in *api.CreateRestApiInput) (*api.RestApi, error) {
	rec, err := newRestAPI(in)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	err = s.commit(ctx, func(c *store.Change) error {
		def := newDefinition()
		if in.CloneFrom != nil {
			if def, err = s.cloneDefinition(ctx, in.CloneFrom); err != nil {
				return err
			}
		}
		return s.createRestAPI(ctx, c, t, &rec, def)
	})
	if err != nil {
		return nil, err
	}
	rec.Policy = shownPolicy(rec.Policy)
	return &rec.RestApi, nil
}

// newRestAPI checks the settings of a new API and fills in the defaults.
//
// AWS: recorded (test_create_rest_api_*), also the order of the checks.
func newRestAPI(in *api.CreateRestApiInput) (record.RestAPI, error) {
	rec := record.RestAPI{RestApi: api.RestApi{
		Name: in.Name, Description: in.Description, Version: text(in.Version), CreatedDate: now(),
		ApiKeySource: new(api.ApiKeySourceTypeHeader), DisableExecuteApiEndpoint: new(is(in.DisableExecuteApiEndpoint)),
	}}
	if len(in.BinaryMediaTypes) > 0 {
		rec.BinaryMediaTypes = in.BinaryMediaTypes
	}
	if len(in.Tags) > 0 {
		rec.Tags = in.Tags
	}
	if in.ApiKeySource != nil {
		rec.ApiKeySource = in.ApiKeySource
	}
	if str(in.Name) == "" {
		return rec, api.BadRequestException("API name cannot be an empty string") // AWS: undocumented text, after that of descriptions
	}
	if in.Description != nil && *in.Description == "" {
		return rec, api.BadRequestException("Description cannot be an empty string")
	}
	if in.MinimumCompressionSize != nil && (*in.MinimumCompressionSize < 0 || *in.MinimumCompressionSize > maxCompression) {
		return rec, errCompression()
	}
	endpoint, err := newEndpoint(in.EndpointConfiguration)
	if err != nil {
		return rec, err
	}
	rec.EndpointConfiguration = endpoint
	rec.MinimumCompressionSize, rec.Policy = in.MinimumCompressionSize, text(in.Policy)
	rec.SecurityPolicy, rec.EndpointAccessMode = in.SecurityPolicy, in.EndpointAccessMode
	return rec, checkRestAPI(&rec.RestApi)
}

// checkRestAPI refuses settings that would not act.
func checkRestAPI(a *api.RestApi) error {
	switch {
	case a.SecurityPolicy != nil && *a.SecurityPolicy != api.SecurityPolicyTls10:
		return noSecurityPolicy.refuse(*a.SecurityPolicy)
	case str(a.EndpointAccessMode) == api.EndpointAccessModeStrict:
		return noAccessMode.refuse(*a.EndpointAccessMode)
	}
	return checkVPCEndpoints(endpoint(a))
}

// maxVPCEndpoints bounds the VPC endpoints that an API lists. AWS:
// undocumented.
const maxVPCEndpoints = 100

var vpcEndpointForm = regexp.MustCompile(`^vpce-[0-9a-z]{1,60}$`)

// checkVPCEndpoints checks the VPC endpoints with which an API is associated.
//
// AWS: "It is only supported for PRIVATE endpoint type" (API reference of
// EndpointConfiguration). The texts are undocumented.
func checkVPCEndpoints(e *api.EndpointConfiguration) error {
	switch {
	case len(e.VpcEndpointIds) == 0:
		return nil
	case e.Types[0] != api.EndpointTypePrivate:
		return api.BadRequestException("Only APIs with the endpoint type PRIVATE can be associated with VPC endpoints.")
	case len(e.VpcEndpointIds) > maxVPCEndpoints:
		return api.BadRequestException("Too many VPC endpoints specified.")
	}
	for _, id := range e.VpcEndpointIds {
		if !vpcEndpointForm.MatchString(id) {
			return api.BadRequestException("Invalid VPC endpoint specified: " + id)
		}
	}
	return nil
}

// newEndpoint fills in what an endpoint configuration leaves open.
//
// AWS: recorded (test_create_rest_api_verify_defaults, …_private_type,
// …_with_endpoint_configuration).
func newEndpoint(in *api.EndpointConfiguration) (*api.EndpointConfiguration, error) {
	out := &api.EndpointConfiguration{Types: []string{api.EndpointTypeEdge}, IpAddressType: new(api.IpAddressTypeIpv4)}
	if in == nil {
		return out, nil
	}
	if in.Types != nil {
		out.Types = in.Types
	}
	switch len(out.Types) {
	case 0:
		return nil, errNoEndpoint()
	case 1:
	default:
		return nil, errManyEndpoints()
	}
	private := out.Types[0] == api.EndpointTypePrivate
	if private {
		out.IpAddressType = new(api.IpAddressTypeDualstack)
	}
	if in.IpAddressType != nil {
		out.IpAddressType = in.IpAddressType
	}
	if private && *out.IpAddressType != api.IpAddressTypeDualstack {
		return nil, errDualstack()
	}
	out.VpcEndpointIds = in.VpcEndpointIds
	return out, nil
}

func errCompression() error {
	return api.BadRequestException("Invalid minimum compression size, must be between 0 and 10485760")
}

func errNoEndpoint() error {
	return api.BadRequestException("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
}

func errManyEndpoints() error {
	return api.BadRequestException("Cannot create an api with multiple Endpoint Types.")
}

func errDualstack() error {
	return api.BadRequestException("Only dualstack ipAddressType is supported for Private APIs.")
}

// newDefinition is the definition of a new API: the root resource and the two
// models that AWS gives it.
//
// AWS: recorded (test_model_lifecycle).
func newDefinition() *record.Definition {
	root := newID(apiIDLen)
	return &record.Definition{
		RestAPI:   api.RestApi{RootResourceId: new(root)},
		Resources: map[string]api.Resource{root: {Id: new(root), Path: new("/")}},
		Models: map[string]api.Model{
			"Empty": {
				Id: new(newID(shortIDLen)), Name: new("Empty"), ContentType: new("application/json"),
				Description: new("This is a default empty schema model"),
				Schema:      new("{\n  \"$schema\": \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Empty Schema\",\n  \"type\" : \"object\"\n}"),
			},
			"Error": {
				Id: new(newID(shortIDLen)), Name: new("Error"), ContentType: new("application/json"),
				Description: new("This is a default error schema model"),
				Schema:      new("{\n  \"$schema\" : \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Error Schema\",\n  \"type\" : \"object\",\n  \"properties\" : {\n    \"message\" : { \"type\" : \"string\" }\n  }\n}"),
			},
		},
	}
}

// cloneDefinition reads the definition of another API and gives everything in
// it ids of its own.
func (s *Service) cloneDefinition(ctx context.Context, from *string) (*record.Definition, error) {
	src, err := s.restAPI(ctx, from, errAPI(ctx, from))
	if err != nil {
		return nil, err
	}
	def, err := s.tables(ctx).LoadDefinition(ctx, src.Definition)
	if err != nil {
		return nil, err
	}
	renewIDs(def)
	return def, nil
}

// renewIDs gives resources, models and validators new ids, and changes what
// refers to them.
func renewIDs(def *record.Definition) {
	fresh := map[string]string{}
	for id, r := range def.Resources {
		n := shortIDLen
		if r.ParentId == nil {
			n = apiIDLen
		}
		fresh[id] = newID(n)
	}
	validators := map[string]api.RequestValidator{}
	for id, v := range def.RequestValidators {
		fresh[id] = newID(shortIDLen)
		v.Id = new(fresh[id])
		validators[fresh[id]] = v
	}
	renew := func(p *string) *string {
		if id, ok := fresh[str(p)]; ok {
			return new(id)
		}
		return p
	}
	resources := map[string]api.Resource{}
	for id, r := range def.Resources {
		r.Id, r.ParentId = new(fresh[id]), renew(r.ParentId)
		for name, m := range r.ResourceMethods {
			m.RequestValidatorId = renew(m.RequestValidatorId)
			if m.MethodIntegration != nil {
				m.MethodIntegration.CacheNamespace = renew(m.MethodIntegration.CacheNamespace)
			}
			r.ResourceMethods[name] = m
		}
		resources[fresh[id]] = r
	}
	for name, m := range def.Models {
		m.Id = new(newID(shortIDLen))
		def.Models[name] = m
	}
	def.Resources, def.RequestValidators = resources, validators
	def.RestAPI.RootResourceId = renew(def.RestAPI.RootResourceId)
}

// createRestAPI adds a new API to c: rec gets its id, and the root of def.
func (s *Service) createRestAPI(ctx context.Context, c *store.Change, t record.Tables, rec *record.RestAPI, def *record.Definition) error {
	if err := s.checkAPICount(ctx, t, rec.EndpointConfiguration.Types[0]); err != nil {
		return err
	}
	if rec.Id == nil {
		rec.Id = new(newID(apiIDLen))
	}
	rec.Scope = t.Scope
	if err := s.settlePolicy(ctx, &rec.RestApi, t.Scope, nil); err != nil {
		return err
	}
	rec.RootResourceId = def.RestAPI.RootResourceId
	e := &apiEdit{tables: t, limits: &s.opt.Limits, scope: t.Scope, rec: *rec, def: def}
	c.Require(t.RestAPIs.Absent(store.ID(*rec.Id)))
	return e.save(ctx, c)
}

// checkAPICount refuses one API more of a kind of endpoint than there may be.
//
// AWS: "Quotas for configuring and running a REST API".
func (s *Service) checkAPICount(ctx context.Context, t record.Tables, kind string) error {
	limit := s.opt.Limits.RestAPIs
	if kind == api.EndpointTypeEdge {
		limit = s.opt.Limits.EdgeAPIs
	}
	have, err := ids(ctx, s.st, t.RestAPIs)
	if err != nil || len(have) < limit {
		return err
	}
	rows, err := t.RestAPIs.All(ctx)
	if err != nil {
		return err
	}
	for i := range rows {
		if endpoint(&rows[i].Value.RestApi).Types[0] == kind {
			limit--
		}
	}
	if limit <= 0 {
		return errLimit("APIs")
	}
	return nil
}

// GetRestApi returns one API.
func (s *Service) GetRestApi(ctx context.Context, in *api.GetRestApiInput) (*api.RestApi, error) {
	rec, err := s.restAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	return shownRestAPI(rec), nil
}

// shownRestAPI is an API as it is returned by name.
//
// AWS: no tags are shown as an empty map, but not by CreateRestApi and
// GetRestApis (recorded: test_update_rest_api_behaviour).
func shownRestAPI(rec record.RestAPI) *api.RestApi {
	rec.Tags, rec.Policy = shownTags(rec.Tags), shownPolicy(rec.Policy)
	return &rec.RestApi
}

// GetRestApis lists the APIs of the caller's account in this region.
func (s *Service) GetRestApis(ctx context.Context, in *api.GetRestApisInput) (*api.RestApis, error) {
	rows, err := s.tables(ctx).RestAPIs.All(ctx)
	if err != nil {
		return nil, err
	}
	apis := make([]api.RestApi, len(rows))
	for i, row := range rows {
		apis[i] = row.Value.RestApi
		apis[i].Policy = shownPolicy(apis[i].Policy)
	}
	items, next, err := page(apis, func(a *api.RestApi) string { return *a.Id }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.RestApis{Items: items, Position: next}, nil
}

// UpdateRestApi changes settings of an API.
func (s *Service) UpdateRestApi(ctx context.Context, in *api.UpdateRestApiInput) (*api.RestApi, error) {
	var out *api.RestApi
	err := s.editAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(e *apiEdit, _ *store.Change) error {
		kind, before := endpoint(&e.rec.RestApi).Types[0], e.rec.Policy
		if err := restAPIPatches.apply(&e.rec.RestApi, in.PatchOperations); err != nil {
			return err
		}
		if err := checkRestAPI(&e.rec.RestApi); err != nil {
			return err
		}
		if err := s.settlePolicy(ctx, &e.rec.RestApi, e.scope, before); err != nil {
			return err
		}
		if moved := endpoint(&e.rec.RestApi).Types[0]; moved != kind {
			if err := checkStaysPrivate(ctx, e.tables, str(in.RestApiId)); err != nil {
				return err
			}
			if err := s.checkAPICount(ctx, e.tables, moved); err != nil {
				return err
			}
		}
		out = shownRestAPI(e.rec)
		return nil
	})
	return out, err
}

// restAPIPatches is UpdateRestApi.
var restAPIPatches = patchTable[api.RestApi]{refuse: refusePlain[api.RestApi], rules: []patchRule[api.RestApi]{
	{path: "/name", replace: func(a *api.RestApi, o patchOp) error {
		if o.value == "" {
			return api.BadRequestException("API name cannot be an empty string") // AWS: undocumented text
		}
		a.Name = new(o.value)
		return nil
	}},
	{path: "/description", add: setDescription, replace: setDescription, remove: setDescription},
	{path: "/apiKeySource", replace: func(a *api.RestApi, o patchOp) error {
		if o.value != api.ApiKeySourceTypeHeader && o.value != api.ApiKeySourceTypeAuthorizer {
			return api.BadRequestException("Invalid API key source specified. Valid options are HEADER,AUTHORIZER") // AWS: undocumented text
		}
		a.ApiKeySource = new(o.value)
		return nil
	}},
	{path: "/binaryMediaTypes/{type}", add: addMediaType, replace: func(a *api.RestApi, o patchOp) error {
		// AWS: the replacement goes to the end (recorded: test_update_rest_api_operation_add_remove).
		a.BinaryMediaTypes = append(dropValue(a.BinaryMediaTypes, o.keys[0]), o.value)
		return nil
	}, remove: func(a *api.RestApi, o patchOp) error {
		a.BinaryMediaTypes = dropValue(a.BinaryMediaTypes, o.keys[0])
		return nil
	}},
	{path: "/disableExecuteApiEndpoint", replace: func(a *api.RestApi, o patchOp) error {
		return patchSwitch(&a.DisableExecuteApiEndpoint, o)
	}},
	{path: "/minimumCompressionSize", replace: func(a *api.RestApi, o patchOp) error {
		a.MinimumCompressionSize = nil
		if o.value == "" {
			return nil
		}
		n, err := strconv.ParseInt(o.value, 10, 32)
		if err != nil || n < 0 || n > maxCompression {
			return errCompression()
		}
		a.MinimumCompressionSize = new(int32(n))
		return nil
	}},
	{path: "/policy", replace: func(a *api.RestApi, o patchOp) error { patchString(&a.Policy, o); return nil }},
	{path: "/securityPolicy", replace: func(a *api.RestApi, o patchOp) error { patchString(&a.SecurityPolicy, o); return nil }},
	{path: "/endpointAccessMode", replace: func(a *api.RestApi, o patchOp) error {
		if o.value != api.EndpointAccessModeBasic && o.value != api.EndpointAccessModeStrict {
			return api.BadRequestException("Invalid endpoint access mode specified. Valid options are BASIC,STRICT") // AWS: undocumented text
		}
		a.EndpointAccessMode = new(o.value)
		return nil
	}},
	{path: "/endpointConfiguration/types/{type}", add: patchEndpointType, replace: patchEndpointType, remove: patchEndpointType, copy: patchEndpointType},
	{path: "/endpointConfiguration/ipAddressType", replace: func(a *api.RestApi, o patchOp) error {
		if o.value != api.IpAddressTypeIpv4 && o.value != api.IpAddressTypeDualstack {
			return api.BadRequestException("ipAddressType must be either ipv4 or dualstack.")
		}
		e := endpoint(a)
		if e.Types[0] == api.EndpointTypePrivate && o.value != api.IpAddressTypeDualstack {
			return errDualstack()
		}
		e.IpAddressType = new(o.value)
		return nil
	}},
	{path: "/endpointConfiguration/vpcEndpointIds", add: func(a *api.RestApi, o patchOp) error {
		e := endpoint(a)
		if !slices.Contains(e.VpcEndpointIds, o.value) {
			e.VpcEndpointIds = append(e.VpcEndpointIds, o.value)
		}
		return nil
	}, remove: func(a *api.RestApi, o patchOp) error {
		e := endpoint(a)
		if !slices.Contains(e.VpcEndpointIds, o.value) {
			return api.BadRequestException("Invalid VPC endpoint specified: " + o.value) // AWS: undocumented text
		}
		e.VpcEndpointIds = dropValue(e.VpcEndpointIds, o.value)
		return nil
	}},
}}

func setDescription(a *api.RestApi, o patchOp) error {
	if o.op == "remove" {
		o.value = ""
	}
	patchString(&a.Description, o)
	return nil
}

// addMediaType adds the type that the path names: the value does not count,
// and "-" is a type like any other (recorded: test_update_rest_api_behaviour).
func addMediaType(a *api.RestApi, o patchOp) error {
	if !slices.Contains(a.BinaryMediaTypes, o.keys[0]) {
		a.BinaryMediaTypes = append(a.BinaryMediaTypes, o.keys[0])
	}
	return nil
}

// patchEndpointType moves an API to another type of endpoint. Which type the
// path names does not matter, for there is only one.
//
// AWS: recorded (test_update_rest_api_ip_address_type).
func patchEndpointType(a *api.RestApi, o patchOp) error {
	e := endpoint(a)
	switch o.op {
	case "add":
		if e.Types[0] != o.value {
			return errManyEndpoints()
		}
		return nil
	case "remove":
		return errNoEndpoint()
	case "copy":
		return api.BadRequestException("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
	}
	if !slices.Contains([]string{api.EndpointTypeRegional, api.EndpointTypeEdge, api.EndpointTypePrivate}, o.value) {
		return api.BadRequestException("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
	}
	e.Types = []string{o.value}
	if o.value == api.EndpointTypePrivate {
		e.IpAddressType = new(api.IpAddressTypeDualstack)
	}
	return nil
}

// endpoint is the endpoint configuration of an API; there is always one.
func endpoint(a *api.RestApi) *api.EndpointConfiguration {
	if a.EndpointConfiguration == nil || len(a.EndpointConfiguration.Types) == 0 {
		a.EndpointConfiguration = &api.EndpointConfiguration{Types: []string{api.EndpointTypeEdge}}
	}
	return a.EndpointConfiguration
}

// DeleteRestApi removes an API with everything that belongs to it, unless a
// domain name serves it. It is gone for everybody at once, with its record;
// what belonged to it is taken away after that, by Sweep if this node ends
// meanwhile.
func (s *Service) DeleteRestApi(ctx context.Context, in *api.DeleteRestApiInput) error {
	t := s.tables(ctx)
	id := str(in.RestApiId)
	defer s.locks.Lock(t.RestAPIs.Key(id))()
	err := s.commit(ctx, func(c *store.Change) error {
		_, rev, err := t.RestAPIs.Find(ctx, errAPI(ctx, in.RestApiId), id)
		if err != nil {
			return err
		}
		if err := checkUnmapped(ctx, t, id); err != nil {
			return err
		}
		c.Require(t.RestAPIs.Is(store.ID(id), rev))
		c.Do(t.RestAPIs.Delete(store.ID(id)))
		return nil
	})
	if err != nil {
		return err
	}
	return s.removeOrphans(ctx, t, func(a string) bool { return a == id })
}

// checkUnmapped refuses to delete an API that domain names serve.
//
// AWS: glomex/gcdt issue 373 shows the text.
func checkUnmapped(ctx context.Context, t record.Tables, id string) error {
	rows, err := t.BasePathMappings.All(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, row := range rows {
		if str(row.Value.RestApiId) == id {
			names = append(names, row.Value.DomainName)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return api.BadRequestException("Deleting RestApi " + id + " failed. Please remove all base path mappings related to the RestApi in your domains: " +
		strings.Join(slices.Compact(names), ", "))
}

// sortedKeys are the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
