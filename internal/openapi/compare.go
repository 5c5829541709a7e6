package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Difference is one respect in which two definitions differ.
type Difference struct {
	// Part is what differs: "GET /pets", "model Pet", "authorizer tokens",
	// "validator body", "gateway response DEFAULT_4XX", "documentation of
	// METHOD GET /pets", "api".
	Part string `json:"part"`
	// Member is where in the part: "methodIntegration.uri". Empty: the part is
	// there in one of the definitions only.
	Member string `json:"member,omitempty"`
	// Before and After are the values as text, empty where there are none.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`

	Added   bool `json:"added,omitempty"`
	Removed bool `json:"removed,omitempty"`
}

// String tells the difference in one line.
func (d Difference) String() string {
	switch {
	case d.Member == "" && d.Added:
		return "+ " + d.Part
	case d.Member == "" && d.Removed:
		return "- " + d.Part
	case d.Added:
		return fmt.Sprintf("~ %s: %s: %s (new)", d.Part, d.Member, short(d.After))
	case d.Removed:
		return fmt.Sprintf("~ %s: %s: was %s", d.Part, d.Member, short(d.Before))
	}
	return fmt.Sprintf("~ %s: %s: %s → %s", d.Part, d.Member, short(d.Before), short(d.After))
}

// short cuts what is too long for a line.
func short(s string) string {
	const longest = 120
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "…"
	}
	return s
}

// Compare tells how the definition of a REST API that is wanted differs from the
// one there is, part by part in order of their names. The order of parts in the
// documents is no difference, nor is what an import leaves to the keeper of the
// API: ids, and values that it fills in where the document is silent.
func Compare(have, want *API) []Difference {
	return compareParts(have.parts(), want.parts())
}

// CompareHTTP is [Compare] of HTTP APIs.
func CompareHTTP(have, want *HTTPAPI) []Difference {
	return compareParts(have.parts(), want.parts())
}

// A part is what is compared as one: the values of its members, by their paths.
type part map[string]string

func (a *API) parts() map[string]part {
	settings := a.Settings
	settings.Warnings, settings.Id, settings.CreatedDate, settings.RootResourceId = nil, nil, nil, nil
	all := map[string]part{"api": flatten(settings)}
	for _, r := range a.Resources {
		if len(r.Methods) == 0 {
			all["resource "+r.Path] = part{}
		}
		for _, m := range r.Methods {
			p := flatten(m.Method)
			p.set("authorizer", m.Authorizer)
			p.set("requestValidator", m.Validator)
			delete(p, "httpMethod")
			all[*m.HttpMethod+" "+r.Path] = p
		}
	}
	for _, m := range a.Models {
		m.Id = nil
		all["model "+*m.Name] = flatten(m)
	}
	for _, v := range a.Validators {
		v.Id = nil
		all["validator "+*v.Name] = flatten(v)
	}
	for _, v := range a.Authorizers {
		v.Id = nil
		all["authorizer "+*v.Name] = flatten(v)
	}
	for _, g := range a.GatewayResponses {
		all["gateway response "+*g.ResponseType] = flatten(g)
	}
	for _, d := range a.Documentation {
		at := flatten(d.Location)
		name := "documentation of"
		for _, member := range []string{"type", "method", "path", "statusCode", "name"} {
			if at[member] != "" {
				name += " " + at[member]
			}
		}
		d.Id, d.Location = nil, nil
		all[name] = flatten(d)
	}
	return all
}

func (a *HTTPAPI) parts() map[string]part {
	settings := a.Settings
	settings.Warnings, settings.ApiId, settings.CreatedDate, settings.ApiEndpoint, settings.Tags = nil, nil, nil, nil, nil
	all := map[string]part{"api": flatten(settings)}
	for _, r := range a.Routes {
		p := part{}
		if r.Integration >= 0 {
			in := a.Integrations[r.Integration]
			in.IntegrationId = nil
			for k, v := range flatten(in) {
				p["integration."+k] = v
			}
		}
		p.set("authorizer", r.Authorizer)
		route := r.Route
		key := *route.RouteKey
		route.RouteId, route.Target, route.AuthorizerId, route.RouteKey = nil, nil, nil, nil
		maps.Copy(p, flatten(route))
		all["route "+key] = p
	}
	for _, v := range a.Authorizers {
		v.AuthorizerId = nil
		all["authorizer "+*v.Name] = flatten(v)
	}
	return all
}

func (p part) set(member, value string) {
	if value != "" {
		p[member] = value
	}
}

// flatten gives the members of a shape their paths.
func flatten(shape any) part {
	p := part{}
	p.add("", reflect.ValueOf(shape))
	return p
}

func (p part) add(path string, v reflect.Value) {
	under := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			p.add(path, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				p.add(under(memberName(f.Name)), v.Field(i))
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			p.add(under(k.String()), v.MapIndex(k))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				p.add(under(strconv.Itoa(i)), v.Index(i))
			}
			return
		}
		list := make([]string, v.Len())
		for i := range list {
			list[i] = fmt.Sprint(v.Index(i).Interface())
		}
		if len(list) > 0 {
			p[path] = strings.Join(list, ", ")
		}
	default:
		p[path] = canonical(fmt.Sprint(v.Interface()))
	}
}

// memberName is what the wire calls a member.
func memberName(field string) string {
	r := []rune(field)
	r[0] = unicode.ToLower(r[0])
	return string(r)
}

// canonical writes a document of JSON (a schema, a policy) as every equal one.
func canonical(text string) string {
	if t := strings.TrimSpace(text); !strings.HasPrefix(t, "{") && !strings.HasPrefix(t, "[") {
		return text
	}
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(b)
}

func compareParts(have, want map[string]part) []Difference {
	var list []Difference
	names := slices.Sorted(maps.Keys(have))
	for name := range want {
		if _, both := have[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, had := have[name]
		after, has := want[name]
		switch {
		case !had:
			list = append(list, Difference{Part: name, Added: true})
		case !has:
			list = append(list, Difference{Part: name, Removed: true})
		default:
			list = append(list, before.differences(name, after)...)
		}
	}
	return list
}

func (p part) differences(name string, after part) []Difference {
	all := maps.Clone(p)
	maps.Copy(all, after)
	var list []Difference
	for _, member := range slices.Sorted(maps.Keys(all)) {
		b, had := p[member]
		a, has := after[member]
		if a == b && had == has || !has && filledIn(member, b) || !had && isDefault(member, a) {
			continue
		}
		list = append(list, Difference{Part: name, Member: member, Before: b, After: a, Added: !had, Removed: !has})
	}
	return list
}

// filledIn tells whether a value is what the keeper of an API puts where a
// document says nothing.
func filledIn(member, value string) bool {
	return strings.HasSuffix(member, "cacheNamespace") || member == "version" || isDefault(member, value)
}

// isDefault tells whether to say this is to say nothing.
func isDefault(member, value string) bool {
	switch member[strings.LastIndexByte(member, '.')+1:] {
	case "apiKeySource":
		return value == "HEADER"
	case "disableExecuteApiEndpoint":
		return value == "false"
	case "connectionType":
		return value == "INTERNET"
	case "timeoutInMillis":
		return value == "29000" || value == "30000" // AWS: of REST and of HTTP APIs
	}
	return false
}
