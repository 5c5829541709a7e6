package openapi

import (
	"slices"
	"strings"
)

// extVersion says how a document was written.
const extVersion = "x-amazon-apigateway-importexport-version"

// ofREST are the keys of OpenAPI that only REST APIs heed.
var ofREST = []string{"parameters", "requestBody", "responses", "callbacks", "servers", "schemas", "requestBodies", "headers", "examples", "links"}

// ignored tells of what stands in a part of a document, at a place, and is not
// looked at: all extensions of AWS but those that are known there, and what
// describes messages.
//
// AWS: "Use OpenAPI definitions for HTTP APIs", info; the words are those of a
// public transcript of import-api. What it says of extensions is not known.
func (im *httpImporter) ignored(part *node, at string, known ...string) {
	if !part.is(kindObject) {
		return
	}
	for _, key := range part.keys {
		heeded := !slices.Contains(ofREST, key) || part == im.root
		if strings.HasPrefix(key, "x-amazon-apigateway-") {
			heeded = slices.Contains(known, key)
		}
		if !heeded {
			im.info = im.find(im.info, "%s: key [%s] will be ignored by API Gateway", []any{at, cut(key)})
		}
	}
}
