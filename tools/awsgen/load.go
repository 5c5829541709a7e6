package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// load reads the model of a from its module in the module cache.
func load(a api) (*model, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", a.module).Output()
	if err != nil {
		return nil, fmt.Errorf("find module %s: %w", a.module, err)
	}
	version, dir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if a.only != nil {
		return loadStructs(a, version, dir)
	}
	l := &loader{
		m:    &model{sdkVersion: version, shapes: map[string]*shape{}},
		vars: map[string]*shape{},
	}
	for _, step := range []func(string) error{l.schemas, l.allEnums, l.operations, l.required, l.signing} {
		if err := step(dir); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(l.m.ops, func(x, y *operation) int { return strings.Compare(x.name, y.name) })
	if a.operations != nil {
		l.m.restrict(a.operations)
	}
	return l.m, nil
}

// A loader collects one model.
type loader struct {
	m    *model
	vars map[string]*shape // by the variable of the schemas package
}

func parse(file string) (*ast.File, error) {
	return parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
}

// schemas reads the shapes: package variables made by NewSchema, members added
// to them in init.
func (l *loader) schemas(dir string) error {
	f, err := parse(filepath.Join(dir, "schemas", "schemas.go"))
	if err != nil {
		return err
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if err := l.shapeVars(d); err != nil {
				return err
			}
		case *ast.FuncDecl:
			if err := l.addMembers(d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loader) shapeVars(d *ast.GenDecl) error {
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			continue
		}
		call, ok := v.Values[0].(*ast.CallExpr)
		if !ok {
			return fmt.Errorf("variable %s is not made by a call", v.Names[0].Name)
		}
		switch fn := callee(call); fn {
		case "smithy.NewSchema":
			s, err := l.newShape(call)
			if err != nil {
				return fmt.Errorf("shape %s: %w", v.Names[0].Name, err)
			}
			l.vars[v.Names[0].Name] = s
			l.m.shapes[s.name] = s
			l.m.order = append(l.m.order, s.name)
		case "smithy.NewServiceSchema":
			l.m.service = v.Names[0].Name
			l.m.apiVersion = str(call.Args[1])
			l.m.namespace = l.vars[call.Args[0].(*ast.Ident).Name].traits.namespace
		default:
			return fmt.Errorf("variable %s is made by unknown %s", v.Names[0].Name, fn)
		}
	}
	return nil
}

// newShape reads smithy.NewSchema(smithy.ShapeID{…}, type, members, traits…).
func (l *loader) newShape(call *ast.CallExpr) (*shape, error) {
	s := &shape{name: fields(call.Args[0])["Name"]}
	typ := call.Args[1].(*ast.SelectorExpr).Sel.Name
	s.kind = kind(strings.TrimPrefix(typ, "ShapeType"))
	var err error
	s.traits, err = readTraits(call.Args[3:])
	return s, err
}

// addMembers reads the statements X_m = X.AddMember("m", target, traits…).
func (l *loader) addMembers(d *ast.FuncDecl) error {
	if d.Name.Name != "init" {
		return fmt.Errorf("unknown function %s", d.Name.Name)
	}
	for _, st := range d.Body.List {
		as, ok := st.(*ast.AssignStmt)
		if !ok {
			return fmt.Errorf("init holds a statement that is not an assignment")
		}
		call := as.Rhs[0].(*ast.CallExpr)
		sel := call.Fun.(*ast.SelectorExpr)
		owner := l.vars[sel.X.(*ast.Ident).Name]
		if sel.Sel.Name != "AddMember" || owner == nil {
			return fmt.Errorf("init calls %s", callee(call))
		}
		if owner.kind == kindEnum {
			continue // names only; the values come from types
		}
		m := &member{name: str(call.Args[0])}
		id, ok := call.Args[1].(*ast.Ident)
		if !ok || l.vars[id.Name] == nil {
			return fmt.Errorf("member %s of %s has an unknown target", m.name, owner.name)
		}
		m.target = l.vars[id.Name]
		var err error
		if m.traits, err = readTraits(call.Args[2:]); err != nil {
			return fmt.Errorf("member %s of %s: %w", m.name, owner.name, err)
		}
		owner.members = append(owner.members, m)
	}
	return nil
}

func readTraits(exprs []ast.Expr) (traits, error) {
	var t traits
	for _, e := range exprs {
		u, ok := e.(*ast.UnaryExpr)
		if !ok {
			return t, fmt.Errorf("trait is not a pointer")
		}
		lit := u.X.(*ast.CompositeLit)
		f := fields(lit)
		switch name := lit.Type.(*ast.SelectorExpr).Sel.Name; name {
		case "HTTP":
			code, err := strconv.Atoi(f["Code"])
			if err != nil {
				return t, err
			}
			t.http = &httpTrait{method: f["Method"], uri: f["URI"], code: code}
		case "HTTPError":
			code, err := strconv.Atoi(f["Code"])
			if err != nil {
				return t, err
			}
			t.errorStatus = code
		case "AWSQueryError":
			t.queryCode = f["ErrorCode"]
		case "XMLNamespace":
			t.namespace = f["URI"]
		case "HTTPHeader":
			t.header = f["Name"]
		case "HTTPQuery":
			t.query = f["Name"]
		case "HTTPLabel":
			t.label = true
		case "HTTPPayload":
			t.payload = true
		case "HTTPQueryParams":
			t.queryParams = true
		case "JSONName":
			t.jsonName = f["Name"]
		case "TimestampFormat":
			t.timestamp = f["Format"]
		case "HTTPResponseCode":
			t.status = true
		case "Streaming":
			t.streaming = true
		case "Error": // its status, unless another trait tells
			if t.errorStatus == 0 {
				t.errorStatus = map[string]int{"client": 400, "server": 500}[f["Type"]]
			}
		case "Sensitive", "EventPayload", "XMLName", "AWSQueryCompatible":
			// Of no use to the servers of these protocols.
		default:
			return t, fmt.Errorf("unknown trait %s", name)
		}
	}
	return t, nil
}

func (l *loader) allEnums(dir string) error { return l.enums(dir, nil) }

// enums reads the values of each enumeration in the order of its Values method
// and the names of its constants; of those named in only, if that is not nil.
func (l *loader) enums(dir string, only map[string]bool) error {
	f, err := parse(filepath.Join(dir, "types", "enums.go"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	names := map[string]string{} // type + value to constant
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			names[v.Type.(*ast.Ident).Name+"."+str(v.Values[0])] = v.Names[0].Name
		}
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Name.Name != "Values" {
			continue
		}
		typ := fn.Recv.List[0].Type.(*ast.Ident).Name
		if only != nil && !only[typ] {
			continue
		}
		s := l.m.shapes[typ]
		if s == nil || s.kind != kindEnum {
			return fmt.Errorf("enumeration %s has no shape", typ)
		}
		lit := fn.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.CompositeLit)
		for _, e := range lit.Elts {
			name := names[typ+"."+str(e)]
			if name == "" {
				return fmt.Errorf("value %s of %s has no constant", str(e), typ)
			}
			s.values = append(s.values, enumValue{name, str(e)})
		}
	}
	for _, s := range l.m.shapes {
		if s.kind == kindEnum && len(s.values) == 0 {
			return fmt.Errorf("enumeration %s has no values", s.name)
		}
	}
	return nil
}

