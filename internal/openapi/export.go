package openapi

import (
	"slices"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
)

// ExportOptions say how an API is written down. The zero options give OpenAPI
// 2.0 in JSON, without AWS's extensions.
type ExportOptions struct {
	V3   bool // OpenAPI 3.0
	YAML bool

	// What only AWS understands is written if it is asked for.
	Extensions  bool // integrations, validators and settings
	Authorizers bool

	Host     string // of the servers that answer
	BasePath string // the name of the stage

	// Version stands for that of an API that has none.
	Version string

	Documentation *ExportedDocumentation // nil: none
}

// An ExportedDocumentation is a version of an API's documentation.
type ExportedDocumentation struct {
	Version     string
	CreatedDate time.Time
	Parts       []api.DocumentationPart
}

// An exporter is one export under way.
type exporter struct {
	api     *API
	opt     ExportOptions
	models  map[string]bool
	apiKey  string // names of the schemes that are no authorizers
	sigV4   string
	written map[string]bool // schemes that a method lists
	docs    documents
}

// Export writes an API as a document. What it writes with all extensions,
// [Import] reads as the same API, with two exceptions: a missing version has
// become opt.Version, and OpenAPI 2.0 has one media type for all models of a
// method's responses, and one model for its requests.
//
// AWS: "Export a REST API from API Gateway"; the form is that of recorded
// exports (test_export_oas30_openapi, test_export_swagger_openapi).
func Export(a *API, opt ExportOptions) ([]byte, error) {
	ex := &exporter{api: a, opt: opt, models: map[string]bool{}, written: map[string]bool{}}
	for _, m := range a.Models {
		ex.models[*m.Name] = true
	}
	ex.nameSchemes()
	if err := ex.readDocuments(); err != nil {
		return nil, err
	}
	root := object()
	if opt.V3 {
		root.put("openapi", textNode("3.0.1"))
	} else {
		root.put("swagger", textNode("2.0"))
	}
	root.put("info", ex.info())
	ex.servers(root)
	root.put("paths", ex.paths())
	if err := ex.components(root); err != nil {
		return nil, err
	}
	if opt.Extensions {
		ex.settings(root)
	}
	ex.documentation(root)
	if opt.YAML {
		return writeYAML(root)
	}
	var b strings.Builder
	writeJSON(&b, root, 0)
	return []byte(b.String()), nil
}

func (ex *exporter) info() *node {
	set := &ex.api.Settings
	n := object()
	n.put("title", optional(set.Name))
	n.put("description", optional(nonEmpty(set.Description)))
	version := ex.opt.Version
	if s := nonEmpty(set.Version); s != nil {
		version = *s
	}
	n.put("version", textNode(version))
	ex.docs.api().info(n)
	return n
}

// servers writes where the API is served, and with OpenAPI 3 also how.
func (ex *exporter) servers(root *node) {
	if !ex.opt.V3 {
		root.put("host", textNode(ex.opt.Host))
		root.put("basePath", textNode("/"+ex.opt.BasePath))
		root.put("schemes", listNode(textNode("https")))
		return
	}
	base := object()
	base.put("default", textNode(ex.opt.BasePath))
	variables := object()
	variables.put("basePath", base)
	server := object()
	server.put("url", textNode("https://"+ex.opt.Host+"/{basePath}"))
	server.put("variables", variables)
	if ex.opt.Extensions {
		server.put(extEndpoint, ex.endpoint())
	}
	root.put("servers", listNode(server))
}

// endpoint is what the document says of the API's endpoint, or nil.
func (ex *exporter) endpoint() *node {
	set := &ex.api.Settings
	n := object()
	if set.DisableExecuteApiEndpoint != nil && *set.DisableExecuteApiEndpoint {
		n.put("disableExecuteApiEndpoint", boolNode(true))
	}
	if e := set.EndpointConfiguration; e != nil {
		n.put("vpcEndpointIds", texts(e.VpcEndpointIds))
		n.put("ipAddressType", optional(e.IpAddressType))
	}
	return n.orNil()
}

// components writes the models and the security schemes.
func (ex *exporter) components(root *node) error {
	to, schemas, schemes := root, "definitions", "securityDefinitions"
	if ex.opt.V3 {
		to, schemas, schemes = object(), "schemas", "securitySchemes"
	}
	models := object()
	for _, m := range ex.api.Models {
		schema, err := ex.model(m)
		if err != nil {
			return err
		}
		models.put(*m.Name, schema)
	}
	security := ex.schemeNodes()
	if !ex.opt.V3 { // AWS: in this order
		to.put(schemes, security)
	}
	to.put(schemas, models.orNil())
	if ex.opt.V3 {
		to.put(schemes, security)
		root.put("components", to) // AWS: also if it is empty
	}
	return nil
}

