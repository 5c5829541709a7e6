// Package sam is the transform AWS::Serverless-2016-10-31: it makes of a template
// with resources of the types AWS::Serverless::* one that CloudFormation knows.
//
// [Transform] is the whole of it: a template in, a template out. It calls
// nothing, keeps nothing, and gives the same template for the same input; logical
// ids are those that AWS's own translator gives, but for the hash of a REST API's
// deployment, which there is of Python's text of the definition and here of its
// JSON. The package does not know which resources there are: what it makes of a
// type that nothing here serves, the stack refuses by name.
package sam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Name is how templates ask for the transform.
const Name = "AWS::Serverless-2016-10-31"

// Options are what the transform knows beside the template.
type Options struct {
	Partition string
	Region    string
	Values    map[string]any // of parameters, by name
}

// An Error lists what is wrong with a template.
type Error struct{ Faults []string }

// Error words the faults as the translator of AWS does.
func (e *Error) Error() string {
	return fmt.Sprintf("Invalid Serverless Application Specification document. Number of errors found: %d. %s", len(e.Faults), strings.Join(e.Faults, " "))
}

// An object is an object of a template.
type object = map[string]any

// A translator makes one template.
type translator struct {
	opt  Options
	in   object            // resources as they were written, with what Globals say
	out  object            // resources made
	tpl  object            // the template around them
	refs map[string]string // "Function.Alias" and the like → logical id
	at   map[string]string // logical ids that are called otherwise in the result

	managed  map[string]bool     // APIs of which the definition is made here
	policies map[string][]string // of implicit APIs: what the functions behind them have, by API and attribute
	guards   map[string][]string // of the methods of a managed API's path, by API and path: the conditions of their functions
	shared   sharedPlan

	connectors map[string][]string // what was made of each, by logical id

	faults []string
	faulty map[string]bool // resources that have one
}

// Transform returns the template that doc stands for. It leaves doc alone.
func Transform(doc map[string]any, opt Options) (map[string]any, error) {
	t := &translator{opt: opt, out: object{}, refs: map[string]string{}, at: map[string]string{}, managed: map[string]bool{}, guards: map[string][]string{}, policies: map[string][]string{}, connectors: map[string][]string{}, faulty: map[string]bool{}}
	t.tpl, _ = clone(doc).(object)
	t.in, _ = t.tpl["Resources"].(object)
	if len(t.in) == 0 {
		// AWS: parser.py.
		return nil, &Error{[]string{"Structure of the SAM template is invalid. 'Resources' section is required"}}
	}
	if t.checkGlobals(); t.faults != nil {
		return nil, &Error{t.faults[:1]} // AWS: the first ends it
	}
	t.implicitAPIs()
	t.applyGlobals()
	t.embeddedConnectors()
	t.skeletons()
	for _, step := range []struct {
		types string
		make  func(r *resource)
	}{
		{"AWS::Serverless::Function", t.function},
		{"AWS::Serverless::Api", t.restAPI},
		{"AWS::Serverless::HttpApi", t.httpAPI},
		{"AWS::Serverless::WebSocketApi", t.webSocketAPI},
		{"AWS::Serverless::LayerVersion", t.layer},
		{"AWS::Serverless::SimpleTable", t.simpleTable},
		{"", t.other},
		{connectorType, t.connector},
	} {
		for _, id := range slices.Sorted(maps.Keys(t.in)) {
			r, ok := t.resource(id)
			if ok && (r.typ == step.types || step.types == "" && t.out[id] == nil) {
				step.make(r)
			}
		}
	}
	if t.faults != nil {
		slices.Sort(t.faults)
		return nil, &Error{slices.Compact(t.faults)}
	}
	t.connectorsDepended()
	t.tpl["Resources"] = t.out
	delete(t.tpl, "Globals")
	out, _ := t.rewrite(t.tpl).(object)
	return out, nil
}

// A resource is one resource of the template that comes in.
type resource struct {
	id, typ string
	props   object
	raw     object
}

