package awsapi_test

import (
	"bufio"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/awsapi/apigateway"
	mgmt "gatehouse/internal/awsapi/apigatewaymanagementapi"
	"gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
)

func services() []awsrpc.Service {
	return []awsrpc.Service{apigateway.Service(), apigatewayv2.Service(), mgmt.Service()}
}

func TestServices(t *testing.T) {
	want := []struct {
		name, signing, version string
		operations             int
	}{
		{"apigateway", "apigateway", "2015-07-09", 124},
		{"apigatewayv2", "apigateway", "2018-11-29", 103},
		{"apigatewaymanagementapi", "execute-api", "2018-11-29", 3},
	}
	for i, svc := range services() {
		w := want[i]
		if svc.Name != w.name || svc.SigningName != w.signing || svc.Version != w.version || svc.Protocol != awsrpc.RestJSON1 {
			t.Errorf("service %d = %s %s %s %s, want %+v", i, svc.Name, svc.SigningName, svc.Version, svc.Protocol, w)
		}
		if len(svc.Operations) != w.operations {
			t.Errorf("%s has %d operations, want %d", svc.Name, len(svc.Operations), w.operations)
		}
		if svc.AnyBase != (svc.Name == "apigatewaymanagementapi") {
			t.Errorf("%s: AnyBase = %v", svc.Name, svc.AnyBase)
		}
	}
}

// TestBindings compares every operation with the tables of the specification,
// which come from another SDK's model.
func TestBindings(t *testing.T) {
	files := map[string]string{
		"apigateway": "apigateway", "apigatewayv2": "apigatewayv2", "apigatewaymanagementapi": "management",
	}
	for _, svc := range services() {
		t.Run(svc.Name, func(t *testing.T) {
			rows := table(t, files[svc.Name]+".operations.tsv")
			if len(rows) != len(svc.Operations) {
				t.Errorf("%d operations, table has %d", len(svc.Operations), len(rows))
			}
			for _, op := range svc.Operations {
				row := rows[op.Name]
				if row == nil {
					t.Errorf("operation %s is not in the table", op.Name)
					continue
				}
				got := describe(op)
				for _, column := range []string{"method", "uri", "status", "output", "input", "static_query"} {
					if got[column] != row[column] {
						t.Errorf("%s %s = %q, want %q", op.Name, column, got[column], row[column])
					}
				}
				for _, column := range []string{"path_params", "query_params", "body_members", "header_params", "payload_member", "output_non_body"} {
					if want := wireNames(row[column]); got[column] != want {
						t.Errorf("%s %s:\n got %s\nwant %s", op.Name, column, got[column], want)
					}
				}
			}
		})
	}
}

// TestShapes compares every member of every structure that an operation can
// reach: its type, wire name, and in inputs whether it is required and which
// values it may have.
func TestShapes(t *testing.T) {
	files := map[string]string{
		"apigateway": "apigateway", "apigatewayv2": "apigatewayv2", "apigatewaymanagementapi": "management",
	}
	for _, svc := range services() {
		t.Run(svc.Name, func(t *testing.T) {
			rows := table(t, files[svc.Name]+".shapes.tsv")
			seen := map[reflect.Type]bool{}
			compared := 0
			for _, op := range svc.Operations {
				for _, ptr := range []any{op.NewInput(), op.Output} {
					if ptr != nil {
						compared += compareShape(t, reflect.TypeOf(ptr).Elem(), rows, seen)
					}
				}
			}
			members := 0
			for key, row := range rows {
				if row["kind"] == "structure" && row["member"] != "" && !strings.HasSuffix(key, ".") {
					members++
				}
			}
			if compared != members {
				t.Errorf("compared %d members, table has %d", compared, members)
			}
			t.Logf("%d members agree", compared)
		})
	}
}

func compareShape(t *testing.T, typ reflect.Type, rows map[string]map[string]string, seen map[reflect.Type]bool) int {
	if seen[typ] {
		return 0
	}
	seen[typ] = true
	name := typ.Name()
	if op, ok := strings.CutSuffix(name, "Input"); ok && rows[op+"Request."] != nil {
		name = op + "Request" // an operation's input
	}
	compared := 0
	for i := range typ.NumField() {
		f := typ.Field(i)
		member := strings.ToLower(f.Name[:1]) + f.Name[1:]
		row := rows[name+"."+member]
		if row == nil {
			row = rows[name+"."+f.Name]
		}
		if row == nil {
			t.Errorf("%s.%s is not in the table", name, f.Name)
			continue
		}
		compared++
		where, _, required := binding(f)
		wire, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if where == "" && wire != row["wire_name"] {
			t.Errorf("%s.%s is called %q on the wire, want %q", name, f.Name, wire, row["wire_name"])
		}
		if got, want := typeName(f.Type, f.Tag), untyped(row["type"]); got != want {
			t.Errorf("%s.%s is a %s, want %s", name, f.Name, got, want)
		}
		if want := row["required"] == "yes"; required != want {
			t.Errorf("%s.%s required = %v, want %v", name, f.Name, required, want)
		}
		enum := sorted(strings.Split(f.Tag.Get("enum"), ","))
		if want := sorted(strings.Split(row["enum_values"], "|")); !slices.Equal(enum, want) {
			t.Errorf("%s.%s may be %v, want %v", name, f.Name, enum, want)
		}
		elem := f.Type
		for elem.Kind() == reflect.Pointer || elem.Kind() == reflect.Slice || elem.Kind() == reflect.Map {
			elem = elem.Elem()
		}
		if elem.Kind() == reflect.Struct && elem != reflect.TypeFor[time.Time]() {
			compared += compareShape(t, elem, rows, seen)
		}
	}
	return compared
}