// model is the schema of a model as a document has it.
//
// AWS: "$schema" does not appear in exports (example in "Publish API
// documentation using the API Gateway REST API"). A schema of another kind than
// JSON is undocumented: it is left open.
func (ex *exporter) model(m api.Model) (*node, error) {
	if m.Schema == nil || !strings.Contains(strings.ToLower(orEmpty(m.ContentType)), "json") {
		return object(), nil
	}
	n, err := parseJSON([]byte(*m.Schema))
	if err != nil || n.kind != kindObject {
		return nil, &Error{Message: "Unable to export model '" + *m.Name + "': the schema is not a JSON object", Cause: err}
	}
	out := ex.localSchema(n)
	ex.docs.at(api.DocumentationPartTypeModel, "", "", "", *m.Name).insert(out, "description", "title")
	return out, nil
}

// localSchema is a schema with references into the document in the place of
// those to models.
func (ex *exporter) localSchema(n *node) *node {
	switch n.kind {
	case kindObject:
		out := object()
		for i, key := range n.keys {
			v := n.items[i]
			switch {
			case key == "$schema" && v.kind == kindText:
			case key == "$ref" && v.kind == kindText:
				out.put(key, textNode(ex.localRef(v.text)))
			default:
				out.put(key, ex.localSchema(v))
			}
		}
		return out
	case kindList:
		out := &node{kind: kindList}
		for _, v := range n.items {
			out.items = append(out.items, ex.localSchema(v))
		}
		return out
	}
	return n
}

// localRef is a reference to a model, inside the document; others stay.
func (ex *exporter) localRef(ref string) string {
	if i := strings.Index(ref, "/models/"); i >= 0 && strings.Contains(ref[:i], "/restapis/") {
		if name := ref[i+len("/models/"):]; ex.models[name] {
			return ex.refTo(name)
		}
	}
	return ref
}

func (ex *exporter) refTo(model string) string {
	if ex.opt.V3 {
		return "#/components/schemas/" + model
	}
	return "#/definitions/" + model
}

// settings writes the extensions of the document as a whole.
func (ex *exporter) settings(root *node) {
	set := &ex.api.Settings
	if !ex.opt.V3 {
		root.put(extEndpoint, ex.endpoint())
	}
	root.put(extBinaryMediaTypes, texts(set.BinaryMediaTypes))
	if set.MinimumCompressionSize != nil {
		root.put(extCompressionSize, intNode(*set.MinimumCompressionSize))
	}
	if source := orEmpty(set.ApiKeySource); source != "" && source != api.ApiKeySourceTypeHeader {
		root.put(extAPIKeySource, textNode(source))
	}
	root.put(extSecurityPolicy, optional(set.SecurityPolicy))
	root.put(extAccessMode, optional(set.EndpointAccessMode))
	if policy := orEmpty(set.Policy); policy != "" {
		n, err := parseJSON([]byte(policy))
		if err != nil {
			n = textNode(policy)
		}
		root.put(extPolicy, n)
	}
	responses := object()
	for _, r := range ex.api.GatewayResponses {
		n := object()
		n.put("statusCode", optional(r.StatusCode))
		n.put("responseParameters", textMap(r.ResponseParameters))
		n.put("responseTemplates", textMap(r.ResponseTemplates))
		responses.put(*r.ResponseType, n)
	}
	root.put(extGatewayResponses, responses.orNil())
	validators := object()
	for _, v := range ex.api.Validators {
		n := object()
		n.put("validateRequestParameters", boolNode(v.ValidateRequestParameters != nil && *v.ValidateRequestParameters))
		n.put("validateRequestBody", boolNode(v.ValidateRequestBody != nil && *v.ValidateRequestBody))
		validators.put(orEmpty(v.Name), n)
	}
	root.put(extValidators, validators.orNil())
}

// Nodes to write.

func object() *node { return &node{kind: kindObject} }

// put adds a member unless it is nil. A key that is there already stays.
func (n *node) put(key string, v *node) {
	if v != nil {
		n.set(key, v)
	}
}

// orNil is n unless nothing is in it.
func (n *node) orNil() *node {
	if len(n.items) == 0 {
		return nil
	}
	return n
}

func textNode(s string) *node { return &node{kind: kindText, text: s} }

func boolNode(b bool) *node { return &node{kind: kindBool, text: strconv.FormatBool(b)} }

func intNode(i int32) *node { return &node{kind: kindNumber, text: strconv.Itoa(int(i))} }

func listNode(items ...*node) *node { return &node{kind: kindList, items: items} }

// optional is the text p points to, or nil.
func optional(p *string) *node {
	if p == nil {
		return nil
	}
	return textNode(*p)
}

// texts is a list of texts, or nil if there are none.
func texts(list []string) *node {
	n := listNode()
	for _, s := range list {
		n.items = append(n.items, textNode(s))
	}
	return n.orNil()
}

// textMap is an object of texts in the order of their names, or nil.
func textMap(m map[string]string) *node {
	n := object()
	for _, key := range sortedNames(m) {
		n.put(key, textNode(m[key]))
	}
	return n.orNil()
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func orEmpty(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