// required marks the members whose SDK field says that it is required: the
// schemas leave that out, the generated documentation never does.
func (l *loader) required(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "api_op_*.go"))
	if err != nil {
		return err
	}
	for _, file := range append(files, filepath.Join(dir, "types", "types.go")) {
		f, err := parse(file)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			ts, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			st, ok := ts.Type.(*ast.StructType)
			if !ok {
				return false
			}
			if err2 := l.requiredIn(ts.Name.Name, st); err2 != nil {
				err = err2
			}
			return false
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) requiredIn(typ string, st *ast.StructType) error {
	s := l.m.shapes[typ]
	if s == nil {
		op, ok := strings.CutSuffix(typ, "Input")
		if !ok {
			return nil // an output or an internal type: what we answer is ours to get right
		}
		s = l.input(op)
	}
	if s == nil || s.kind != kindStructure {
		return nil
	}
	for _, f := range st.Fields.List {
		if !strings.Contains(f.Doc.Text(), "This member is required.") {
			continue
		}
		i := slices.IndexFunc(s.members, func(m *member) bool { return exported(m.name) == f.Names[0].Name })
		if i < 0 {
			return fmt.Errorf("required field %s.%s has no member", typ, f.Names[0].Name)
		}
		s.members[i].required = true
	}
	return nil
}

// input returns the input of an operation.
func (l *loader) input(op string) *shape {
	for _, o := range l.m.ops {
		if o.name == op {
			return o.input
		}
	}
	return nil
}

var operationSchema = regexp.MustCompile(`smithy\.NewOperationSchema\(schemas\.(\w+), schemas\.(\w+), (?:schemas\.(\w+)|nil)\)`)

// operations pairs each operation with its input and output.
func (l *loader) operations(dir string) error {
	for _, name := range l.m.order {
		s := l.m.shapes[name]
		if s.kind != kindOperation {
			continue
		}
		src, err := os.ReadFile(filepath.Join(dir, "api_op_"+name+".go"))
		if err != nil {
			return err
		}
		match := operationSchema.FindStringSubmatch(string(src))
		if match == nil || match[1] != name {
			return fmt.Errorf("operation %s: input and output not found", name)
		}
		op := &operation{name: name, method: "POST", uri: "/", code: 200, input: l.vars[match[2]]}
		if h := s.traits.http; h != nil { // of a REST protocol
			op.method, op.uri, op.code = h.method, h.uri, h.code
		}
		if match[3] != "" {
			op.output = l.vars[match[3]]
		}
		if op.input.inputOf != "" {
			return fmt.Errorf("operations %s and %s share their input", op.input.inputOf, name)
		}
		op.input.inputOf = name
		l.m.ops = append(l.m.ops, op)
	}
	return nil
}

var signingName = regexp.MustCompile(`SetSigV4SigningName\(&props, "([^"]+)"\)`)

func (l *loader) signing(dir string) error {
	src, err := os.ReadFile(filepath.Join(dir, "auth.go"))
	if err != nil {
		return err
	}
	match := signingName.FindSubmatch(src)
	if match == nil {
		return fmt.Errorf("signing name not found")
	}
	l.m.signing = string(match[1])
	return nil
}

// callee returns the called function as written.
func callee(call *ast.CallExpr) string {
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		if x, ok := sel.X.(*ast.Ident); ok {
			return x.Name + "." + sel.Sel.Name
		}
	}
	return "?"
}

// str returns the value of a string literal.
func str(e ast.Expr) string {
	s, err := strconv.Unquote(e.(*ast.BasicLit).Value)
	if err != nil {
		panic(err) // the file was parsed
	}
	return s
}

// fields returns the literal fields of a composite literal.
func fields(e ast.Expr) map[string]string {
	out := map[string]string{}
	for _, el := range e.(*ast.CompositeLit).Elts {
		kv := el.(*ast.KeyValueExpr)
		lit := kv.Value.(*ast.BasicLit)
		v := lit.Value
		if lit.Kind == token.STRING {
			v = str(lit)
		}
		out[kv.Key.(*ast.Ident).Name] = v
	}
	return out
}

// exported returns the Go name of a member.
func exported(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
