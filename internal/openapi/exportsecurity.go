package openapi

import (
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

// nameSchemes finds names for the schemes of API keys and of signatures that no
// authorizer has.
//
// AWS: "api_key" and "sigv4" (exports in the guide).
func (ex *exporter) nameSchemes() {
	taken := map[string]bool{}
	for _, a := range ex.api.Authorizers {
		taken[orEmpty(a.Name)] = true
	}
	free := func(name string) string {
		for taken[name] {
			name += "_"
		}
		return name
	}
	ex.apiKey, ex.sigV4 = free("api_key"), free("sigv4")
}

// security is the list of what a method asks of its callers, or nil.
func (ex *exporter) security(m Method) *node {
	list := listNode()
	add := func(scheme string, scopes *node) {
		n := object()
		n.put(scheme, scopes)
		list.items = append(list.items, n)
		ex.written[scheme] = true
	}
	switch kind := orEmpty(m.AuthorizationType); {
	case m.Authorizer != "":
		scopes := texts(m.AuthorizationScopes)
		if scopes == nil {
			scopes = listNode()
		}
		add(m.Authorizer, scopes)
	case kind == "AWS_IAM":
		add(ex.sigV4, listNode())
	}
	if m.ApiKeyRequired != nil && *m.ApiKeyRequired {
		add(ex.apiKey, listNode())
	}
	return list.orNil()
}

// schemeNodes writes the schemes that methods list, and with their extension
// all authorizers; nil if there are none.
func (ex *exporter) schemeNodes() *node {
	out := object()
	for _, a := range ex.api.Authorizers {
		if name := orEmpty(a.Name); ex.opt.Authorizers || ex.written[name] {
			out.put(name, ex.authorizer(a))
		}
	}
	if ex.written[ex.apiKey] {
		out.put(ex.apiKey, headerScheme("x-api-key"))
	}
	if ex.written[ex.sigV4] {
		n := headerScheme("Authorization")
		n.put(extAuthType, textNode("awsSigv4"))
		out.put(ex.sigV4, n)
	}
	return out.orNil()
}

func headerScheme(header string) *node {
	n := object()
	n.put("type", textNode("apiKey"))
	n.put("name", textNode(header))
	n.put("in", textNode("header"))
	return n
}

// authorizer writes an authorizer as a security scheme. Where its identity is
// one header, that is the scheme's; "Unused" stands for none.
func (ex *exporter) authorizer(a api.Authorizer) *node {
	header, plain := strings.CutPrefix(orEmpty(a.IdentitySource), "method.request.header.")
	plain = plain && header != "" && !strings.ContainsAny(header, ", ") && orEmpty(a.Type) != api.AuthorizerTypeRequest
	if !plain {
		header = "Unused"
	}
	n := headerScheme(header)
	n.put(extAuthType, optional(a.AuthType))
	ex.docs.at(api.DocumentationPartTypeAuthorizer, "", "", "", orEmpty(a.Name)).insert(n, "description")
	if !ex.opt.Authorizers {
		return n
	}
	ext := object()
	ext.put("type", lower(a.Type))
	ext.put("providerARNs", texts(a.ProviderARNs))
	ext.put("authorizerUri", optional(a.AuthorizerUri))
	ext.put("authorizerCredentials", optional(a.AuthorizerCredentials))
	if !plain {
		ext.put("identitySource", optional(a.IdentitySource))
	}
	ext.put("identityValidationExpression", optional(a.IdentityValidationExpression))
	if a.AuthorizerResultTtlInSeconds != nil {
		ext.put("authorizerResultTtlInSeconds", intNode(*a.AuthorizerResultTtlInSeconds))
	}
	n.put(extAuthorizer, ext)
	return n
}
