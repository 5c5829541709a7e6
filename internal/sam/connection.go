package sam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A connection is a connector with one of its destinations.
type connection struct {
	*resource
	permissions []string // sorted
	suffix      string   // of what is made, where the destinations are a list
	source      *connectorEnd
	destination *connectorEnd
	profile     profile
	made        []madeResource
}

// A madeResource is one that a connection makes.
type madeResource struct {
	id    string
	props object
}

// connect finds the ends and makes what connects them. What is wrong comes back as
// a text.
func (c *connection) connect(t *translator, source, destination object) (fault string) {
	if c.destination, fault = t.end(destination, source); fault != "" {
		return fault
	}
	if c.source, fault = t.end(source, destination); fault != "" {
		return fault
	}
	var ok bool
	if c.profile, ok = connectorProfiles()[c.source.typ+" "+c.destination.typ]; !ok {
		return fmt.Sprintf("Unable to create connector from %s to %s; it's not supported or the template is invalid.", c.source.typ, c.destination.typ)
	}
	if fault := c.refused(); fault != "" {
		return fault
	}
	if fault := c.fillAll(); fault != "" {
		return fault
	}
	return c.make()
}

// refused says what is wrong with the permissions.
func (c *connection) refused() string {
	var valid []string
	for _, a := range c.profile.access {
		valid = append(valid, a.name)
	}
	if len(c.permissions) == 0 {
		return "'Permissions' cannot be empty; valid values are: " + strings.Join(valid, ", ") + "."
	}
	wrong := fmt.Sprintf("Unsupported 'Permissions' provided for connector from %s to %s; valid ", c.source.typ, c.destination.typ)
	for _, p := range c.permissions {
		if !slices.Contains(valid, p) {
			return wrong + "values are: " + strings.Join(valid, ", ") + "."
		}
	}
	if c.profile.together == nil {
		return ""
	}
	var sets []string
	for _, set := range c.profile.together {
		if slices.Equal(set, c.permissions) {
			return ""
		}
		sets = append(sets, strings.Join(set, " + "))
	}
	return wrong + "combinations are: " + strings.Join(sets, ", ") + "."
}

// fillAll puts what is known of the ends into the profile.
func (c *connection) fillAll() string {
	variables := []variable{
		{"Source.Arn", c.source.arn}, {"Destination.Arn", c.destination.arn},
		{"Source.ResourceId", c.source.resourceID}, {"Destination.ResourceId", c.destination.resourceID},
		{"Source.Name", c.source.name}, {"Destination.Name", c.destination.name},
		{"Source.Qualifier", c.source.qualifier}, {"Destination.Qualifier", c.destination.qualifier},
	}
	filled := make([]access, len(c.profile.access))
	for i, a := range c.profile.access {
		statements, fault := fill(a.statements, variables)
		if fault != "" {
			return fault
		}
		permission, fault := fill(a.permission, variables)
		if fault != "" {
			return fault
		}
		filled[i] = access{name: a.name, permission: asObject(permission)}
		filled[i].statements, _ = statements.([]any)
	}
	c.profile.access = filled
	return ""
}

// A variable is one of a profile, and what it stands for: nil for nothing.
type variable struct {
	name  string
	value any
}

// fill replaces the variables in v: one that is a text of its own by its value,
// others by Fn::Sub.
//
// AWS: connector_profiles/profile.py.
func fill(v any, variables []variable) (any, string) {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			e, fault := fill(v[k], variables)
			if fault != "" {
				return nil, fault
			}
			out[k] = e
		}
		return out, ""
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var fault string
			if out[i], fault = fill(e, variables); fault != "" {
				return nil, fault
			}
		}
		return out, ""
	case string:
		return fillText(v, variables)
	}
	return v, ""
}

func fillText(s string, variables []variable) (any, string) {
	values := object{}
	for _, v := range variables {
		mark := "%{" + v.name + "}"
		if !strings.Contains(s, mark) {
			continue
		}
		if v.value == nil {
			return nil, v.name + " is missing."
		}
		if s == mark {
			return v.value, ""
		}
		name := strings.ReplaceAll(v.name, ".", "")
		s = strings.ReplaceAll(s, mark, "${"+name+"}")
		values[name] = v.value
	}
	switch {
	case len(values) > 0:
		return subWith(s, values), ""
	case strings.Contains(s, "${"):
		return sub(s), ""
	}
	return s, ""
}

// make makes the resources that the profile says.
func (c *connection) make() string {
	owner, end := c.destination, "Destination"
	if c.profile.ofSource {
		owner, end = c.source, "Source"
	}
	switch c.profile.makes {
	case rolePolicy:
		if isEmpty(owner.role) {
			return "Unable to get IAM role name from '" + end + "' resource."
		}
		c.add("Policy", object{"PolicyDocument": c.document(), "Roles": []any{owner.role}})
	case queuePolicy:
		if isEmpty(owner.url) {
			return "Unable to get SQS queue URL from '" + end + "' resource."
		}
		c.add("QueuePolicy", object{"PolicyDocument": c.document(), "Queues": []any{owner.url}})
	case topicPolicy:
		if isEmpty(owner.arn) {
			return "Unable to get SNS topic ARN from '" + end + "' resource."
		}
		c.add("TopicPolicy", object{"PolicyDocument": c.document(), "Topics": []any{owner.arn}})
	case lambdaPermission:
		if isEmpty(owner.arn) {
			return "Unable to get Lambda function ARN from '" + end + "' resource."
		}
		for _, a := range c.profile.access {
			if slices.Contains(c.permissions, a.name) {
				a.permission["FunctionName"] = owner.arn
				c.add(a.name+"LambdaPermission", a.permission)
			}
		}
	}
	return ""
}

func (c *connection) add(name string, props object) {
	c.made = append(c.made, madeResource{c.id + name + c.suffix, props})
}

// document is a policy with the statements of the permissions.
func (c *connection) document() object {
	list := []any{}
	for _, a := range c.profile.access {
		if slices.Contains(c.permissions, a.name) {
			list = append(list, a.statements...)
		}
	}
	return object{"Version": "2012-10-17", "Statement": list}
}

// attributes are those of the connector that all that is made of it has.
//
// AWS: model/__init__.py, _supported_resource_attributes.
func (c *connection) attributes() object {
	out := c.own()
	if v, ok := c.raw["UpdatePolicy"]; ok {
		out["UpdatePolicy"] = v
	}
	if isEmpty(out["DependsOn"]) {
		delete(out, "DependsOn")
	}
	return out
}
