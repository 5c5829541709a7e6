package sam

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

const connectorType = "AWS::Serverless::Connector"

// embeddedConnectors makes resources of the attribute Connectors of others.
//
// AWS: translator.py, _get_embedded_connectors.
func (t *translator) embeddedConnectors() {
	made := object{}
	for _, id := range slices.Sorted(maps.Keys(t.in)) {
		raw := asObject(t.in[id])
		v, has := raw["Connectors"]
		if !has {
			continue
		}
		delete(raw, "Connectors")
		all, ok := v.(object)
		if !ok {
			t.invalid(id, "Attribute '"+id+".Connectors' should be a map.")
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			c := t.embedded(id, name, all[name])
			if c == nil {
				continue
			}
			full := id + name
			if t.in[full] != nil || made[full] != nil {
				t.taken(id, full, connectorType)
				continue
			}
			made[full] = c
		}
	}
	maps.Copy(t.in, made)
}

// embedded is a connector of the resource id as a resource of its own.
func (t *translator) embedded(id, name string, v any) object {
	c, ok := v.(object)
	if !ok {
		t.invalid(id+name, id+"."+id+name+" should be a map.")
		return nil
	}
	at := "Connectors." + name + ".Properties"
	props, ok := c["Properties"].(object)
	if !ok {
		t.invalid(id, "Attribute '"+at+"' should be a map.")
		return nil
	}
	props = maps.Clone(props)
	source := object{"Id": id}
	if v, ok := props["SourceReference"]; ok {
		more, ok := v.(object)
		if !ok {
			t.invalid(id, "Property '"+at+".SourceReference' should be a map.")
			return nil
		}
		if _, ok := more["Id"]; ok {
			t.invalid(name, "'Id' shouldn't be defined in 'SourceReference'.")
			return nil
		}
		maps.Copy(source, more)
		delete(props, "SourceReference")
	}
	props["Source"] = source
	c = maps.Clone(c)
	c["Type"], c["Properties"] = connectorType, props
	return c
}

// invalid notes what is wrong with a resource beside other faults of it.
func (t *translator) invalid(id, text string) {
	t.faults = append(t.faults, "Resource with id ["+id+"] is invalid. "+text)
}

// taken notes that what is made of a resource has the id of another one.
func (t *translator) taken(id, made, typ string) {
	t.faults = append(t.faults, fmt.Sprintf("Transforming resource with id [%s] attempts to create a new resource with id [%s] and type %q. "+
		"A resource with that id already exists within this template. Please use a different id for that resource.", id, made, typ))
}

// connector makes what lets the source of a connector reach its destinations.
//
// AWS: sam_resources.py, SamConnector.
func (t *translator) connector(r *resource) {
	if !alphanumeric.MatchString(r.id) {
		t.fault(r.id, "Logical ids must be alphanumeric.")
		return
	}
	if !t.known(r, "Source Destination Permissions") || !t.connectorTyped(r) {
		return
	}
	list, many := r.props["Destination"].([]any)
	if !many {
		list = []any{r.props["Destination"]}
	}
	if len(list) == 0 {
		t.fault(r.id, "'Destination' is an empty list")
		return
	}
	var all []*connection
	for i, v := range list {
		c := &connection{resource: r, permissions: permissionsOf(r.props["Permissions"])}
		if many {
			c.suffix = "Destination" + strconv.Itoa(i)
		}
		fault := c.connect(t, asObject(r.props["Source"]), asObject(v))
		if fault != "" {
			t.fault(r.id, fault)
			return
		}
		all = append(all, c)
	}
	for _, c := range all {
		t.addConnection(c)
	}
}

// connectorTyped refuses a connector without its properties, or with others than
// those.
func (t *translator) connectorTyped(r *resource) bool {
	for _, name := range []string{"Source", "Destination", "Permissions"} {
		switch v := r.props[name]; {
		case isIntrinsic(v):
		case v == nil:
			t.fault(r.id, "Missing required property '"+name+"'.")
			return false
		case !connectorTakes(name, v):
			t.fault(r.id, "Type of property '"+name+"' is invalid.")
			return false
		}
	}
	return true
}

func connectorTakes(property string, v any) bool {
	switch v := v.(type) {
	case object:
		return property != "Permissions"
	case []any:
		return property != "Source" && !slices.ContainsFunc(v, func(e any) bool {
			_, isText := e.(string)
			_, isObject := e.(object)
			return property == "Permissions" && !isText || property == "Destination" && !isObject
		})
	}
	return false
}

// permissionsOf are the permissions that a list names, once each. A function stands for
// its own name, as in AWS's translator, and so is refused.
func permissionsOf(v any) []string {
	var names []string
	for _, e := range listed(v) {
		if call, ok := e.(object); ok {
			names = slices.AppendSeq(names, maps.Keys(call))
			continue
		}
		names = append(names, text(e))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// addConnection adds what a connection makes to the result, and lets wait for it
// what has to.
func (t *translator) addConnection(c *connection) {
	for _, m := range c.made {
		if t.in[m.id] != nil || t.out[m.id] != nil {
			t.taken(c.id, m.id, c.profile.makes)
			continue
		}
		res := t.add(m.id, c.profile.makes, m.props, c.attributes())
		metadata := maps.Clone(asObject(res["Metadata"]))
		if metadata == nil {
			metadata = object{}
		}
		metadata["aws:sam:connectors"] = object{c.id: object{"Source": t.endType(c.source), "Destination": t.endType(c.destination)}}
		res["Metadata"] = metadata
		t.connectors[c.id] = append(t.connectors[c.id], m.id)
		if waiting := t.waiting(c); waiting != nil {
			waiting["DependsOn"] = withDepends(waiting["DependsOn"], m.id)
		}
	}
}

// endType is the type of an end as the template has it.
func (t *translator) endType(e *connectorEnd) object {
	if typ := text(asObject(t.in[e.id])["Type"]); typ != "" {
		return object{"Type": typ}
	}
	return object{"Type": e.typ}
}

// waiting is the resource that needs the policy of a connection before it is made.
func (t *translator) waiting(c *connection) object {
	from, to := c.source.id, c.destination.id
	switch {
	case c.profile.waits == waitsSource && from != "":
		return t.connected(from)
	case c.profile.waits != waitsMapping || from == "" || to == "":
		return nil
	}
	var found object
	for _, id := range slices.Sorted(maps.Keys(t.out)) {
		res := asObject(t.out[id])
		props := asObject(res["Properties"])
		if res["Type"] == "AWS::Lambda::EventSourceMapping" && referred(props["FunctionName"]) == to && referred(props["EventSourceArn"]) == from {
			if found != nil {
				return nil // AWS: only where there is one
			}
			found = res
		}
	}
	return found
}

// withDepends is a DependsOn with further ids.
func withDepends(v any, ids ...string) []any {
	list := slices.Clone(listed(v))
	for _, id := range ids {
		if !slices.Contains(list, any(id)) {
			list = append(list, id)
		}
	}
	return list
}

// connectorsDepended lets what depends on a connector depend on all that was made
// of it.
func (t *translator) connectorsDepended() {
	for _, connector := range slices.Sorted(maps.Keys(t.connectors)) {
		for _, v := range t.out {
			res := asObject(v)
			list := listed(res["DependsOn"])
			if i := slices.Index(list, any(connector)); i >= 0 {
				res["DependsOn"] = withDepends(slices.Delete(slices.Clone(list), i, i+1), t.connectors[connector]...)
			}
		}
	}
}
