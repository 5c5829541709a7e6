package apigateway

import (
	"strings"

	"gatehouse/internal/vtl"
)

// Parameter mappings name a place in a request or response, and where its
// value comes from. The checks are AWS's, so are the texts; where a source has
// to be declared on the method, the declaration must stand already.

// checkRequestMappings refuses mappings to the integration request that cannot
// be, or that the data plane cannot do.
func (me *methodEdit) checkRequestMappings(mappings map[string]string) error {
	for _, target := range sortedKeys(mappings) {
		if !targetsRequest(target) {
			return errMapping("Invalid mapping expression specified: " + target)
		}
		source := mappings[target]
		if isConstant(source) {
			continue
		}
		if source == "method.request.body" {
			continue
		}
		if path, ok := strings.CutPrefix(source, "method.request.body."); ok {
			if err := checkPath(source, path); err != nil {
				return err
			}
			continue
		}
		declared, ok := requestSource(source)
		if !ok {
			return errMapping("Invalid mapping expression specified: " + source)
		}
		if declared == "" {
			continue
		}
		if _, ok := me.m.RequestParameters[declared]; !ok {
			// AWS: the well-known answer to a mapping of method.request.path.proxy
			// that the method does not declare; not recorded.
			return errMapping("Invalid mapping expression parameter specified: " + source)
		}
	}
	return nil
}

// targetsRequest reports whether s names a part of the integration request.
func targetsRequest(s string) bool {
	for _, prefix := range []string{"integration.request.header.", "integration.request.querystring.", "integration.request.path."} {
		if name, ok := strings.CutPrefix(s, prefix); ok {
			return validName(name)
		}
	}
	return false
}

// requestSource reports whether s is a source of request mappings, and under
// what name the method must declare it ("" if it need not).
func requestSource(s string) (declared string, ok bool) {
	for _, source := range []struct{ prefix, declared string }{
		{"method.request.path.", "method.request.path."},
		{"method.request.querystring.", "method.request.querystring."},
		{"method.request.multivaluequerystring.", "method.request.querystring."},
		{"method.request.header.", "method.request.header."},
		{"method.request.multivalueheader.", "method.request.header."},
		{"stageVariables.", ""},
		{"context.", ""},
	} {
		name, ok := strings.CutPrefix(s, source.prefix)
		if !ok {
			continue
		}
		if source.declared == "" {
			return "", validName(name)
		}
		return source.declared + name, validName(name)
	}
	return "", false
}

// checkResponseMappings refuses mappings to the method response that cannot
// be, or that the data plane cannot do.
//
// AWS: aws-apigateway-importer issue 121 shows the text for a method without
// responses; that for a wrong status is not recorded.
func (me *methodEdit) checkResponseMappings(status string, mappings map[string]string) error {
	for _, target := range sortedKeys(mappings) {
		name, ok := strings.CutPrefix(target, methodResponsePrefix)
		if !ok || !validName(name) {
			return errMapping("Invalid mapping expression specified: " + target)
		}
		if len(me.m.MethodResponses) == 0 {
			return errMapping("No method response exists for method.")
		}
		response, ok := me.m.MethodResponses[status]
		if !ok {
			return errMapping("Output mapping refers to an invalid method response: " + status)
		}
		if _, ok := response.ResponseParameters[target]; !ok {
			return errMapping("Invalid mapping expression parameter specified: " + target)
		}
		if err := checkResponseSource(mappings[target]); err != nil {
			return err
		}
	}
	return nil
}

func checkResponseSource(source string) error {
	if isConstant(source) {
		return nil
	}
	if source == "integration.response.body" {
		return nil
	}
	if path, ok := strings.CutPrefix(source, "integration.response.body."); ok {
		return checkPath(source, path)
	}
	for _, prefix := range []string{"integration.response.header.", "integration.response.multivalueheader.", "stageVariables.", "context."} {
		if name, ok := strings.CutPrefix(source, prefix); ok && validName(name) {
			return nil
		}
	}
	return errMapping("Invalid mapping expression specified: " + source)
}

// checkPath refuses a source whose path into a body is no JSONPath.
func checkPath(source, path string) error {
	if _, err := vtl.CompilePath(path); err != nil {
		return errMapping("Invalid mapping expression specified: " + source)
	}
	return nil
}

// isConstant reports whether s is a text in single quotes.
func isConstant(s string) bool {
	return len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\''
}

// validName reports whether s can name a header, a query parameter or a
// variable: printable ASCII without spaces.
func validName(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
