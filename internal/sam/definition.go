package sam

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The definitions that SAM makes and edits are of Swagger 2.0 for REST APIs, or
// OpenAPI 3 where it is asked for, and OpenAPI 3 for HTTP APIs. Each path, method
// and integration may stand under a condition.

const (
	anyMethod      = "x-amazon-apigateway-any-method"
	integrationKey = "x-amazon-apigateway-integration"
	defaultPath    = "$default"
)

// skeleton is a definition without paths.
func skeleton(member, version string) object {
	return object{member: version, "info": object{"version": "1.0", "title": ref("AWS::StackName")}, "paths": object{}}
}

// methodName is how a definition calls a method.
func methodName(method string) string {
	if method = strings.ToLower(method); method == "any" {
		return anyMethod
	}
	return method
}

// variants are what v may be: itself, or what Fn::If chooses from.
func variants(v any) []object {
	m := asObject(v)
	if choice, ok := m["Fn::If"].([]any); ok && len(choice) == 3 {
		return append(variants(choice[1]), variants(choice[2])...)
	}
	if m == nil || isIntrinsic(m) {
		return nil
	}
	return []object{m}
}

// methodsOf are the definitions of a method of a path, in each variant.
func methodsOf(doc object, path, method string) []object {
	var list []object
	for _, item := range variants(asObject(doc["paths"])[path]) {
		list = append(list, variants(item[methodName(method)])...)
	}
	return list
}

// served are those methods that have an integration.
func served(methods []object) []object {
	return slices.DeleteFunc(methods, func(m object) bool { return m[integrationKey] == nil })
}

// member is the object below m with this name, made if it is not there.
func member(m object, name string) object {
	if have, ok := m[name].(object); ok {
		return have
	}
	made := object{}
	m[name] = made
	return made
}

// addMethod gives a path a method that calls a function, and returns it.
func addMethod(doc object, path, method, condition string, integration object) object {
	paths := member(doc, "paths")
	items := variants(paths[path])
	if items == nil {
		item := object{}
		paths[path] = item
		items = []object{item}
	}
	if condition != "" {
		integration["uri"] = when(condition, integration["uri"])
	}
	var def object
	for _, item := range items {
		def = asObject(item[methodName(method)])
		if def == nil {
			def = object{}
		}
		def[integrationKey] = integration
		if def["responses"] == nil {
			def["responses"] = object{}
		}
		if item[methodName(method)] = any(def); condition != "" {
			item[methodName(method)] = when(condition, def)
		}
	}
	return def
}

var pathParameter = regexp.MustCompile(`\{([a-zA-Z0-9._-]+|[a-zA-Z0-9._-]+\+)\}`)

// wildcards is a path as an ARN of an API has it: no slash at its end, a star for
// each parameter.
func wildcards(path string) string {
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return pathParameter.ReplaceAllString(path, "*")
}

// security is one requirement.
func security(name string, scopes any) object {
	if scopes == nil {
		scopes = []any{}
	}
	return object{name: scopes}
}

// require adds a requirement to methods.
func require(methods []object, requirement object) {
	for _, def := range methods {
		list, _ := def["security"].([]any)
		def["security"] = append(slices.Clone(list), requirement)
	}
}

// names tells whether a requirement is one of these.
func names(requirement any, of ...string) bool {
	for name := range asObject(requirement) {
		if slices.Contains(of, name) {
			return true
		}
	}
	return false
}

// eachServed calls do with every method that has an integration.
func eachServed(doc object, do func(path, method string, def object)) {
	paths := asObject(doc["paths"])
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, item := range variants(paths[path]) {
			for _, method := range slices.Sorted(maps.Keys(item)) {
				if method == "parameters" {
					continue
				}
				for _, def := range served(variants(item[method])) {
					do(path, method, def)
				}
			}
		}
	}
}

// defaultAuthorizer secures what says nothing of its own, and takes the marks of
// what wants no authorizer away.
//
// AWS: swagger.py, set_path_default_authorizer.
func defaultAuthorizer(doc object, name string, scopes any, authorizers []string, preflight bool) {
	eachServed(doc, func(_, method string, def object) {
		if method == "options" && !preflight {
			return
		}
		list, _ := def["security"].([]any)
		var others, own []any
		none := false
		for _, s := range list {
			switch {
			case names(s, authorizers...):
				own = append(own, s)
			case names(s, "NONE") && !none:
				none = true
			default:
				others = append(others, s)
			}
		}
		switch {
		case none:
			own = nil
		case own == nil:
			own = []any{security(name, scopes)}
		}
		if all := append(others, own...); len(all) > 0 {
			def["security"] = all
		}
	})
}

// defaultKey makes every method require an API key, unless it says that it needs
// none.
//
// AWS: swagger.py, set_path_default_apikey_required.
func defaultKey(doc object, preflight bool) {
	eachServed(doc, func(_, method string, def object) {
		if method == "options" && !preflight {
			return
		}
		list, _ := def["security"].([]any)
		var others []any
		free := false
		for _, s := range list {
			if names(s, "api_key", "api_key_false") {
				free = free || names(s, "api_key_false")
				continue
			}
			others = append(others, s)
		}
		if !free {
			others = append(others, security("api_key", nil))
		}
		if others == nil {
			others = []any{}
		}
		def["security"] = others
	})
}

// isOpenAPI3 tells which of the two a definition is.
func isOpenAPI3(doc object) bool { return strings.HasPrefix(text(doc["openapi"]), "3") }
