package main

import "slices"

// A model is one service as its SDK module describes it.
type model struct {
	sdkVersion string // of the module
	service    string // shape name of the service
	apiVersion string
	namespace  string // of XML answers
	signing    string
	ops        []*operation // by name
	shapes     map[string]*shape
	order      []string // shape names as the model lists them
}

// An operation is one call of a service.
type operation struct {
	name   string
	method string
	uri    string // may end in a query literal
	code   int
	input  *shape
	output *shape // nil: nothing
	bare   bool   // only named: it has no shapes
}

// A kind is a Smithy shape type.
type kind string

const (
	kindBlob      kind = "Blob"
	kindBoolean   kind = "Boolean"
	kindString    kind = "String"
	kindTimestamp kind = "Timestamp"
	kindInteger   kind = "Integer"
	kindLong      kind = "Long"
	kindDouble    kind = "Double"
	kindEnum      kind = "Enum"
	kindList      kind = "List"
	kindMap       kind = "Map"
	kindStructure kind = "Structure"
	kindUnion     kind = "Union"
	kindService   kind = "Service"
	kindOperation kind = "Operation"
)

// A shape is one type of the model.
type shape struct {
	name    string
	kind    kind
	traits  traits
	members []*member // in the order of the model
	values  []enumValue
	inputOf string // the operation that it is the input of; empty: of none
}

// A member is a field of a structure, or the element of a list or map.
type member struct {
	name     string
	target   *shape
	traits   traits
	required bool
}

// An enumValue is one value of an enumeration and the name the SDK gives it.
type enumValue struct{ name, value string }

// traits are what the model says about a shape or member beyond its type.
type traits struct {
	http        *httpTrait
	errorStatus int
	queryCode   string // of an error, in the query protocol
	namespace   string // of a service's XML answers
	jsonName    string
	query       string
	header      string
	timestamp   string
	label       bool
	payload     bool
	queryParams bool
	status      bool // it is the status of the answer
	streaming   bool // of a union: it is a stream of events
}

type httpTrait struct {
	method, uri string
	code        int
}

// restrict leaves the operations that are not among names without shapes, and
// drops the shapes that only they use. Errors stay.
func (m *model) restrict(names []string) {
	used := map[*shape]bool{}
	for _, op := range m.ops {
		if op.bare = !slices.Contains(names, op.name); op.bare {
			continue
		}
		op.input.reach(used)
		if op.output != nil {
			op.output.reach(used)
		}
	}
	m.order = slices.DeleteFunc(m.order, func(name string) bool {
		s := m.shapes[name]
		return s.traits.errorStatus == 0 && !used[s]
	})
}

// shaped are the operations that have shapes.
func (m *model) shaped() []*operation {
	return slices.DeleteFunc(slices.Clone(m.ops), func(op *operation) bool { return op.bare })
}

// reach notes s and the shapes of all its members.
func (s *shape) reach(used map[*shape]bool) {
	if used[s] {
		return
	}
	used[s] = true
	if s.traits.streaming {
		return // its events are not shapes here
	}
	for _, m := range s.members {
		m.target.reach(used)
	}
}

// member returns the member called name.
func (s *shape) member(name string) *member {
	for _, m := range s.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

// timestampFormat returns the member's own format or its target's.
func (m *member) timestampFormat() string {
	if m.traits.timestamp != "" {
		return m.traits.timestamp
	}
	return m.target.traits.timestamp
}

// wireName returns the name of the member in a JSON document.
func (m *member) wireName() string {
	if m.traits.jsonName != "" {
		return m.traits.jsonName
	}
	return m.name
}
