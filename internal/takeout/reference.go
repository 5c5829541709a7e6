package takeout

import (
	"maps"
	"slices"
	"strings"
)

// A reference is where something is made that has an id at the source, and
// another one wherever the templates are deployed.
type reference struct {
	stack, logical string
	export         string // its name for other stacks; empty: it has none
}

// holdsID tells which members hold the id of something else: nothing but them, for
// a text of people's own may look like an id. Variables of stages name VPC links.
func holdsID(member string) bool {
	return slices.Contains([]string{"ConnectionId", "connectionId", "ClientCertificateId", "DeploymentId", "ApiId", "RestApiId", "AuthorizerId", "Target",
		"DomainNameArn", "Variables", "StageVariables", "StageVariableOverrides"}, member)
}

// point puts references in place of the ids that a member holds.
func (b *builder) point(member string, v any) any {
	switch v := v.(type) {
	case string:
		if !holdsID(member) {
			return v
		}
		if to, ok := b.t.ids[v]; ok {
			return b.to(to, v)
		}
		// AWS: the target of a route.
		if id, ok := strings.CutPrefix(v, "integrations/"); ok {
			if to, ok := b.t.ids[id]; ok && to.stack == b.stack {
				return map[string]any{"Fn::Sub": "integrations/${" + to.logical + "}"}
			}
		}
	case []any:
		for i := range v {
			v[i] = b.point(member, v[i])
		}
	case map[string]any:
		inside := strings.HasSuffix(member, "Variables") || member == "StageVariableOverrides"
		for k := range v {
			if inside {
				v[k] = b.point(member, v[k])
				continue
			}
			v[k] = b.point(k, v[k])
		}
	}
	return v
}

func (b *builder) to(r reference, id string) any {
	switch {
	case r.stack == b.stack:
		return ref(r.logical)
	case r.export != "":
		return map[string]any{"Fn::ImportValue": r.export}
	}
	return id
}

// finish puts references into all resources and returns the template.
func (b *builder) finish() Template {
	for _, r := range b.Resources {
		for name, v := range r.Properties {
			r.Properties[name] = b.point(name, v)
		}
	}
	return b.Template
}

// foreign names ids of the source that stand inside of texts: no reference can
// take their place.
func (t *taker) foreign() {
	for i := range t.out.Stacks {
		st := &t.out.Stacks[i]
		last := st.Steps[len(st.Steps)-1]
		for _, logical := range sortedKeys(last.Resources) {
			r := last.Resources[logical]
			walk(r.Properties, func(text string) {
				for _, a := range t.apis {
					if len(text) > len(a.id) && strings.Contains(text, a.id) && (strings.Contains(text, "execute-api") || strings.Contains(text, "arn:")) {
						t.leave(st.Name+": "+logical, "a text names the API %s by its id, which will be another one: %s", a.id, short(text))
					}
				}
			})
		}
	}
}

func walk(v any, see func(string)) {
	switch v := v.(type) {
	case string:
		see(v)
	case []any:
		for _, e := range v {
			walk(e, see)
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			walk(v[k], see)
		}
	}
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
