package sam

import (
	"maps"
	"slices"
	"strings"
)

const (
	implicitREST = "ServerlessRestApi"
	implicitHTTP = "ServerlessHttpApi"
)

// eventKinds are the two kinds of events that belong to APIs: the type of the API,
// the property that names it, and the API that is made where none is named.
func eventKinds() map[string][3]string {
	return map[string][3]string{
		"Api":     {"AWS::Serverless::Api", "RestApiId", implicitREST},
		"HttpApi": {"AWS::Serverless::HttpApi", "ApiId", implicitHTTP},
	}
}

// implicitAPIs makes the APIs of events that name none.
func (t *translator) implicitAPIs() {
	for _, id := range slices.Sorted(maps.Keys(t.in)) {
		fn, ok := t.resource(id)
		if !ok || fn.typ != "AWS::Serverless::Function" {
			continue
		}
		for _, name := range eventNames(fn) {
			t.implicitAPI(fn, asObject(asObject(fn.props["Events"])[name]))
		}
	}
	if t.managed[implicitREST] {
		t.in[implicitREST] = object{"Type": "AWS::Serverless::Api", "Properties": object{"StageName": "Prod"}}
		t.guardAPI(implicitREST)
		t.keepAPI(implicitREST)
	}
	if t.managed[implicitHTTP] {
		t.in[implicitHTTP] = object{"Type": "AWS::Serverless::HttpApi", "Properties": object{}}
		t.guardAPI(implicitHTTP)
		t.keepAPI(implicitHTTP)
	}
}

// keepAPI gives an implicit API the strictest of the policies that the functions
// behind it have.
//
// AWS: implicit_api_plugin, _maybe_add_deletion_policy_to_implicit_api.
func (t *translator) keepAPI(id string) {
	for name, ranked := range map[string][]string{"DeletionPolicy": {"Retain", "Delete"}, "UpdateReplacePolicy": {"Retain", "Snapshot", "Delete"}} {
		for _, policy := range ranked {
			if slices.Contains(t.policies[id+" "+name], policy) {
				asObject(t.in[id])[name] = policy
				break
			}
		}
	}
}

func (t *translator) implicitAPI(fn *resource, event object) {
	kind, ok := eventKinds()[text(event["Type"])]
	if !ok {
		return
	}
	props := member(event, "Properties")
	if props[kind[1]] == nil {
		props[kind[1]] = ref(kind[2])
		t.managed[kind[2]] = true
	}
	id := linked(props[kind[1]])
	condition := text(fn.raw["Condition"])
	for _, key := range []string{id, id + " " + text(props["Path"])} {
		t.guards[key] = append(t.guards[key], condition)
	}
	for _, name := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
		t.policies[id+" "+name] = append(t.policies[id+" "+name], text(fn.raw[name]))
	}
}

// linked is the logical id that a property of an event names.
func linked(v any) string {
	if id, ok := asObject(v)["Ref"].(string); ok {
		return id
	}
	return text(v)
}

// guardAPI puts an implicit API under the conditions of its functions, if all have
// one.
func (t *translator) guardAPI(id string) {
	if c := t.guard(t.guards[id], id+"Condition"); c != "" {
		t.in[id].(object)["Condition"] = c //nolint:forcetypeassert // it was made above
	}
}

// guard is a condition that holds if one of list does, or "" if one of list is
// none. What stands for several is declared under name.
func (t *translator) guard(list []string, name string) string {
	all := slices.Compact(slices.Sorted(slices.Values(list)))
	switch {
	case len(all) == 0 || all[0] == "":
		return ""
	case len(all) == 1:
		return all[0]
	}
	either := make([]any, len(all))
	for i, c := range all {
		either[i] = object{"Condition": c}
	}
	for len(either) > 10 { // AWS: Fn::Or takes ten
		either = append(either[10:], object{"Fn::Or": slices.Clone(either[:10])})
	}
	member(t.tpl, "Conditions")[name] = object{"Fn::Or": either}
	return name
}

// guardPaths puts each path of a managed API under the conditions of its
// functions, if all have one.
func (t *translator) guardPaths(id string, doc object) {
	paths := asObject(doc["paths"])
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		name := id + strings.NewReplacer("/", "SLASH", "{", "OB", "}", "CB").Replace(path) + "PathCondition"
		if c := t.guard(t.guards[id+" "+path], name); c != "" {
			paths[path] = when(c, paths[path])
		}
	}
}

// skeletons gives APIs that have no definition one to be filled by events.
func (t *translator) skeletons() {
	for id := range t.in {
		r, ok := t.resource(id)
		if !ok || r.props["DefinitionBody"] != nil || r.props["DefinitionUri"] != nil {
			continue
		}
		switch r.typ {
		case "AWS::Serverless::Api":
			t.managed[id] = true
			r.props["DefinitionBody"] = skeleton("swagger", "2.0")
			if v := text(r.props["OpenApiVersion"]); strings.HasPrefix(v, "3") {
				r.props["DefinitionBody"] = skeleton("openapi", v)
			}
		case "AWS::Serverless::HttpApi":
			t.managed[id] = true
			r.props["DefinitionBody"] = skeleton("openapi", "3.0.1")
		}
	}
}
