package takeout

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
)

// maxParts is how many parts of a definition are written as resources of their
// own; larger ones are written as a document, in one resource.
//
// AWS: a template has at most 500 resources; stages and deployments need some.
const maxParts = 400

// inParts tells whether a definition can be written part by part. That carries
// what documents lose (descriptions of models, the text of their schemas, which
// headers of responses are required), but what has an effect on requests and no
// property in templates (tlsConfig) is carried by documents alone.
func inParts(def *openapi.API, documentation []api.DocumentationPart) bool {
	n := len(def.Models) + len(def.Validators) + len(def.Authorizers) + len(def.GatewayResponses) + len(documentation)
	for _, r := range def.Resources {
		n += 1 + len(r.Methods)
		for _, m := range r.Methods {
			if m.MethodIntegration != nil && m.MethodIntegration.TlsConfig != nil && is(m.MethodIntegration.TlsConfig.InsecureSkipVerification) {
				return false
			}
		}
	}
	return n <= maxParts
}

// parts adds the parts of a definition as resources.
func (a *restAPI) parts(b *builder, state restState) {
	def := state.def
	for i := range def.Models {
		a.modelPart(b, def, &def.Models[i])
	}
	for i := range def.Validators {
		a.part(b, "AWS::ApiGateway::RequestValidator", "Validator "+str(def.Validators[i].Name), def.Validators[i], nil)
	}
	for i := range def.Authorizers {
		a.part(b, "AWS::ApiGateway::Authorizer", "Authorizer "+str(def.Authorizers[i].Name), def.Authorizers[i], nil)
	}
	for i := range def.GatewayResponses {
		a.part(b, "AWS::ApiGateway::GatewayResponse", "Gateway response "+str(def.GatewayResponses[i].ResponseType), def.GatewayResponses[i], nil)
	}
	for _, d := range state.documentation {
		var at []string
		if loc := d.Location; loc != nil {
			at = []string{str(loc.Type), str(loc.Method), str(loc.Path), str(loc.StatusCode), str(loc.Name)}
		}
		a.part(b, "AWS::ApiGateway::DocumentationPart", "Documentation of "+strings.Join(at, " "), d, nil)
	}
	for i := range def.Resources {
		r := &def.Resources[i]
		if r.Path != "/" {
			b.add("AWS::ApiGateway::Resource", "Resource "+r.Path, map[string]any{"RestApiId": ref(b.logical("API")), "ParentId": a.resourceID(b, r.Parent), "PathPart": r.Part})
		}
		for j := range r.Methods {
			a.methodPart(b, r.Path, &r.Methods[j])
		}
	}
}

func (a *restAPI) resourceID(b *builder, path string) any {
	if path == "/" || path == "" {
		return map[string]any{"Fn::GetAtt": []any{b.logical("API"), "RootResourceId"}}
	}
	return ref(b.logical("Resource " + path))
}

func (a *restAPI) part(b *builder, kind, what string, shape any, rename map[string]string) map[string]any {
	p := b.properties(kind, a.name+": "+what, shape, rename, "Id")
	p["RestApiId"] = ref(b.logical("API"))
	b.add(kind, what, p)
	return p
}

// modelReference finds the models that a schema refers to.
//
// AWS: https://apigateway.amazonaws.com/restapis/ID/models/NAME.
var modelReference = regexp.MustCompile(`/restapis/([a-z0-9]+)/models/([A-Za-z0-9]+)`)

// modelPart adds a model, unless every API is born with it.
func (a *restAPI) modelPart(b *builder, def *openapi.API, m *api.Model) {
	if born(m) {
		return
	}
	what := "Model " + str(m.Name)
	if name := str(m.Name); name == "Empty" || name == "Error" {
		a.t.leave(a.name+": "+what, "every API is born with a model of this name, which a template cannot change")
		return
	}
	p := a.part(b, "AWS::ApiGateway::Model", what, *m, nil)
	needs := map[string]bool{}
	for _, found := range modelReference.FindAllStringSubmatch(str(m.Schema), -1) {
		needs[found[2]] = found[2] != str(m.Name) && slices.ContainsFunc(def.Models, func(o api.Model) bool { return str(o.Name) == found[2] && !born(&o) })
	}
	maps.DeleteFunc(needs, func(_ string, made bool) bool { return !made })
	for _, name := range sortedKeys(needs) {
		r := b.Resources[b.logical(what)]
		r.DependsOn = append(r.DependsOn, b.logical("Model "+name))
	}
	if text := str(m.Schema); strings.Contains(text, "/restapis/"+a.id+"/models/") {
		text = strings.ReplaceAll(text, "${", "${!")
		p["Schema"] = map[string]any{"Fn::Sub": strings.ReplaceAll(text, "/restapis/"+a.id+"/models/", "/restapis/${"+b.logical("API")+"}/models/")}
	}
}

// born tells whether every API has a model.
//
// AWS: CreateRestApi makes the models Empty and Error.
func born(m *api.Model) bool {
	return str(m.Name) == "Empty" && str(m.Description) == "This is a default empty schema model" ||
		str(m.Name) == "Error" && str(m.Description) == "This is a default error schema model"
}

// methodPart adds a method with its integration.
func (a *restAPI) methodPart(b *builder, path string, m *openapi.Method) {
	what := str(m.HttpMethod) + " " + path
	shape := m.Method
	shape.MethodIntegration, shape.MethodResponses = nil, nil
	p := a.part(b, "AWS::ApiGateway::Method", "Method "+what, shape, nil)
	p["ResourceId"] = a.resourceID(b, path)
	if m.Authorizer != "" {
		p["AuthorizerId"] = ref(b.logical("Authorizer " + m.Authorizer))
	}
	if m.Validator != "" {
		p["RequestValidatorId"] = ref(b.logical("Validator " + m.Validator))
	}
	a.modelNames(b, p["RequestModels"])
	responses := []any{}
	for _, code := range sortedKeys(m.MethodResponses) {
		r := b.properties("AWS::ApiGateway::Method.MethodResponse", a.name+": "+what+": response "+code, m.MethodResponses[code], nil, "")
		a.modelNames(b, r["ResponseModels"])
		responses = append(responses, r)
	}
	if len(responses) > 0 {
		p["MethodResponses"] = responses
	}
	if m.MethodIntegration != nil {
		p["Integration"] = a.integrationPart(b, what, m.MethodIntegration)
	}
}

// modelNames refers to models that the template makes: they must be there before
// the method is.
func (a *restAPI) modelNames(b *builder, models any) {
	m, _ := models.(map[string]any)
	for kind, name := range m {
		if s, ok := name.(string); ok && b.Resources[b.logical("Model "+s)] != nil {
			m[kind] = ref(b.logical("Model " + s))
		}
	}
}

func (a *restAPI) integrationPart(b *builder, what string, in *api.Integration) map[string]any {
	shape := *in
	shape.IntegrationResponses = nil
	p := b.properties("AWS::ApiGateway::Method.Integration", a.name+": "+what+": integration", shape, map[string]string{"HttpMethod": "IntegrationHttpMethod"}, "")
	responses := []any{}
	for _, code := range sortedKeys(in.IntegrationResponses) {
		responses = append(responses, b.properties("AWS::ApiGateway::Method.IntegrationResponse", a.name+": "+what+": integration response "+code, in.IntegrationResponses[code], nil, ""))
	}
	if len(responses) > 0 {
		p["IntegrationResponses"] = responses
	}
	return p
}