func sorted(words []string) []string {
	slices.Sort(words)
	return words
}

// typeName writes a Go type as the table does.
func typeName(typ reflect.Type, tag reflect.StructTag) string {
	switch {
	case typ == reflect.TypeFor[[]byte]():
		return "blob"
	case typ == reflect.TypeFor[time.Time]():
		if strings.Contains(tag.Get("aws"), "time=date-time") {
			return "timestamp(date-time)"
		}
		return "timestamp"
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return typeName(typ.Elem(), tag)
	case reflect.Slice:
		return "list<" + typeName(typ.Elem(), tag) + ">"
	case reflect.Map:
		return "map<string," + typeName(typ.Elem(), tag) + ">"
	case reflect.Struct:
		return typ.Name()
	}
	return map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int32: "integer",
		reflect.Int64: "long", reflect.Float64: "double",
	}[typ.Kind()]
}

// untyped removes the enumerations' names from a type of the table.
func untyped(typ string) string {
	return regexp.MustCompile(`:\w+`).ReplaceAllString(typ, "")
}

// table reads a tab-separated table by its first column, or its first two where
// the second is called member; the first line that is no comment names the
// columns.
func table(t *testing.T, name string) map[string]map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "spec", name))
	if os.IsNotExist(err) {
		t.Skipf("the specification's %s is not here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows := map[string]map[string]string{}
	var columns []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "\t")
		switch {
		case strings.HasPrefix(lines.Text(), "#"):
		case columns == nil:
			columns = cells
		default:
			row := map[string]string{}
			for i, c := range columns {
				if i < len(cells) {
					row[c] = cells[i]
				}
			}
			key := cells[0]
			if columns[1] == "member" {
				key += "." + cells[1]
			}
			rows[key] = row
			if columns[1] == "member" {
				rows[cells[0]+"."] = row // the shape itself
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// wireNames brings a cell of the table, Member=wire or Member, ! for required,
// into the form of describe: sorted wire names.
func wireNames(cell string) string {
	words := strings.Fields(cell)
	for i, w := range words {
		if _, wire, ok := strings.Cut(w, "="); ok && !strings.Contains(w, ":") {
			words[i] = wire
			if strings.HasSuffix(w, "!") && !strings.HasSuffix(wire, "!") {
				words[i] += "!"
			}
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// describe returns the bindings of an operation by the table's columns.
func describe(op awsrpc.Operation) map[string]string {
	words := map[string][]string{}
	for f := range fields(op.NewInput()) {
		where, key, required := binding(f)
		if required {
			key += "!"
		}
		column := map[string]string{
			"uri": "path_params", "query": "query_params", "queryparams": "query_params",
			"header": "header_params", "payload": "payload_member", "": "body_members",
		}[where]
		words[column] = append(words[column], key)
	}
	out := map[string]string{"method": op.Method, "uri": op.URI, "status": strconv.Itoa(op.Code), "output": "-"}
	out["input"] = strings.TrimSuffix(reflect.TypeOf(op.NewInput()).Elem().Name(), "Input") + "Request"
	_, out["static_query"], _ = strings.Cut(op.URI, "?")
	if op.Output != nil {
		out["output"] = reflect.TypeOf(op.Output).Elem().Name()
		for f := range fields(op.Output) {
			name := strings.ToLower(f.Name[:1]) + f.Name[1:]
			switch where, key, _ := binding(f); where {
			case "header":
				words["output_non_body"] = append(words["output_non_body"], name+":header="+key)
			case "payload":
				words["output_non_body"] = append(words["output_non_body"], name+":payload")
			case "":
			default:
				words["output_non_body"] = append(words["output_non_body"], name+" bound to "+where)
			}
		}
	}
	for column, w := range words {
		slices.Sort(w)
		out[column] = strings.Join(w, " ")
	}
	return out
}

// fields yields the fields of the struct that ptr points to.
func fields(ptr any) iter.Seq[reflect.StructField] {
	return func(yield func(reflect.StructField) bool) {
		t := reflect.TypeOf(ptr).Elem()
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// binding reads the tags that package awsrpc documents.
func binding(f reflect.StructField) (where, key string, required bool) {
	key, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	for opt := range strings.SplitSeq(f.Tag.Get("aws"), ",") {
		switch name, value, _ := strings.Cut(opt, "="); name {
		case "uri", "query", "header":
			where, key = name, value
		case "queryparams":
			where, key = name, "*"
		case "payload":
			where = name
		case "required":
			required = true
		}
	}
	return where, key, required
}
