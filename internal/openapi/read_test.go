package openapi

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestReadRefuses gives the reader what is not a document or not a decent one.
func TestReadRefuses(t *testing.T) {
	deep := func(open, inner, end string) string {
		return strings.Repeat(open, maxDepth+2) + inner + strings.Repeat(end, maxDepth+2)
	}
	tests := []struct {
		name, doc string
		cause     error // nil: any
	}{
		{"nothing", "", errEmpty},
		{"blanks", " \n\t\n", errEmpty},
		{"byte order mark alone", "\ufeff", errEmpty},
		{"comment alone", "# nothing", nil},
		{"text", "hello", errNotObject},
		{"JSON list", "[1]", errNotObject},
		{"YAML list", "- 1", errNotObject},
		{"null", "null", errNotObject},
		{"not UTF-8", "{\"a\": \"\xff\"}", errNotUTF8},
		{"UTF-16", "\xff\xfe{\x00}\x00", errNotUTF8},
		{"lone surrogate", `{"a": "\ud800"}`, nil},
		{"JSON cut off", `{"a": [1, 2`, nil},
		{"text after JSON", `{"a": 1} x`, nil},
		{"two JSON documents", `{"a": 1} {"b": 2}`, nil},
		{"trailing comma", `{"a": 1,}`, nil},
		{"JSON infinity", `{"a": Infinity}`, nil},
		{"JSON NaN", `{"a": NaN}`, nil},
		{"JSON key twice", `{"a": 1, "a": 2}`, nil},
		{"JSON key twice, escaped", `{"a": 1, "\u0061": 2}`, nil},
		{"deep JSON list", `{"a": ` + deep("[", "1", "]") + "}", errTooDeep},
		{"deep JSON object", `{"a": ` + deep(`{"a":`, "1", "}") + "}", errTooDeep},
		{"deep YAML", "a: " + deep("[", "1", "]"), errTooDeep},
		{"YAML deeper than its parser", "a: " + strings.Repeat("[", 1<<20), nil},
		{"tab as indentation", "a:\n\tb: 1", nil},
		{"YAML key twice", "a: 1\na: 2", nil},
		{"YAML key twice, as number and text", "200: 1\n\"200\": 2", nil},
		{"two YAML documents", "a: 1\n---\nb: 2", nil},
		{"list as key", "? [1, 2]\n: 3", nil},
		{"null as key", "~: 1", nil},
		{"YAML infinity", "a: .inf", nil},
		{"YAML NaN", "a: .NaN", nil},
		{"unknown tag", "a: !Ref b", nil},
		{"unknown tag on mapping", "a: !Sub {b: c}", nil},
		{"wrong integer tag", "a: !!int hello", nil},
		{"undefined alias", "a: *b", nil},
		{"alias in itself", "a: &a [*a]", nil},
		{"alias in itself, deeper", "a: &a {b: {c: *a}}", nil},
		{"merge of a scalar", "a: {<<: 1}", nil},
		{"merge of a list of scalars", "a: {<<: [1]}", nil},
		{"merge of itself", "a: &a {<<: *a}", nil},
		{"too long", "{" + strings.Repeat(" ", maxBytes) + "}", errTooBig},
		{"too many JSON values", `{"a": [` + strings.Repeat("1,", maxNodes) + "1]}", errTooMany},
		{"too many YAML values", "a: [" + strings.Repeat("1,", maxNodes) + "1]", errTooMany},
		{"billion laughs", laughs(9, 30), errTooMany},
		{"billion laughs by merging", mergedLaughs(), errTooMany},
		{"deep by aliases", stairs(maxDepth), errTooDeep},
		{"long text by aliases", "a: &a " + strings.Repeat("x", 1<<20) + "\nb: [" + strings.Repeat("*a,", 1000) + "]", errTooMuch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := read([]byte(tt.doc), Options{})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("read = %v, want an Error", err)
			}
			if !strings.HasPrefix(e.Message, "Invalid OpenAPI input.") {
				t.Errorf("message %q, want Invalid OpenAPI input.", e.Message)
			}
			if tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("cause %v, want %v", e.Cause, tt.cause)
			}
		})
	}
}

// laughs is a document whose last line stands for width to the power of levels values.
func laughs(levels, width int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [1]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), width))
	}
	return b.String()
}

