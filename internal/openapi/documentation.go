package openapi

import (
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

const extDocumentation = "x-amazon-apigateway-documentation"

// locationFields are the kinds of places documentation may be about, with what
// tells one place of a kind from another.
//
// AWS: API reference of DocumentationPartLocation, and the table in
// "Representation of API documentation in API Gateway".
var locationFields = map[string][]string{
	api.DocumentationPartTypeApi:            {},
	api.DocumentationPartTypeAuthorizer:     {"name"},
	api.DocumentationPartTypeModel:          {"name"},
	api.DocumentationPartTypeResource:       {"path"},
	api.DocumentationPartTypeMethod:         {"path", "method"},
	api.DocumentationPartTypePathParameter:  {"path", "method", "name"},
	api.DocumentationPartTypeQueryParameter: {"path", "method", "name"},
	api.DocumentationPartTypeRequestHeader:  {"path", "method", "name"},
	api.DocumentationPartTypeRequestBody:    {"path", "method"},
	api.DocumentationPartTypeResponse:       {"path", "method", "statusCode"},
	api.DocumentationPartTypeResponseHeader: {"path", "method", "statusCode", "name"},
	api.DocumentationPartTypeResponseBody:   {"path", "method", "statusCode"},
}

// LocationFields are the members that tell a place of a kind from the others of
// its kind: some of path, method, statusCode and name, in this order.
func LocationFields(kind string) []string { return locationFields[kind] }

// CheckLocation says why documentation cannot be about a place, or "".
//
// AWS: which members a kind has is documented, the texts are not.
func CheckLocation(loc *api.DocumentationPartLocation) string {
	if loc == nil || loc.Type == nil {
		return "Invalid location specified: a type is required"
	}
	fields, ok := locationFields[*loc.Type]
	if !ok {
		return "Invalid location type specified: " + cut(*loc.Type)
	}
	for _, m := range []struct {
		name  string
		value *string
	}{{"path", loc.Path}, {"method", loc.Method}, {"statusCode", loc.StatusCode}, {"name", loc.Name}} {
		given := m.value != nil && *m.value != ""
		if given && !slices.Contains(fields, m.name) {
			return "Invalid location specified: " + m.name + " is not valid for type " + *loc.Type
		}
		if !given && m.name == "name" && slices.Contains(fields, m.name) {
			return "Invalid location specified: name is required for type " + *loc.Type
		}
	}
	if loc.Path != nil && *loc.Path != "" && !strings.HasPrefix(*loc.Path, "/") {
		return "Invalid location specified: path must start with /"
	}
	return ""
}

// ImportDocumentation reads nothing of a document but the documentation in it.
// The error is an *[Error].
func ImportDocumentation(doc []byte, opt Options) (*API, error) {
	root, err := read(doc, opt)
	if err != nil {
		// AWS: recorded in test_import_documentation_parts_bad_file.
		return nil, &Error{Message: "Unable to build importer with provided input.", Cause: err}
	}
	im := newImporter(root, opt)
	if err := im.version(); err != nil {
		return nil, &Error{Message: "Unable to build importer with provided input.", Cause: err}
	}
	im.readDocumentation()
	im.api.Warnings = im.warnings
	if err := im.check(); err != nil {
		return nil, invalid(err)
	}
	return im.api, nil
}

// readDocumentation reads the parts of the documentation. One that cannot be is
// warned of and left out.
//
// AWS: "x-amazon-apigateway-documentation object".
func (im *importer) readDocumentation() {
	all := im.member(im.member(im.root, extDocumentation, kindObject, ""), "documentationParts", kindList, extDocumentation)
	if all == nil {
		return
	}
	at := extDocumentation + ".documentationParts"
	for _, item := range all.items {
		n := im.expect(item, kindObject, at)
		loc := im.member(n, "location", kindObject, at)
		properties := im.member(n, "properties", kindObject, at)
		if loc == nil || properties == nil {
			im.warnf("Parse issue: attribute %s.location or properties is missing", at)
			continue
		}
		out := api.DocumentationPartLocation{
			Type: im.text(loc, "type", at), Path: nonEmpty(im.text(loc, "path", at)), Method: nonEmpty(im.text(loc, "method", at)),
			StatusCode: nonEmpty(im.text(loc, "statusCode", at)), Name: nonEmpty(im.text(loc, "name", at)),
		}
		if why := CheckLocation(&out); why != "" {
			im.warnf("Unable to create documentation part: %s. Ignoring.", why) // AWS: undocumented text
			continue
		}
		im.charge(properties)
		im.api.Documentation = append(im.api.Documentation, api.DocumentationPart{Location: &out, Properties: ptr(compact(properties))})
	}
}
