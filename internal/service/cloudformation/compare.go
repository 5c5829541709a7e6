package cloudformation

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
)

// A comparison finds where a resource differs from its template. What it finds is
// told under a veil.
//
// AWS: differences of what is in lists are told at their place ("/Tags/1",
// "/SecurityGroupIngress/0/CidrIp"); what has been added has its place in the list
// as it is.
type comparison struct {
	veil  veil
	found []api.PropertyDifference
}

// differences lists where got, the properties of a resource, is not what want says.
func (l veil) differences(want, got map[string]any) []api.PropertyDifference {
	c := comparison{veil: l}
	c.value("", want, got, false)
	return c.found
}

func (c *comparison) tell(path, kind string, want, got any) {
	c.found = append(c.found, api.PropertyDifference{PropertyPath: &path, ExpectedValue: new(c.veil.plainText(want)), ActualValue: new(c.veil.plainText(got)), DifferenceType: &kind})
}

func (l veil) plainText(v any) string {
	v = l.over(v)
	if s, ok := v.(string); ok {
		return s
	}
	return marshalText(v)
}

// equal tells whether got is what want says.
func equal(want, got any, whole bool) bool {
	var c comparison
	c.value("", want, got, whole)
	return len(c.found) == 0
}

// value compares a value with what the template says of it. Of an object that is
// whole, members count that the template does not have.
func (c *comparison) value(path string, want, got any, whole bool) {
	if got == nil {
		if !isNothing(want) { // what is nothing is not shown
			c.tell(path, "REMOVE", want, nil)
		}
		return
	}
	wants, isObject := want.(map[string]any)
	m, isMembers := got.(map[string]any)
	items, isList := want.([]any)
	is, areItems := got.([]any)
	switch {
	case isObject && isMembers:
		c.members(path, wants, m, whole)
	case isList && areItems:
		c.items(path, items, is, whole)
	case whole && isList && len(items) == 1 && equal(items[0], got, true), whole && areItems && len(is) == 1 && equal(want, is[0], true):
		// AWS: in policies a list of one is the one.
	case !same(want, got):
		c.tell(path, "NOT_EQUAL", want, got)
	}
}

// isNothing tells whether a value says no more than that there is none.
func isNothing(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return reflect.ValueOf(v).IsZero()
}

// escaped is a name in a pointer into JSON (RFC 6901).
func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func (c *comparison) members(path string, want, got map[string]any, whole bool) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		have := got[name]
		if have == nil && !whole {
			have = member(got, name)
		}
		v := want[name]
		if isPolicy(name) {
			v, have = readDocument(v), readDocument(have)
		}
		c.value(path+"/"+escaped(name), v, have, whole || isWhole(name))
	}
	if !whole {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(without(got, want))) {
		// The API's own tags are nobody's, and a version is what policies get that
		// say none.
		if !strings.HasPrefix(name, "aws:") && !(name == "Version" && got["Statement"] != nil) {
			c.tell(path+"/"+escaped(name), "ADD", nil, got[name])
		}
	}
}

// isPolicy tells whether a property is a policy, which is an object or its text.
func isPolicy(name string) bool {
	return name == "PolicyDocument" || name == "AssumeRolePolicyDocument" || name == "Policy"
}

// isWhole tells whether all members of a property are its user's: those that the
// template does not have were added, and are no defaults.
func isWhole(name string) bool {
	switch name {
	case "Variables", "StageVariables", "RequestParameters", "RequestTemplates", "RequestModels", "ResponseParameters", "ResponseTemplates", "ResponseModels",
		"ServiceAttributes", "InstanceAttributes", "Attributes", "Tags", "Schema", "LifecycleConfiguration":
		return true
	}
	return isPolicy(name)
}

// items compares lists whose order does not count: what is equal belongs together,
// then what has one name, then what has none, in order.
func (c *comparison) items(path string, want, got []any, whole bool) {
	free := make([]bool, len(got))
	for i := range free {
		free[i] = true
	}
	take := func(fits func(g any) bool) int {
		for i, g := range got {
			if free[i] && fits(g) {
				free[i] = false
				return i
			}
		}
		return -1
	}
	var open []int
	for i, e := range want {
		if take(func(g any) bool { return equal(e, g, whole) }) < 0 {
			open = append(open, i)
		}
	}
	for _, i := range open {
		name, at := nameOf(want[i]), path+"/"+strconv.Itoa(i)
		j := take(func(g any) bool { return nameOf(g) == name && kindOf(g) == kindOf(want[i]) })
		if j < 0 {
			c.tell(at, "REMOVE", want[i], nil)
			continue
		}
		c.value(at, want[i], got[j], whole)
	}
	for j, g := range got {
		if free[j] {
			c.tell(path+"/"+strconv.Itoa(j), "ADD", nil, g)
		}
	}
}

// nameOf is what tells an item of a list from others; empty: nothing does.
func nameOf(v any) string {
	m := asMembers(v)
	var b strings.Builder
	for _, name := range []string{"Key", "Name", "PolicyName", "Id", "ResourcePath", "HttpMethod", "StatusCode", "ApiId", "Stage", "Destination"} {
		if text, ok := textOf(member(m, name)); ok {
			b.WriteString(name + "=" + text + ";")
		}
	}
	return b.String()
}
