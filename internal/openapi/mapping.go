package openapi

import (
	"maps"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

// checkRequestMapping refuses mappings into the integration request that no
// request could ever perform.
func (im *importer) checkRequestMapping(op *operation, mapping map[string]string) {
	for _, to := range slices.Sorted(maps.Keys(mapping)) {
		from := mapping[to]
		place, name := splitLast(to, "integration.request.")
		if name == "" || !slices.Contains([]string{"header", "querystring", "path"}, place) {
			im.refuse(op, "integration", badMapping("Invalid mapping expression specified: "+cut(to)))
			continue
		}
		place, name = splitLast(from, "method.request.")
		switch {
		case place == "body" || from == "method.request.body":
		case slices.Contains([]string{"header", "querystring", "path", "multivalueheader", "multivaluequerystring"}, place):
			declared := "method.request." + strings.TrimPrefix(place, "multivalue") + "." + name
			if _, ok := op.method.RequestParameters[declared]; !ok {
				im.refuse(op, "integration", badMapping("Invalid mapping expression parameter specified: "+cut(from)))
			}
		case !freeSource(from):
			im.refuse(op, "integration", badMapping("Invalid mapping expression specified: "+cut(from)))
		}
	}
}

// checkResponseMapping does the same for the method response.
func (im *importer) checkResponseMapping(op *operation, mapping map[string]string, declared api.MethodResponse) {
	for _, to := range slices.Sorted(maps.Keys(mapping)) {
		from := mapping[to]
		if place, name := splitLast(to, "method.response."); place != "header" || name == "" {
			im.refuse(op, "integration response", badMapping("Invalid mapping expression specified: "+cut(to)))
			continue
		}
		if _, ok := declared.ResponseParameters[to]; !ok {
			im.refuse(op, "integration response", badMapping("Invalid mapping expression parameter specified: "+cut(to)))
			continue
		}
		place, _ := splitLast(from, "integration.response.")
		known := slices.Contains([]string{"header", "multivalueheader", "body"}, place) || from == "integration.response.body"
		if !known && !freeSource(from) {
			im.refuse(op, "integration response", badMapping("Invalid mapping expression specified: "+cut(from)))
		}
	}
}

// badMapping words a mapping's fault. AWS: seen in failed imports.
func badMapping(why string) string {
	return "Invalid mapping expression specified: Validation Result: warnings : [], errors : [" + why + "]"
}

// splitLast takes "querystring" and "page" from "method.request.querystring.page".
func splitLast(expression, prefix string) (place, name string) {
	rest, ok := strings.CutPrefix(expression, prefix)
	if !ok {
		return "", ""
	}
	place, name, _ = strings.Cut(rest, ".")
	return place, name
}

// freeSource reports whether a mapping takes its value from something that
// needs no declaration: the context, a stage variable or a quoted text.
func freeSource(from string) bool {
	if strings.HasPrefix(from, "context.") || strings.HasPrefix(from, "stageVariables.") {
		return true
	}
	return len(from) >= 2 && from[0] == '\'' && from[len(from)-1] == '\''
}
