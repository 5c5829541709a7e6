package openapi

import (
	"regexp"
	"strings"
)

// basePath returns the segments that every path of the document gets in front,
// by the mode of the import.
//
// AWS: "Set the OpenAPI basePath property"; all modes recorded in
// test_import_rest_apis_with_base_path_swagger and …_oas30.
func (im *importer) basePath() []string {
	if im.opt.BasePath != BasePathPrepend && im.opt.BasePath != BasePathSplit {
		return nil
	}
	base := ""
	if im.v3 {
		base = im.serverPath()
	} else if s := im.text(im.root, "basePath", ""); s != nil {
		base = *s
	}
	if len(base) > 2*maxPath {
		im.errorf("The base path is longer than %d bytes", maxPath)
		return nil
	}
	segments := segmentsOf(base)
	if im.opt.BasePath == BasePathSplit && len(segments) > 0 {
		return segments[1:]
	}
	return segments
}

// serverPath returns the base path of an OpenAPI 3 document: the default of a
// server variable called basePath, even if no URL uses it, or the path of the
// first URL that has one.
func (im *importer) serverPath() string {
	servers := im.root.get("servers")
	if !servers.is(kindList) {
		return ""
	}
	for _, s := range servers.items {
		if v, ok := s.get("variables").get("basePath").get("default").scalar(); ok {
			return v
		}
	}
	for _, s := range servers.items {
		u, ok := s.get("url").scalar()
		if !ok {
			continue
		}
		if p := urlPath(u, s.get("variables")); len(segmentsOf(p)) > 0 {
			return p
		}
	}
	return ""
}

var urlVariable = regexp.MustCompile(`\{[^{}/]*\}`)

// urlPath returns the path of a server's URL, variables replaced by their
// defaults. A URL may be relative.
func urlPath(u string, variables *node) string {
	if i := strings.Index(u, "://"); i >= 0 {
		_, u, _ = strings.Cut(u[i+3:], "/")
	} else if !strings.HasPrefix(u, "/") {
		return ""
	}
	u, _, _ = strings.Cut(u, "?")
	u, _, _ = strings.Cut(u, "#")
	if len(u) > maxPath { // no resource can have it; not worth its variables
		return u
	}
	return urlVariable.ReplaceAllStringFunc(u, func(name string) string {
		v, ok := variables.get(name[1 : len(name)-1]).get("default").scalar()
		if !ok || len(v) > maxPath {
			return name
		}
		return strings.Trim(v, "/")
	})
}

// segmentsOf splits a path; empty segments do not count.
func segmentsOf(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
