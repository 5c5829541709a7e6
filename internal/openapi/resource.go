package openapi

import (
	"regexp"
	"strings"
)

// maxPath bounds a resource's path. AWS: no URL is longer than 10,240 bytes,
// so no longer resource can be called.
const maxPath = 10240

// pathPart is what one segment of a path may be.
var pathPart = regexp.MustCompile(`^([A-Za-z0-9._\-:]+|\{[A-Za-z0-9._\-:]+\+?\})$`)

// readPaths makes the resources and their methods.
func (im *importer) readPaths() {
	im.consumes = mediaType(im.root.get("consumes"), mediaTypeJSON)
	im.produces = mediaType(im.root.get("produces"), mediaTypeJSON)
	im.api.Resources = []Resource{{Path: "/"}}
	paths := im.member(im.root, "paths", kindObject, "")
	if paths == nil {
		return
	}
	base := im.basePath()
	for i, path := range paths.keys {
		at := "paths.'" + cut(path) + "'"
		if !strings.HasPrefix(path, "/") {
			// AWS: the parser's finding; seen for "$default" of HTTP APIs.
			im.warnf("Parse issue: attribute paths. Resource %s should start with /", cut(path))
			continue
		}
		if len(path) > 2*maxPath { // not worth splitting; empty segments are few
			im.errorf("Unable to create resource at path '%s': the path is longer than %d bytes", cut(path), maxPath)
			continue
		}
		item := im.resolve(im.expect(paths.items[i], kindObject, at), at)
		if !item.is(kindObject) {
			continue
		}
		if r, ok := im.resource(append(base[:len(base):len(base)], segmentsOf(path)...)); ok {
			im.readItem(item, r, at)
		}
		if im.exceeded() {
			return
		}
	}
}

// resource returns the index of the resource with the segments, which is made
// with its parents if it is not there.
func (im *importer) resource(segments []string) (int, bool) {
	length := 1
	for _, s := range segments {
		length += len(s) + 1
	}
	if length > maxPath {
		im.errorf("Unable to create resource at path '%s': the path is longer than %d bytes", cut("/"+strings.Join(segments, "/")), maxPath)
		return 0, false
	}
	at := 0
	for _, part := range segments {
		i, ok := im.children[place{at, part}]
		if !ok {
			parent := im.api.Resources[at]
			path := strings.TrimSuffix(parent.Path, "/") + "/" + part
			if problem := im.misplaced(at, part); problem != "" {
				im.errorf("Unable to create resource at path '%s': %s", path, problem)
				return 0, false
			}
			i = len(im.api.Resources)
			im.api.Resources = append(im.api.Resources, Resource{Path: path, Parent: parent.Path, Part: part})
			im.children[place{at, part}] = i
			im.spend(4, len(path))
			if part[0] == '{' {
				im.variables[at] = part
			}
		}
		at = i
	}
	return at, true
}

// A place is where a resource stands: which resource it is below, and as what.
type place struct {
	parent int // index in api.Resources
	part   string
}

// misplaced says why part cannot be a child of the resource with index parent,
// or "".
func (im *importer) misplaced(parent int, part string) string {
	if !pathPart.MatchString(part) {
		return "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable " +
			"and curly braces at the beginning and the end."
	}
	// AWS: both recorded in test_create_proxy_resource_validation.
	if above := im.api.Resources[parent].Part; strings.HasSuffix(above, "+}") {
		return "Cannot create a child of a resource with a greedy path variable: " + above
	}
	if sibling := im.variables[parent]; part[0] == '{' && sibling != "" {
		return "A sibling (" + sibling + ") of this resource already has a variable path part -- only one is allowed"
	}
	return ""
}

// cut shortens what a message quotes of a document.
func cut(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
