package apigateway

import (
	"context"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
	"gatehouse/internal/record"
)

// GetExport writes what a stage shows as an OpenAPI document.
//
// AWS: the content type and the form of the file's name are recorded
// (test_export_oas30_openapi, test_export_swagger_openapi).
func (s *Service) GetExport(ctx context.Context, in *api.GetExportInput) (*api.ExportResponse, error) {
	opt, err := exportOptions(in)
	if err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	rec, err := s.restAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	stage, _, err := t.Stages.Find(ctx, errStage(), str(in.RestApiId), str(in.StageName))
	if err != nil {
		return nil, err
	}
	dep, _, err := t.Deployments.Find(ctx, errDeployment(), stage.RestAPI, str(stage.DeploymentId))
	if err != nil {
		return nil, err
	}
	def, err := s.defs.load(ctx, t, dep.Definition)
	if err != nil {
		return nil, err
	}
	if wantsDocumentation(in) {
		if opt.Documentation, err = documentationOf(ctx, t, &stage); err != nil {
			return nil, err
		}
	}
	opt.Host = str(rec.Id) + ".execute-api." + t.Scope.Region + "." + dnsSuffix(t.Scope.Region)
	opt.BasePath = *stage.StageName
	opt.Version = exportVersion(&rec)
	body, err := openapi.Export(exportedAPI(def), opt)
	if err != nil {
		return nil, importError(err)
	}
	version := opt.Version
	if v := str(def.RestAPI.Version); v != "" {
		version = v
	}
	name := str(in.ExportType) + "_" + fileSafe(version) + ".json"
	if opt.YAML {
		name = strings.TrimSuffix(name, "json") + "yaml"
	}
	return &api.ExportResponse{Body: body, ContentType: new("application/octet-stream"), ContentDisposition: new(`attachment; filename="` + name + `"`)}, nil
}

// exportOptions reads what kind of document is asked for.
//
// AWS: the parameters are those of the API reference of GetExport; what it
// answers to others is undocumented.
func exportOptions(in *api.GetExportInput) (openapi.ExportOptions, error) {
	var opt openapi.ExportOptions
	switch str(in.ExportType) {
	case "oas30":
		opt.V3 = true
	case "swagger":
	default:
		return opt, api.BadRequestException("Invalid export type specified. Valid options are oas30,swagger")
	}
	// JSON is what there is by default: of both, YAML was asked for.
	for accepted := range strings.SplitSeq(str(in.Accepts), ",") {
		mediaType, _, _ := strings.Cut(accepted, ";")
		switch strings.ToLower(strings.TrimSpace(mediaType)) {
		case "", "*/*", "application/*", "application/json":
		case "application/yaml":
			opt.YAML = true
		default:
			return opt, api.BadRequestException("Invalid Accept specified. Valid options are application/json,application/yaml")
		}
	}
	for _, name := range extensions(in) {
		switch name {
		case "", "documentation":
		case "integrations":
			opt.Extensions = true
		case "authorizers":
			opt.Authorizers = true
		case "apigateway":
			opt.Extensions, opt.Authorizers = true, true
		case "postman":
			return opt, api.BadRequestException("Gatehouse does not support the postman extensions of GetExport (see COVERAGE.md)")
		default:
			return opt, api.BadRequestException("Invalid extensions specified. Valid options are integrations,authorizers,documentation,apigateway")
		}
	}
	return opt, nil
}

