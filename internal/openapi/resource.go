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
	im.resources["/"] = 0
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
	path := "/" + strings.Join(segments, "/")
	if i, ok := im.resources[path]; ok {
		return i, true
	}
	at, end := 0, 0
	for _, part := range segments {
		parent := im.api.Resources[at].Path
		end += 1 + len(part)
		i, ok := im.resources[path[:end]]
		if !ok {
			if problem := im.misplaced(parent, part); problem != "" {
				im.errorf("Unable to create resource at path '%s': %s", path[:end], problem)
				return 0, false
			}
			i = len(im.api.Resources)
			im.api.Resources = append(im.api.Resources, Resource{Path: path[:end], Parent: parent, Part: part})
			im.resources[path[:end]] = i
			im.spend(4, end)
			if part[0] == '{' {
				im.variables[parent] = part
			}
		}
		at = i
	}
	return at, true
}

// misplaced says why part cannot be a child of parent, or "".
func (im *importer) misplaced(parent, part string) string {
	if !pathPart.MatchString(part) {
		return "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable " +
			"and curly braces at the beginning and the end."
	}
	// AWS: both recorded in test_create_proxy_resource_validation.
	last := parent[strings.LastIndexByte(parent, '/')+1:]
	if strings.HasSuffix(last, "+}") {
		return "Cannot create a child of a resource with a greedy path variable: " + last
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
