// Package openapi reads and writes OpenAPI 2.0 (Swagger) and 3.0 documents, JSON
// and YAML, as Amazon API Gateway imports them into REST APIs and exports them.
//
// [Import] turns a document into an [API]: settings, resources with their
// methods and integrations, models, validators, authorizers and gateway
// responses in the shapes of the AWS API. What only the keeper of an API knows
// (the ids of resources, authorizers and validators) is left out and named
// instead: a resource by its path, an authorizer and a validator by its name.
// [Export] is the way back. How the result meets an existing API (import, merge,
// overwrite) is the caller's business; the package knows neither stores nor
// records.
//
// Documents come from strangers: every size is limited before memory is spent
// on it, and no document makes the package panic.
package openapi

import (
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

// A BasePath says what becomes of the base path a document declares.
type BasePath string

// The values of the basepath parameter of ImportRestApi and PutRestApi.
const (
	BasePathIgnore  BasePath = "ignore"
	BasePathPrepend BasePath = "prepend"
	BasePathSplit   BasePath = "split"
)

// Options are what an import depends on besides the document.
type Options struct {
	Partition string // for ${AWS::Partition} and expanded policies; "" is "aws"
	Region    string // for ${AWS::Region} and expanded policies
	Account   string // for ${AWS::AccountId} and expanded policies
	RestAPI   string // the API's id, for references between models and policies
	BasePath  BasePath

	// HTTPKeys: routes of an HTTP API may require API keys, which AWS ignores with
	// a warning.
	HTTPKeys bool

	IgnoreDocumentation bool // AWS: the parameter ignore=documentation
}

// An API is what a document defines. Everything in it is in the document's order.
type API struct {
	// Settings holds what the document says of the API itself. Members that it
	// does not speak of are nil, and so are those an import never sets: id,
	// types of endpoints, tags.
	Settings api.RestApi

	Resources        []Resource // parents before children; the root is always the first
	Models           []api.Model
	Validators       []api.RequestValidator
	Authorizers      []api.Authorizer
	GatewayResponses []api.GatewayResponse

	// Documentation holds the parts of the extension that carries them, without
	// ids.
	Documentation []api.DocumentationPart

	// Warnings are in AWS's words. What they speak of is not in the API.
	Warnings []string
}

// A Resource is one path of an API.
type Resource struct {
	Path    string // "/", "/pets", "/pets/{petId}"
	Parent  string // path of the parent; "" for the root
	Part    string // last segment; "" for the root
	Methods []Method
}

// A Method is the method of one verb with its integration. A missing
// CacheNamespace of the integration stands for the id of the resource.
type Method struct {
	api.Method
	Authorizer string // name of the authorizer AuthorizerId has to point to
	Validator  string // name of the validator RequestValidatorId has to point to
}

// An Error is why a document was not imported, in AWS's words. The services
// answer it as a BadRequestException.
type Error struct {
	Message string
	Cause   error // what a parser said, for the log; may be nil
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Import reads a document. The error is an *[Error].
//
// Import checks what only an import can get wrong: types, names, references,
// the tree of paths. Whether AWS would put a method or an integration as it
// stands is checked where single ones are put too, by the service; it words
// what it finds with [Unable] and [Refusal].
func Import(doc []byte, opt Options) (*API, error) {
	if opt.Partition == "" {
		opt.Partition = "aws"
	}
	root, err := read(doc, opt)
	if err != nil {
		return nil, err
	}
	im := newImporter(root, opt)
	if err := im.version(); err != nil {
		return nil, err
	}
	im.settings()
	im.readModels()
	im.readValidators()
	im.readSecurity()
	im.readPaths()
	im.writeModels()
	if !opt.IgnoreDocumentation {
		im.readDocumentation()
	}
	im.api.Warnings = im.warnings
	if err := im.check(); err != nil {
		return nil, invalid(err)
	}
	if len(im.errors) > 0 {
		return nil, Refusal(im.errors, im.warnings)
	}
	return im.api, nil
}

// Unable words why a part of a method cannot be put: its "integration", an
// "integration response".
//
// AWS: seen in failed imports, for example "Unable to put integration on 'GET'
// for resource at path '/': Invalid mapping expression specified: …".
func Unable(part, verb, path, why string) string {
	return "Unable to put " + part + " on '" + verb + "' for resource at path '" + path + "': " + why
}

// Refusal words the errors of one import as AWS does, with the warnings that
// came before them. A caller that finds more faults in an API than Import does
// words them with it too.
func Refusal(errors, warnings []string) *Error {
	var b strings.Builder
	b.WriteString("Errors found during import:")
	for _, e := range errors {
		b.WriteString("\n\t" + e)
	}
	if len(warnings) > 0 {
		b.WriteString("\nAdditionally, these warnings were found:")
		for _, w := range warnings {
			b.WriteString("\n\t" + w)
		}
	}
	return &Error{Message: b.String()}
}

// Strict returns the error of an import that fails on warnings, or nil if
// there are none.
func (a *API) Strict() error {
	if len(a.Warnings) == 0 {
		return nil
	}
	return &Error{Message: "Warnings found during import:\n\t" + strings.Join(a.Warnings, "\n\t")}
}