// resource reads a resource. What is no object is left to CloudFormation.
func (t *translator) resource(id string) (*resource, bool) {
	raw, ok := t.in[id].(object)
	if !ok {
		return nil, false
	}
	r := &resource{id: id, raw: raw}
	r.typ, _ = raw["Type"].(string)
	r.props, _ = raw["Properties"].(object)
	if r.props == nil {
		r.props = object{}
		if strings.HasPrefix(r.typ, "AWS::Serverless::") {
			raw["Properties"] = r.props
		}
	}
	return r, true
}

// other passes on what is not of SAM, and refuses what of SAM is not made here.
func (t *translator) other(r *resource) {
	switch r.typ {
	case "AWS::Serverless::Function", "AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi", "AWS::Serverless::LayerVersion", "AWS::Serverless::SimpleTable",
		connectorType:
		return // was made, is at fault, or comes after all others
	}
	if strings.HasPrefix(r.typ, "AWS::Serverless::") {
		t.fault(r.id, "Gatehouse does not support the type "+r.typ+".")
		return
	}
	t.out[r.id] = r.raw
}

// fault notes what is wrong with a resource.
//
// AWS: "Resource with id [X] is invalid. …", InvalidResourceException.
// The first fault of a resource ends it.
func (t *translator) fault(id, text string) {
	if t.faulty[id] {
		return
	}
	t.faulty[id] = true
	t.faults = append(t.faults, "Resource with id ["+id+"] is invalid. "+text)
}

// eventFault notes what is wrong with an event.
func (t *translator) eventFault(id, event, text string) {
	t.fault(id, "Event with id ["+event+"] is invalid. "+text)
}

// known refuses properties that the type does not have; nothing is passed over in
// silence.
func (t *translator) known(r *resource, names string) bool {
	have := strings.Fields(names)
	ok := true
	for _, name := range slices.Sorted(maps.Keys(r.props)) {
		if !slices.Contains(have, name) {
			t.fault(r.id, "property "+name+" not defined for resource of type "+r.typ)
			ok = false
		}
	}
	return ok
}

// refuse names properties that have no effect here.
func (t *translator) refuse(r *resource, names ...string) bool {
	for _, name := range names {
		if _, ok := r.props[name]; ok {
			t.fault(r.id, "Gatehouse does not support the property "+name+" of "+r.typ+".")
			return true
		}
	}
	return false
}

// add adds a resource to the result. attributes are what stands beside its
// properties.
func (t *translator) add(id, typ string, props, attributes object) object {
	res := object{"Type": typ, "Properties": props}
	maps.Copy(res, attributes)
	t.out[id] = res
	return res
}

// own are the attributes that the resource itself keeps.
func (r *resource) own() object {
	out := r.passed()
	for _, name := range []string{"DependsOn", "Metadata"} {
		if v, ok := r.raw[name]; ok {
			out[name] = v
		}
	}
	return out
}

// passed are the attributes that all that is made of a resource gets.
//
// AWS: samtranslator/model, _pass_through_attributes.
func (r *resource) passed() object {
	out := object{}
	for _, name := range []string{"Condition", "DeletionPolicy", "UpdateReplacePolicy"} {
		if v, ok := r.raw[name]; ok {
			out[name] = v
		}
	}
	return out
}

// simpleTable makes a table of DynamoDB, which the stack refuses by name unless
// the operator lists the type.
func (t *translator) simpleTable(r *resource) {
	if !t.known(r, "PrimaryKey ProvisionedThroughput TableName Tags SSESpecification PointInTimeRecoverySpecification") {
		return
	}
	key, _ := r.props["PrimaryKey"].(object)
	name, kind := text(key["Name"]), text(key["Type"])
	if key == nil {
		name, kind = "id", "String"
	}
	kinds := map[string]string{"String": "S", "Number": "N", "Binary": "B"}
	props := object{
		"AttributeDefinitions": []any{object{"AttributeName": name, "AttributeType": kinds[kind]}},
		"KeySchema":            []any{object{"AttributeName": name, "KeyType": "HASH"}},
	}
	copyTo(props, r.props, "ProvisionedThroughput TableName SSESpecification PointInTimeRecoverySpecification")
	if r.props["ProvisionedThroughput"] == nil {
		props["BillingMode"] = "PAY_PER_REQUEST"
	}
	if r.props["Tags"] != nil {
		props["Tags"] = tagList(r.props["Tags"])
	}
	t.add(r.id, "AWS::DynamoDB::Table", props, r.own())
}
