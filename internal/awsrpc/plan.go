package awsrpc

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// A location is where a member of an input or output travels.
type location int

const (
	inBody location = iota
	inURI
	inQuery
	inQueryParams // a map of every parameter not bound otherwise
	inHeader
	inHeaders // a map of the headers that begin with the key
	inPayload // the whole body
	inStatus  // of an output: the status of the answer
)

// A kind is how a value is written.
type kind int

const (
	kindString kind = iota
	kindBool
	kindInt32
	kindInt64
	kindFloat
	kindTime
	kindBlob
	kindList
	kindMap
	kindStruct
	kindEvents
)

// A node is the plan of a value: made once per Go type, read by every codec.
type node struct {
	kind   kind
	elem   *node // of lists and maps
	nulls  bool  // of maps of text: the empty text is written null, and read from it
	fields []field
	byName map[string]*field // fields in the body by wire name
}

// A field is one member of a structure.
type field struct {
	index    int
	name     string // on the wire, in a document
	where    location
	key      string // label, parameter or header
	pointer  bool
	required bool
	isoTime  bool
	nulls    bool
	enum     []string
	pattern  *regexp.Regexp // of the whole value
	regexp   string         // as the model writes it
	bounds   *bounds
	value    *node
}

// plans makes nodes and remembers them by type. It is used only while a handler
// is built; afterwards nodes do not change.
type plans map[reflect.Type]*node

// of returns the plan of the struct that ptr, a pointer, points to.
func (p plans) of(ptr any) (*node, error) {
	t := reflect.TypeOf(ptr)
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is not a pointer to a struct", t)
	}
	return p.node(t.Elem())
}

func (p plans) node(t reflect.Type) (*node, error) {
	if n := p[t]; n != nil {
		return n, nil
	}
	n := &node{}
	p[t] = n // before its parts: a shape may contain itself
	var err error
	switch {
	case t == reflect.TypeFor[time.Time]():
		n.kind = kindTime
	case t == reflect.TypeFor[[]byte]():
		n.kind = kindBlob
	case t == reflect.TypeFor[Events]():
		n.kind = kindEvents
	case t.Kind() == reflect.String:
		n.kind = kindString
	case t.Kind() == reflect.Bool:
		n.kind = kindBool
	case t.Kind() == reflect.Int32:
		n.kind = kindInt32
	case t.Kind() == reflect.Int64:
		n.kind = kindInt64
	case t.Kind() == reflect.Float64:
		n.kind = kindFloat
	case t.Kind() == reflect.Slice:
		n.kind = kindList
		n.elem, err = p.node(t.Elem())
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		n.kind = kindMap
		n.elem, err = p.node(t.Elem())
	case t.Kind() == reflect.Struct:
		n.kind = kindStruct
		err = p.fields(n, t)
	default:
		err = fmt.Errorf("type %s has no wire form", t)
	}
	return n, err
}

func (p plans) fields(n *node, t reflect.Type) error {
	n.fields = make([]field, t.NumField())
	n.byName = make(map[string]*field, t.NumField())
	for i := range n.fields {
		f := &n.fields[i]
		sf := t.Field(i)
		f.index = i
		typ := sf.Type
		if typ.Kind() == reflect.Pointer {
			f.pointer, typ = true, typ.Elem()
		}
		var err error
		if f.value, err = p.node(typ); err != nil {
			return fmt.Errorf("%s.%s: %w", t, sf.Name, err)
		}
		if err := f.tags(sf.Tag); err != nil {
			return fmt.Errorf("%s.%s: %w", t, sf.Name, err)
		}
		if f.nulls {
			own := *f.value
			own.nulls = true
			f.value = &own
		}
		if f.where == inBody {
			n.byName[f.name] = f
		}
	}
	return nil
}

// tags reads the tags that the package comment lists.
func (f *field) tags(tag reflect.StructTag) error {
	f.name, _, _ = strings.Cut(tag.Get("json"), ",")
	if f.name == "" {
		return fmt.Errorf("no wire name")
	}
	if opts := tag.Get("aws"); opts != "" {
		for opt := range strings.SplitSeq(opts, ",") {
			if err := f.option(opt); err != nil {
				return err
			}
		}
	}
	if enum := tag.Get("enum"); enum != "" {
		f.enum = strings.Split(enum, ",")
	}
	if r := tag.Get("range"); r != "" {
		var err error
		if f.bounds, err = parseBounds(r); err != nil {
			return err
		}
	}
	if f.regexp = tag.Get("pattern"); f.regexp != "" {
		var err error
		if f.pattern, err = regexp.Compile(`^(?:` + f.regexp + `)$`); err != nil {
			return err
		}
	}
	return nil
}

func (f *field) option(opt string) error {
	name, value, _ := strings.Cut(opt, "=")
	switch name {
	case "uri":
		f.where, f.key = inURI, value
	case "query":
		f.where, f.key = inQuery, value
	case "header":
		f.where, f.key = inHeader, value
	case "headers":
		f.where, f.key = inHeaders, value
	case "queryparams":
		f.where = inQueryParams
	case "payload":
		f.where = inPayload
	case "status":
		f.where = inStatus
	case "required":
		f.required = true
	case "nulls":
		f.nulls = true
	case "time":
		if value != "date-time" && value != "epoch-seconds" {
			return fmt.Errorf("unknown time format %q", value)
		}
		f.isoTime = value == "date-time"
	default:
		return fmt.Errorf("unknown option %q", opt)
	}
	return nil
}
