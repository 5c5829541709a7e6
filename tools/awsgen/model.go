package main

// A model is one service as its SDK module describes it.
type model struct {
	sdkVersion string // of the module
	service    string // shape name of the service
	apiVersion string
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
	input   bool // it is an operation's input
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
	jsonName    string
	query       string
	header      string
	timestamp   string
	label       bool
	payload     bool
	queryParams bool
}

type httpTrait struct {
	method, uri string
	code        int
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