// mergedLaughs merges a big mapping into thousands of others.
func mergedLaughs() string {
	var b strings.Builder
	b.WriteString("big: &big\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "  k%d: 1\n", i)
	}
	for i := range 5000 {
		fmt.Fprintf(&b, "m%d: {<<: *big}\n", i)
	}
	return b.String()
}

// stairs nests one level per line, each through an alias.
func stairs(n int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 1\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	return b.String()
}

// TestReadAccepts gives the reader what looks odd and is a document.
func TestReadAccepts(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{"byte order mark", "\ufeff{\"a\": 1}", `{"a":1}`},
		{"byte order mark, YAML", "\ufeffa: 1", `{"a":1}`},
		{"JSON after blanks", "\n\t {\"a\": 1} \n", `{"a":1}`},
		{"order is kept", `{"b": 1, "a": {"z": 2, "y": 3}}`, `{"b":1,"a":{"z":2,"y":3}}`},
		{"numbers are kept", `{"a": [1.0, 1e3, -0, 100000000000000000000]}`, `{"a":[1.0,1e3,-0,100000000000000000000]}`},
		{"YAML numbers", "a: [0x1F, 0o17, 1_000, 1.0, .5, +3, 12e03]", `{"a":[31,15,1000,1.0,0.5,3,12e03]}`},
		{"integer keys", "200: ok\n1.5: x\ntrue: y", `{"200":"ok","1.5":"x","true":"y"}`},
		{"quoted number", "version: '2.0'", `{"version":"2.0"}`},
		{"timestamp is text", "Version: 2012-10-17", `{"Version":"2012-10-17"}`},
		{"yes and no are text", "a: [yes, no, on, off, True, null, ~]", `{"a":["yes","no","on","off",true,null,null]}`},
		{"block text", "a: |\n  one\n  two\n", `{"a":"one\ntwo\n"}`},
		{"document markers", "%YAML 1.2\n---\na: 1\n...\n", `{"a":1}`},
		{"alias", "a: &x {b: 1}\nc: *x\nd: [*x, *x]", `{"a":{"b":1},"c":{"b":1},"d":[{"b":1},{"b":1}]}`},
		{"alias as key", "a: &x key\n*x : 1", `{"a":"key","key":1}`},
		{"merge", "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}", `{"a":{"x":1,"y":2},"b":{"y":3,"x":1}}`},
		{"merge of many", "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}", `{"a":{"x":1},"b":{"x":2,"z":3},"c":{"x":1,"z":3}}`},
		{"quoted merge key", "a: {\"<<\": 1}", `{"a":{"<<":1}}`},
		{"anchor used again", "a: &x 1\nb: &x 2\nc: *x", `{"a":1,"b":2,"c":2}`},
		{"some laughs", laughs(3, 3), ""},
		{"escapes", `{"\u00e4": "\ud83d\ude00\n"}`, `{"ä":"😀\n"}`},
		{"pseudo variables", `{"a": "${AWS::Partition}:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}:${stageVariables.x}"}`,
			`{"a":"aws:eu-west-1:123456789012:${AWS::StackName}:${stageVariables.x}"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := read([]byte(tt.doc), Options{Partition: "aws", Region: "eu-west-1", Account: "123456789012"})
			if err != nil {
				t.Fatal(err, errors.Unwrap(err))
			}
			if got := compact(n); tt.want != "" && got != tt.want {
				t.Errorf("read as %s, want %s", got, tt.want)
			}
		})
	}
}

// TestImportMemory bounds what hostile documents make an import allocate in
// all, garbage included.
func TestImportMemory(t *testing.T) {
	tests := []struct {
		name string
		doc  string
		mib  uint64
	}{
		{"billion laughs", laughs(9, 30), 4},
		{"gigabyte of aliases", "a: &a " + strings.Repeat("x", 1<<20) + "\nb: [" + strings.Repeat("*a,", 1000) + "]", 24},
		{"merges", mergedLaughs(), 160},
		{"6 MiB of brackets", "a: " + strings.Repeat("[", maxBytes-10), 1},
		{"shared response", sharedResponse(), 300},
		{"long base path", longBasePath(), 100},
		{"long path", `{"swagger": "2.0", "info": {"title": "t"}, "paths": {"` + strings.Repeat("/a", 3<<20-100) + `": {}}}`, 200},
		{"deep indentation", deepSchema(), 400},
		{"base path of many segments", basePathOf(strings.Repeat("/a", 5000)), 700},
		{"shared path item", sharedItem(), 200},
		{"nothing but findings", `{"swagger": "2.0", "paths": {"/a": {"get": {"parameters": [` + strings.Repeat("1,", 500_000) + `1]}}}, "x-amazon-apigateway-policy": 1}`, 120},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := []byte(tt.doc)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Import(doc, Options{BasePath: BasePathPrepend})
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("imported without error")
			}
			got := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%d MiB allocated for a document of %d KiB: %.100v", got, len(doc)>>10, err)
			if got > tt.mib {
				t.Errorf("allocated %d MiB, budget %d", got, tt.mib)
			}
		})
	}
}

// sharedResponse refers to one big response thousands of times.
func sharedResponse() string {
	var b strings.Builder
	b.WriteString(`{"swagger": "2.0", "info": {"title": "t"}, "responses": {"r": {"headers": {`)
	for i := range 20000 {
		fmt.Fprintf(&b, `%s"h%d": {}`, comma(i), i)
	}
	b.WriteString(`}}}, "paths": {`)
	for i := range 20000 {
		fmt.Fprintf(&b, `%s"/p%d": {"get": {"responses": {"200": {"$ref": "#/responses/r"}}}}`, comma(i), i)
	}
	return b.String() + "}}"
}

// sharedItem makes thousands of paths of one big path item.
func sharedItem() string {
	var b strings.Builder
	b.WriteString(`{"swagger": "2.0", "info": {"title": "t"}, "paths": {"/p": {"get": {"parameters": [`)
	for i := range 20000 {
		fmt.Fprintf(&b, `%s{"name": "q%d", "in": "query"}`, comma(i), i)
	}
	b.WriteString(`]}}`)
	for i := range 20000 {
		fmt.Fprintf(&b, `,"/p%d": {"$ref": "#/paths/~1p"}`, i)
	}
	return b.String() + "}}"
}

// longBasePath puts a long base path before thousands of paths.
func longBasePath() string { return basePathOf("/" + strings.Repeat("x", 10000)) }

// basePathOf puts a base path before thousands of paths.
func basePathOf(base string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"swagger": "2.0", "info": {"title": "t"}, "basePath": "%s", "paths": {`, base)
	for i := range 20000 {
		fmt.Fprintf(&b, `%s"/p%d": {}`, comma(i), i)
	}
	return b.String() + "}}"
}

// deepSchema is a schema that indentation makes many times longer.
func deepSchema() string {
	const levels = 60
	inner := strings.Repeat(`{"type":"a"},`, 100000) + "{}"
	return `{"swagger": "2.0", "info": {"title": "t"}, "definitions": {"M": ` +
		strings.Repeat(`{"properties": {"a": `, levels) + `{"allOf": [` + inner + `]}` + strings.Repeat("}}", levels) + `}}`
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// TestImportBadFile checks the answer to documents that are none.
func TestImportBadFile(t *testing.T) {
	for _, doc := range []string{"{\"openapi\": \"3.0.1\",", "openapi: 3.0.1\n  info: {", "- a\n- b", "just text", ""} {
		_, err := Import([]byte(doc), Options{})
		if err == nil || err.Error() != "Invalid OpenAPI input." {
			t.Errorf("Import(%q) = %v, want Invalid OpenAPI input.", doc, err)
		}
	}
}

// TestReadRefusesOwn: fields of Gatehouse's own are refused by name, wherever they stand.
func TestReadRefusesOwn(t *testing.T) {
	for _, doc := range []string{
		`{"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": {}, "x-gatehouse-clusters": {}}`,
		"openapi: 3.0.1\ninfo: {title: t, version: '1'}\npaths:\n  /a:\n    get: {x-gatehouse-clusters: {}}\n",
		"swagger: '2.0'\ninfo: &i {title: t, version: '1'}\nb: *i\nlist: [*i, {x-gatehouse-clusters: 1}]\npaths: {}\n",
	} {
		_, rest := Import([]byte(doc), Options{})
		_, http := ImportHTTP([]byte(doc), Options{})
		for _, err := range []error{rest, http} {
			if err == nil || !strings.Contains(err.Error(), "x-gatehouse-clusters is no part of an import") {
				t.Errorf("%s: %v", doc, err)
			}
		}
	}
	text := "openapi: 3.0.1\ninfo: {title: x-gatehouse-clusters, version: '1'}\npaths: {}\n"
	if _, err := Import([]byte(text), Options{}); err != nil {
		t.Errorf("a text that is no field: %v", err)
	}
}
