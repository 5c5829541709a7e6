package openapi

import (
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

const (
	extAuth       = "x-amazon-apigateway-auth"
	extAuthType   = "x-amazon-apigateway-authtype"
	extAuthorizer = "x-amazon-apigateway-authorizer"
)

// A scheme is what a security scheme of the document asks of a method.
type scheme struct {
	authorizer string // its name, if the scheme has one
	authType   string // authorizationType of methods that list the scheme
	apiKey     bool
}

// readSecurity reads the security schemes and makes the authorizers, used or not.
func (im *importer) readSecurity() {
	im.security = im.securityOf(im.root, "")
	defs, at := im.component("securitySchemes", "securityDefinitions")
	im.schemeDefs = defs
	if defs == nil {
		return
	}
	for i, name := range defs.keys {
		at := join(at, name)
		def := im.expect(im.resolve(defs.items[i], at), kindObject, at)
		if def == nil {
			continue
		}
		if s := im.readScheme(name, def, at); s != nil {
			im.schemes[name] = s
			continue
		}
		// AWS: only apiKey schemes that mean something to it are supported
		// (important notes). Methods that list others are not protected by them.
		kind, _ := def.get("type").scalar()
		im.warnf("Unsupported security definition type '%s' for '%s'. Ignoring.", cut(kind), name)
	}
}

func (im *importer) readScheme(name string, def *node, at string) *scheme {
	if def.get(extAuthorizer).present() {
		return im.readAuthorizer(name, def, at)
	}
	authType, _ := def.get(extAuthType).scalar()
	if strings.EqualFold(authType, "awsSigv4") {
		return &scheme{authType: "AWS_IAM"}
	}
	if isAPIKey(def) {
		return &scheme{apiKey: true}
	}
	return nil
}

// isAPIKey tells whether a scheme is the header with an API key.
func isAPIKey(def *node) bool {
	kind, _ := def.get("type").scalar()
	in, _ := def.get("in").scalar()
	header, _ := def.get("name").scalar()
	return kind == "apiKey" && in == "header" && strings.EqualFold(header, "x-api-key")
}

// authorizerTypes maps the type of an authorizer extension to that of the API.
var authorizerTypes = map[string]string{
	"token": api.AuthorizerTypeToken, "request": api.AuthorizerTypeRequest,
	"cognito_user_pools": api.AuthorizerTypeCognitoUserPools,
}

// readAuthorizer makes the authorizer of a scheme.
func (im *importer) readAuthorizer(name string, def *node, at string) *scheme {
	ext := im.member(def, extAuthorizer, kindObject, at)
	kind, _ := ext.get("type").scalar()
	authType := authorizerTypes[strings.ToLower(kind)]
	if authType == "" {
		// AWS: undocumented. Without it the methods that name it would be open;
		// "jwt" belongs to HTTP APIs.
		im.errorf("Unsupported authorizer type '%s' for '%s'", cut(kind), name)
		return &scheme{}
	}
	at = join(at, extAuthorizer)
	out := api.Authorizer{
		Name:                         &name,
		Type:                         &authType,
		AuthType:                     im.text(def, extAuthType, at),
		ProviderARNs:                 im.strings(ext, "providerARNs", at),
		AuthorizerUri:                nonEmpty(im.text(ext, "authorizerUri", at)),
		AuthorizerCredentials:        nonEmpty(im.text(ext, "authorizerCredentials", at)),
		IdentitySource:               nonEmpty(im.text(ext, "identitySource", at)),
		IdentityValidationExpression: nonEmpty(im.text(ext, "identityValidationExpression", at)),
		// AWS: absent stays absent (recorded in test_import_swagger_api); it
		// acts as 300 seconds.
		AuthorizerResultTtlInSeconds: im.int32(ext, "authorizerResultTtlInSeconds", at),
	}
	header, _ := def.get("name").scalar()
	in, _ := def.get("in").scalar()
	if out.IdentitySource == nil && authType != api.AuthorizerTypeRequest && in == "header" && header != "" {
		// AWS: recorded in test_import_with_cognito_auth_identity_source.
		out.IdentitySource = ptr("method.request.header." + header)
	}
	im.api.Authorizers = append(im.api.Authorizers, out)
	if authType == api.AuthorizerTypeCognitoUserPools {
		return &scheme{authorizer: name, authType: authType}
	}
	return &scheme{authorizer: name, authType: "CUSTOM"}
}

// nonEmpty drops the empty strings that generators write for what they lack.
func nonEmpty(s *string) *string {
	if s != nil && *s == "" {
		return nil
	}
	return s
}

// int32 returns the member of n called key if it is a whole number.
func (im *importer) int32(n *node, key, at string) *int32 {
	v := n.get(key)
	if !v.present() {
		return nil
	}
	if s, ok := v.scalar(); ok {
		if i, err := strconv.ParseInt(s, 10, 32); err == nil {
			return ptr(int32(i))
		}
	}
	im.warnf("Parse issue: attribute %s is not of type `integer`", join(at, key))
	return nil
}

// secure gives a method its authorization and its need of an API key.
func (im *importer) secure(op *operation) {
	m := &op.method
	m.AuthorizationType, m.ApiKeyRequired = ptr("NONE"), ptr(false)
	// AWS: the document's security is for operations that have none of their
	// own (recorded in test_import_with_cognito_auth_identity_source).
	list := im.securityOf(op.node, op.at)
	if list == nil {
		list = im.security
		im.charge(list) // once for every operation
	}
	if list != nil {
		for _, requirement := range list.items {
			im.require(op, requirement)
		}
	}
	auth := op.node.get(extAuth)
	if !auth.present() {
		return
	}
	kind, _ := auth.get("type").scalar()
	kind, ok := oneOf(kind, "NONE", "AWS_IAM")
	if !ok {
		// AWS: undocumented text.
		im.errorf("Unable to put method '%s' on resource at path '%s': Invalid authorization type specified. "+
			"Valid options are NONE,AWS_IAM", op.verb, op.resource.Path)
	}
	m.AuthorizationType, m.Authorizer, m.AuthorizationScopes = &kind, "", nil
}

// securityOf returns the security list of n, or nil. One that cannot be read
// is an error and not a warning as elsewhere: a method would be left open.
func (im *importer) securityOf(n *node, at string) *node {
	list := n.get("security")
	if !list.present() {
		return nil
	}
	if list.kind != kindList || slices.ContainsFunc(list.items, func(n *node) bool { return n.kind != kindObject }) {
		im.errorf("Parse issue: attribute %s is not a list of security requirements", join(at, "security"))
		return nil
	}
	return list
}

// openMark is the requirement of methods that are open though their API has a
// default authorizer. No scheme has the name.
//
// AWS: SAM writes it into definitions ("Authorizer: NONE") and leaves it there.
const openMark = "NONE"

// require adds one entry of a security list to a method. The first that names
// an authorization decides; a key is required if any entry asks for one.
func (im *importer) require(op *operation, requirement *node) {
	m := &op.method
	for i, name := range requirement.keys {
		s := im.schemes[name]
		switch {
		case s == nil && name == openMark && !im.schemeDefs.get(name).present():
		case s == nil:
			if !im.schemeDefs.get(name).is(kindObject) {
				// AWS: undocumented. Refused, for a slip of the pen must not
				// leave the method open.
				im.errorf("Unable to put method '%s' on resource at path '%s': Security definition '%s' not found",
					op.verb, op.resource.Path, cut(name))
			}
		case s.apiKey:
			m.ApiKeyRequired = ptr(true)
		case *m.AuthorizationType == "NONE":
			m.AuthorizationType, m.Authorizer = &s.authType, s.authorizer
			if scopes := requirement.items[i]; scopes.is(kindList) && len(scopes.items) > 0 && s.authorizer != "" {
				m.AuthorizationScopes = im.strings(requirement, name, op.at+".security")
			}
		}
	}
}