// extensions are the extensions that a call names.
func extensions(in *api.GetExportInput) []string {
	names := strings.Split(strings.ToLower(in.Parameters["extensions"]), ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// wantsDocumentation reports whether the export carries the documentation: that
// is the default, unless extensions are named and it is not among them.
//
// AWS: "Download a documentation snapshot associated with a stage". That
// apigateway, which is everything, includes it, is our reading.
func wantsDocumentation(in *api.GetExportInput) bool {
	for _, name := range extensions(in) {
		if name == "" || name == "documentation" || name == "apigateway" {
			return true
		}
	}
	return false
}

// documentationOf is the version of the documentation that a stage names, or
// nil.
func documentationOf(ctx context.Context, t record.Tables, stage *record.Stage) (*openapi.ExportedDocumentation, error) {
	name := str(stage.DocumentationVersion)
	if name == "" {
		return nil, nil
	}
	ver, _, err := t.DocumentationVersions.Find(ctx, errDocumentationVersion(), stage.RestAPI, name)
	if err != nil {
		return nil, err
	}
	docs, err := t.LoadDocumentation(ctx, ver.Documentation)
	if err != nil {
		return nil, err
	}
	return &openapi.ExportedDocumentation{Version: name, CreatedDate: *ver.CreatedDate, Parts: docs.Parts}, nil
}

// exportVersion stands for the version of an API that has none: when it was
// created.
//
// AWS: recorded as a date; the exports in the guide have that of the creation.
func exportVersion(rec *record.RestAPI) string {
	if rec.CreatedDate == nil {
		return time.Time{}.Format(time.RFC3339)
	}
	return rec.CreatedDate.UTC().Format(time.RFC3339)
}

// fileSafe is a version as it can stand in the name of a file.
func fileSafe(version string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`"\/`, r) {
			return '_'
		}
		return r
	}, version)
}

// dnsSuffix is what the names of a Region's hosts end in.
func dnsSuffix(region string) string {
	if arn.Partition(region) == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// exportedAPI is a definition as the package openapi has APIs: without ids, for
// things are named by paths and names.
func exportedAPI(def *record.Definition) *openapi.API {
	out := &openapi.API{Settings: def.RestAPI, Models: byKey(def.Models)}
	for _, kind := range sortedKeys(def.GatewayResponses) {
		r := def.GatewayResponses[kind]
		r.ResponseType = new(kind)
		out.GatewayResponses = append(out.GatewayResponses, r)
	}
	validators := validatorNames(def)
	for _, id := range sortedKeys(validators) {
		v := def.RequestValidators[id]
		v.Id, v.Name = nil, new(validators[id])
		out.Validators = append(out.Validators, v)
	}
	for _, a := range byKey(def.Authorizers) {
		a.Id = nil
		out.Authorizers = append(out.Authorizers, a)
	}
	if e := out.Settings.EndpointConfiguration; e != nil {
		out.Settings.EndpointConfiguration = exportedEndpoint(*e)
	}
	for _, r := range byPath(def) {
		res := openapi.Resource{Path: str(r.Path), Part: str(r.PathPart)}
		if r.ParentId != nil {
			res.Parent = str(def.Resources[*r.ParentId].Path)
		}
		for _, name := range sortedKeys(r.ResourceMethods) {
			m := exportedMethod(r, name)
			m.Validator = validators[str(m.RequestValidatorId)]
			m.Authorizer = str(def.Authorizers[str(m.AuthorizerId)].Name)
			res.Methods = append(res.Methods, m)
		}
		out.Resources = append(out.Resources, res)
	}
	return out
}

// validatorNames are names for validators by their ids. In a document no two
// have the same: a name that is missing or taken makes way for the id.
func validatorNames(def *record.Definition) map[string]string {
	names, taken := map[string]string{}, map[string]bool{}
	for _, id := range sortedKeys(def.RequestValidators) {
		name := str(def.RequestValidators[id].Name)
		if name == "" || taken[name] {
			name = id
		}
		names[id], taken[name] = name, true
	}
	return names
}

// exportedMethod is one method of a resource, without its validator.
func exportedMethod(r api.Resource, name string) openapi.Method {
	m := openapi.Method{Method: r.ResourceMethods[name]}
	m.HttpMethod = new(name)
	if m.MethodIntegration != nil {
		in := *m.MethodIntegration
		if str(in.CacheNamespace) == str(r.Id) {
			in.CacheNamespace = nil // it stands for the resource it is in
		}
		m.MethodIntegration = &in
	}
	return m
}

// exportedEndpoint is of an endpoint configuration what a document says: not
// the type, which is a parameter of the import, and no address type that
// follows from it.
func exportedEndpoint(e api.EndpointConfiguration) *api.EndpointConfiguration {
	byDefault := api.IpAddressTypeIpv4
	for _, kind := range e.Types {
		if kind == api.EndpointTypePrivate {
			byDefault = api.IpAddressTypeDualstack
		}
	}
	if str(e.IpAddressType) == byDefault {
		e.IpAddressType = nil
	}
	e.Types = nil
	return &e
}
