package main

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// loadStructs reads the model of a from the structures of its SDK module. The
// modules of some awsQuery services carry no schemas package; their wire names
// are those of the fields, and nothing is bound to anything but the form.
func loadStructs(a api, version, dir string) (*model, error) {
	l := &structLoader{
		loader: loader{m: &model{sdkVersion: version, shapes: map[string]*shape{}}},
		decls:  map[string]*ast.StructType{},
		enums:  map[string]bool{},
		union:  map[string]bool{},
		unions: a.unions,
	}
	l.m.apiVersion, l.m.namespace, l.m.service = a.version, a.namespace, a.target
	l.times = "date-time"
	if a.target != "" || a.paths {
		l.times = "epoch-seconds" // the default of JSON
		if err := l.readCodec(dir); err != nil {
			return nil, err
		}
	}
	if err := l.declarations(a, dir); err != nil {
		return nil, err
	}
	names, err := operationNames(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		op := &operation{name: name, method: "POST", uri: "/", code: 200, bare: !slices.Contains(a.only, name)}
		l.m.ops = append(l.m.ops, op)
		if a.paths {
			if err := l.bind(op); err != nil {
				return nil, err
			}
		}
		if op.bare {
			continue
		}
		in, err := l.structure(name+"Input", name+"Request")
		if err != nil {
			return nil, err
		}
		in.inputOf, op.input = name, in
		out, err := l.structure(name+"Output", name+"Response")
		if err != nil {
			return nil, err
		}
		if op.output = out; len(out.members) == 0 {
			op.output = nil
			delete(l.m.shapes, out.name)
			l.m.order = slices.DeleteFunc(l.m.order, func(s string) bool { return s == out.name })
		}
	}
	for name, status := range a.errors {
		s := l.add(&shape{name: name, kind: kindStructure, traits: traits{errorStatus: status}})
		if a.target != "" || a.paths {
			s.members = []*member{{name: "Message", target: &shape{kind: kindString}}}
		}
	}
	if err := l.signing(dir); err != nil {
		return nil, err
	}
	if err := l.loader.enums(dir, l.enums); err != nil {
		return nil, err
	}
	return l.m, nil
}

// operationNames are the operations of the module in dir, in the order of their
// names: each has a file.
func operationNames(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "api_op_*.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		if name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "api_op_"), ".go"); !strings.HasSuffix(name, "_test") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// A structLoader collects one model from Go declarations.
type structLoader struct {
	loader
	decls  map[string]*ast.StructType
	enums  map[string]bool // those that operations reach
	union  map[string]bool // declared interfaces: values of one of several types
	unions bool            // members of such types are structures; else they are left out
	times  string          // the form of timestamps
	codec  string          // the source of the module's encoders, of JSON; by it names are told
}

// wireName is how a field is called on the wire: as its name, unless only that
// name with a small first letter stands in the encoders.
func (l *structLoader) wireName(field string) string {
	small := strings.ToLower(field[:1]) + field[1:]
	if !strings.Contains(l.codec, strconv.Quote(field)) && strings.Contains(l.codec, strconv.Quote(small)) {
		return small
	}
	return field
}

var binding = regexp.MustCompile(`(?s)SplitURI\("([^"]*)"\).*?request\.Method = "([A-Z]+)"`)

// bind gives op the method and the path that its encoder writes.
func (l *structLoader) bind(op *operation) error {
	_, code, _ := strings.Cut(l.codec, "_serializeOp"+op.name+") HandleSerialize(")
	match := binding.FindStringSubmatch(code)
	if match == nil {
		return fmt.Errorf("operation %s: its path is not found", op.name)
	}
	op.uri, op.method = match[1], match[2]
	return nil
}

func (l *structLoader) readCodec(dir string) error {
	for _, name := range []string{"serializers.go", "deserializers.go"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		l.codec += string(b)
	}
	return nil
}

func (l *structLoader) add(s *shape) *shape {
	l.m.shapes[s.name] = s
	l.m.order = append(l.m.order, s.name)
	return s
}

// declarations finds the structures of the operations and of their types.
func (l *structLoader) declarations(a api, dir string) error {
	files := []string{filepath.Join(dir, "types", "types.go")}
	for _, op := range a.only {
		files = append(files, filepath.Join(dir, "api_op_"+op+".go"))
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			return err
		}
		f, err := parse(file)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if ts, ok := n.(*ast.TypeSpec); ok {
				switch t := ts.Type.(type) {
				case *ast.StructType:
					l.decls[ts.Name.Name] = t
				case *ast.InterfaceType:
					l.union[ts.Name.Name] = true
				}
			}
			return true
		})
	}
	return nil
}

