package openapi

import (
	"slices"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
)

// documents are the parts of the documentation by what they are about.
type documents map[docKey]document

// A docKey is a place with all that was left open filled in.
type docKey struct{ kind, path, method, status, name string }

// A document is what is said of one place: some objects, of which the first
// that has a member decides.
type document []*node

// readDocuments makes the index of the documentation.
func (ex *exporter) readDocuments() error {
	ex.docs = documents{}
	if ex.opt.Documentation == nil {
		return nil
	}
	for _, p := range ex.opt.Documentation.Parts {
		n, err := parseJSON([]byte(orEmpty(p.Properties)))
		if err != nil || n.kind != kindObject {
			return &Error{Message: "Unable to export documentation part '" + orEmpty(p.Id) + "'", Cause: err}
		}
		key := keyOf(p.Location)
		ex.docs[key] = append(ex.docs[key], n)
	}
	return nil
}

// keyOf fills in a location.
//
// AWS: "/" and "*" stand for what is left open (API reference of
// DocumentationPartLocation).
func keyOf(loc *api.DocumentationPartLocation) docKey {
	k := docKey{kind: *loc.Type}
	for _, f := range locationFields[k.kind] {
		switch f {
		case "path":
			k.path = orOther(loc.Path, "/")
		case "method":
			k.method = strings.ToUpper(orOther(loc.Method, "*"))
		case "statusCode":
			k.status = orOther(loc.StatusCode, "*")
		case "name":
			k.name = orEmpty(loc.Name)
		}
	}
	return k
}

func orOther(p *string, other string) string {
	if orEmpty(p) == "" {
		return other
	}
	return *p
}

// at is all that is said of one place: of it alone, then of all status codes
// and of all methods.
func (d documents) at(kind, path, method, status, name string) document {
	if len(d) == 0 {
		return nil
	}
	fields := locationFields[kind]
	k := docKey{kind: kind, path: path, method: method, status: status, name: name}
	out := slices.Clone(d[k])
	if slices.Contains(fields, "statusCode") {
		k.status = "*"
		out = append(out, d[k]...)
		k.status = status
	}
	if slices.Contains(fields, "method") {
		k.method = "*"
		out = append(out, d[k]...)
		if slices.Contains(fields, "statusCode") {
			k.status = "*"
			out = append(out, d[k]...)
		}
	}
	return out
}

func (d documents) api() document { return d[docKey{kind: api.DocumentationPartTypeApi}] }

// insert puts into n those members that OpenAPI has there, and extensions that
// mean nothing to AWS. What n has already stays.
//
// AWS: "an OpenAPI-compliant attribute … API Gateway inserts into the
// associated API entity definition"; x-… is propagated.
func (d document) insert(n *node, members ...string) {
	for _, properties := range d {
		for i, key := range properties.keys {
			foreign := strings.HasPrefix(key, "x-") && !strings.HasPrefix(key, "x-amazon-apigateway-")
			if foreign || slices.Contains(members, key) {
				n.put(key, properties.items[i])
			}
		}
	}
}

// info puts what is said of the API into its info. The documentation decides.
//
// AWS: as the example in "Publish API documentation using the API Gateway REST
// API", where the version stays.
func (d document) info(n *node) {
	for _, properties := range d {
		said := properties.get("info")
		if description := said.get("description"); description.is(kindText) {
			if i := slices.Index(n.keys, "description"); i >= 0 {
				n.items[i] = description
			}
		}
		if said.is(kindObject) {
			document{said}.insert(n, "description", "termsOfService", "contact", "license")
		}
	}
}

// documentation writes the parts as they are, and what is said of the API as a
// whole.
func (ex *exporter) documentation(root *node) {
	docs := ex.opt.Documentation
	if docs == nil {
		return
	}
	n := object()
	n.put("version", textNode(docs.Version))
	n.put("createdDate", textNode(docs.CreatedDate.UTC().Format(time.RFC3339)))
	list := listNode()
	for _, p := range docs.Parts {
		properties, err := parseJSON([]byte(orEmpty(p.Properties)))
		if err != nil {
			continue // cannot be: readDocuments has read it
		}
		loc := object()
		loc.put("type", optional(p.Location.Type))
		loc.put("path", optional(p.Location.Path))
		loc.put("method", optional(p.Location.Method))
		loc.put("statusCode", optional(p.Location.StatusCode))
		loc.put("name", optional(p.Location.Name))
		part := object()
		part.put("location", loc)
		part.put("properties", properties)
		list.items = append(list.items, part)
	}
	n.put("documentationParts", list)
	root.put(extDocumentation, n)
	ex.docs.api().insert(root, "tags", "externalDocs")
}
