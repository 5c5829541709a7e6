package openapi

import (
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

const (
	extBinaryMediaTypes = "x-amazon-apigateway-binary-media-types"
	extCompressionSize  = "x-amazon-apigateway-minimum-compression-size"
	extAPIKeySource     = "x-amazon-apigateway-api-key-source"
	extPolicy           = "x-amazon-apigateway-policy"
	extEndpoint         = "x-amazon-apigateway-endpoint-configuration"
	extSecurityPolicy   = "x-amazon-apigateway-security-policy"
	extAccessMode       = "x-amazon-apigateway-endpoint-access-mode"
	extGatewayResponses = "x-amazon-apigateway-gateway-responses"
)

// maxCompressionSize is AWS's limit of minimumCompressionSize.
const maxCompressionSize = 10485760

// settings reads what the document says of the API as a whole.
func (im *importer) settings() {
	out := &im.api.Settings
	info := im.member(im.root, "info", kindObject, "")
	out.Name = nonEmpty(im.text(info, "title", "info"))
	if out.Name == nil {
		im.warnf("Parse issue: attribute info.title is missing")
	}
	out.Description = nonEmpty(im.text(info, "description", "info"))
	out.Version = nonEmpty(im.text(info, "version", "info"))
	out.BinaryMediaTypes = im.strings(im.root, extBinaryMediaTypes, "")
	out.MinimumCompressionSize = im.int32(im.root, extCompressionSize, "")
	if n := out.MinimumCompressionSize; n != nil && (*n < 0 || *n > maxCompressionSize) {
		im.errorf("Invalid minimum compression size, must be between 0 and 10485760")
	}
	if s := nonEmpty(im.text(im.root, extAPIKeySource, "")); s != nil {
		v, ok := oneOf(*s, api.ApiKeySourceTypeHeader, api.ApiKeySourceTypeAuthorizer)
		if !ok {
			// AWS: undocumented; the values are the model's.
			im.errorf("Invalid API key source specified. Valid options are HEADER,AUTHORIZER")
		}
		out.ApiKeySource = &v
	}
	out.SecurityPolicy = nonEmpty(im.text(im.root, extSecurityPolicy, ""))
	out.EndpointAccessMode = nonEmpty(im.text(im.root, extAccessMode, ""))
	im.readPolicy()
	im.readEndpoint()
	im.readGatewayResponses()
}

// readPolicy reads the resource policy, an object or its text. A policy that
// cannot be read is an error, for without it the API would be open.
func (im *importer) readPolicy() {
	p := im.root.get(extPolicy)
	if !p.present() || (p.kind == kindText && p.text == "") {
		return
	}
	if p.kind == kindText {
		if doc, err := parseJSON([]byte(p.text)); err == nil {
			p = doc
		}
	}
	if p.kind != kindObject {
		// AWS: the answer to a policy of wrong syntax.
		im.errorf("Invalid policy document. Please check the policy syntax and ensure that Principals are valid.")
		return
	}
	im.charge(p)
	im.api.Settings.Policy = ptr(compact(im.expandPolicy(p, false)))
}

// expandPolicy returns the policy with full ARNs for the short form of
// resources.
//
// AWS: "execute-api:/stage/…" in Resource stands for this API
// (apigateway-resource-policies-create-attach).
func (im *importer) expandPolicy(n *node, resource bool) *node {
	switch n.kind {
	case kindText:
		if rest, ok := strings.CutPrefix(n.text, "execute-api:/"); resource && ok {
			arn := "arn:" + im.opt.Partition + ":execute-api:" + im.opt.Region + ":" + im.opt.Account + ":" + im.opt.RestAPI + "/"
			im.spend(1, len(arn))
			return &node{kind: kindText, text: arn + rest}
		}
	case kindList, kindObject:
		out := &node{kind: n.kind, keys: n.keys, index: n.index, items: make([]*node, len(n.items))}
		for i, v := range n.items {
			inside := resource || n.kind == kindObject && (n.keys[i] == "Resource" || n.keys[i] == "NotResource")
			out.items[i] = im.expandPolicy(v, inside)
		}
		return out
	}
	return n
}

// readEndpoint reads the endpoint configuration: in OpenAPI 3 that of the
// first server, in Swagger 2 the document's.
func (im *importer) readEndpoint() {
	n, at := im.member(im.root, extEndpoint, kindObject, ""), extEndpoint
	if servers := im.root.get("servers"); im.v3 && servers.is(kindList) && len(servers.items) > 0 {
		if len(servers.items) > 1 {
			// AWS: a warning in this wording.
			im.warnf("More than one server provided. Ignoring all but the first for defining endpoint configuration")
		}
		if own := im.member(servers.items[0], extEndpoint, kindObject, "servers[0]"); own != nil {
			n, at = own, "servers[0]."+extEndpoint
		}
	}
	if n == nil {
		return
	}
	im.api.Settings.DisableExecuteApiEndpoint = im.boolean(n, "disableExecuteApiEndpoint", at)
	conf := &api.EndpointConfiguration{
		VpcEndpointIds: im.strings(n, "vpcEndpointIds", at),
		IpAddressType:  nonEmpty(im.text(n, "ipAddressType", at)),
	}
	if conf.VpcEndpointIds != nil || conf.IpAddressType != nil {
		im.api.Settings.EndpointConfiguration = conf
	}
}

// readGatewayResponses makes the gateway responses.
func (im *importer) readGatewayResponses() {
	all := im.member(im.root, extGatewayResponses, kindObject, "")
	if all == nil {
		return
	}
	for i, name := range all.keys {
		at := extGatewayResponses + "." + name
		n := im.expect(all.items[i], kindObject, at)
		if n == nil {
			continue
		}
		out := api.GatewayResponse{ResponseType: &all.keys[i], StatusCode: nonEmpty(im.text(n, "statusCode", at))}
		if !gatewayResponseTypes[name] {
			im.errorf("Unable to put gateway response '%s': Invalid gateway response type specified", cut(name))
			continue
		}
		if out.StatusCode != nil && !statusCode.MatchString(*out.StatusCode) {
			im.errorf("Unable to put gateway response '%s': Invalid status code specified: %s", name, cut(*out.StatusCode))
			continue
		}
		out.ResponseTemplates = im.templates(n, "responseTemplates", at)
		if params := im.member(n, "responseParameters", kindObject, at); params != nil {
			out.ResponseParameters = make(map[string]string, len(params.keys))
			for i, key := range params.keys {
				if v := im.expect(params.items[i], kindText, at+".responseParameters"); v != nil {
					out.ResponseParameters[key] = v.text
				}
			}
		}
		im.api.GatewayResponses = append(im.api.GatewayResponses, out)
	}
}

// gatewayResponseTypes are the types of the service model.
var gatewayResponseTypes = map[string]bool{
	api.GatewayResponseTypeAccessDenied:                 true,
	api.GatewayResponseTypeApiConfigurationError:        true,
	api.GatewayResponseTypeAuthorizerConfigurationError: true,
	api.GatewayResponseTypeAuthorizerFailure:            true,
	api.GatewayResponseTypeBadRequestBody:               true,
	api.GatewayResponseTypeBadRequestParameters:         true,
	api.GatewayResponseTypeDefault4xx:                   true,
	api.GatewayResponseTypeDefault5xx:                   true,
	api.GatewayResponseTypeExpiredToken:                 true,
	api.GatewayResponseTypeIntegrationFailure:           true,
	api.GatewayResponseTypeIntegrationTimeout:           true,
	api.GatewayResponseTypeInvalidApiKey:                true,
	api.GatewayResponseTypeInvalidSignature:             true,
	api.GatewayResponseTypeMissingAuthenticationToken:   true,
	api.GatewayResponseTypeQuotaExceeded:                true,
	api.GatewayResponseTypeRequestTooLarge:              true,
	api.GatewayResponseTypeResourceNotFound:             true,
	api.GatewayResponseTypeThrottled:                    true,
	api.GatewayResponseTypeUnauthorized:                 true,
	api.GatewayResponseTypeUnsupportedMediaType:         true,
	api.GatewayResponseTypeWafFiltered:                  true,
}