// structure makes the shape of a declared structure, under the model's name.
func (l *structLoader) structure(decl, name string) (*shape, error) {
	if s := l.m.shapes[name]; s != nil {
		return s, nil
	}
	st := l.decls[decl]
	if st == nil {
		return nil, fmt.Errorf("structure %s is not declared", decl)
	}
	s := l.add(&shape{name: name, kind: kindStructure})
	for _, f := range st.Fields.List {
		if len(f.Names) == 0 || f.Names[0].Name == "ResultMetadata" {
			continue
		}
		if !l.unions && l.isUnion(f.Type) {
			continue
		}
		target, err := l.target(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", decl, f.Names[0].Name, err)
		}
		s.members = append(s.members, &member{
			name: l.wireName(f.Names[0].Name), target: target,
			required: strings.Contains(f.Doc.Text(), "This member is required."),
		})
	}
	return s, nil
}

// isUnion reports whether a field holds values of a declared interface.
func (l *structLoader) isUnion(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.ArrayType:
		return l.isUnion(e.Elt)
	case *ast.SelectorExpr:
		return l.union[e.Sel.Name]
	case *ast.Ident:
		return l.union[e.Name]
	}
	return false
}

// target makes the shape of a field's type.
func (l *structLoader) target(e ast.Expr) (*shape, error) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return l.target(e.X)
	case *ast.Ident:
		k, ok := map[string]kind{
			"string": kindString, "bool": kindBoolean, "int32": kindInteger, "int64": kindLong, "float64": kindDouble,
		}[e.Name]
		if ok {
			return &shape{kind: k}, nil
		}
		return l.named(e.Name)
	case *ast.SelectorExpr:
		if e.Sel.Name == "Time" {
			return &shape{kind: kindTimestamp, traits: traits{timestamp: l.times}}, nil
		}
		return l.named(e.Sel.Name)
	case *ast.ArrayType:
		if id, ok := e.Elt.(*ast.Ident); ok && id.Name == "byte" {
			return &shape{kind: kindBlob}, nil
		}
		elem, err := l.target(e.Elt)
		return &shape{kind: kindList, members: []*member{{name: "member", target: elem}}}, err
	case *ast.MapType:
		value, err := l.target(e.Value)
		return &shape{kind: kindMap, members: []*member{{name: "key", target: &shape{kind: kindString}}, {name: "value", target: value}}}, err
	}
	return nil, fmt.Errorf("type %T is unknown", e)
}

// named makes the shape of a declared type: a structure or an enumeration.
func (l *structLoader) named(name string) (*shape, error) {
	if l.decls[name] != nil {
		return l.structure(name, name)
	}
	if l.union[name] {
		return l.choice(name)
	}
	if s := l.m.shapes[name]; s != nil {
		return s, nil
	}
	l.enums[name] = true
	return l.add(&shape{name: name, kind: kindEnum}), nil
}

// choice makes the shape of a declared interface: a structure of which one member
// is set.
func (l *structLoader) choice(name string) (*shape, error) {
	if s := l.m.shapes[name]; s != nil {
		return s, nil
	}
	s := l.add(&shape{name: name, kind: kindStructure})
	prefix := name + "Member"
	for decl := range l.decls {
		if strings.HasPrefix(decl, prefix) {
			s.members = append(s.members, &member{name: strings.TrimPrefix(decl, prefix)})
		}
	}
	slices.SortFunc(s.members, func(a, b *member) int { return strings.Compare(a.name, b.name) })
	for _, m := range s.members {
		target, err := l.target(l.decls[prefix+m.name].Fields.List[0].Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", prefix+m.name, err)
		}
		m.target = target
	}
	return s, nil
}
