package openapi

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shop is a document of n resources with two methods each, as people write them.
func shop(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"openapi": "3.0.1", "info": {"title": "shop", "version": "1.0"}, "paths": {`)
	for i := range n {
		fmt.Fprintf(&b, `%s
  "/things%d/{id}": {
    "get": {
      "operationId": "getThing%d", "description": "Gives one thing, or nothing.",
      "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
                     {"name": "page", "in": "query", "schema": {"type": "integer"}}],
      "responses": {
        "200": {"description": "ok", "headers": {"ETag": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing%d"}}}},
        "404": {"description": "gone"}},
      "x-amazon-apigateway-integration": {
        "type": "http_proxy", "httpMethod": "GET", "uri": "https://${stageVariables.host}/things%d/{id}",
        "requestParameters": {"integration.request.path.id": "method.request.path.id"}}},
    "post": {
      "operationId": "putThing%d",
      "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing%d"}}}},
      "responses": {"200": {"description": "ok"}},
      "x-amazon-apigateway-integration": {
        "type": "mock", "requestTemplates": {"application/json": "{\"statusCode\": 200}"},
        "responses": {"default": {"statusCode": "200"}}}}}`, comma(i), i, i, i, i, i, i)
	}
	b.WriteString(`}, "components": {"schemas": {`)
	for i := range n {
		fmt.Fprintf(&b, `%s
  "Thing%d": {"type": "object", "required": ["name"], "properties": {
    "name": {"type": "string", "description": "What people call it"}, "price": {"type": "number", "minimum": 0},
    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing%d"}}}}`, comma(i), i, i)
	}
	return []byte(b.String() + "}}}")
}

// shopYAML is the same document as YAML.
func shopYAML(t testing.TB, n int) []byte {
	root, err := parseJSON(shop(n))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	blockYAML(&b, root, 0)
	return []byte(b.String())
}

func blockYAML(b *strings.Builder, n *node, indent int) {
	pad := strings.Repeat("  ", indent)
	switch {
	case n.kind == kindObject && len(n.keys) > 0:
		for i, k := range n.keys {
			b.WriteString("\n" + pad)
			writeQuoted(b, k)
			b.WriteString(": ")
			blockYAML(b, n.items[i], indent+1)
		}
	case n.kind == kindList && len(n.items) > 0:
		for _, v := range n.items {
			b.WriteString("\n" + pad + "- ")
			blockYAML(b, v, indent+1)
		}
	default:
		writeCompact(b, n)
	}
}

func benchmarkImport(b *testing.B, doc []byte) {
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Import(doc, Options{RestAPI: "abc123"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkImport30Resources(b *testing.B)     { benchmarkImport(b, shop(15)) } // with parents 31
func BenchmarkImport30ResourcesYAML(b *testing.B) { benchmarkImport(b, shopYAML(b, 15)) }
func BenchmarkImport6MB(b *testing.B)             { benchmarkImport(b, shop(4200)) }
func BenchmarkImport6MBYAML(b *testing.B)         { benchmarkImport(b, shopYAML(b, 3300)) }

// TestImportBigDocument bounds time and memory of the largest documents, and
// of the documents that cost the parsers most for their size.
func TestImportBigDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	half := maxNodes / 2
	tests := []struct {
		name string
		doc  []byte
		mib  int64
	}{
		{"6 MB of JSON", shop(4200), 120},
		{"6 MB of YAML", shopYAML(t, 3300), 350},
		{"JSON of small objects", []byte(`{"a": [` + strings.Repeat(`{"a":1},`, half-10) + "1]}"), 300},
		{"YAML of short values", []byte("a: [" + strings.Repeat("1,", maxNodes-10) + "1]"), 500},
		{"YAML of flow mappings", []byte("a: [" + strings.Repeat("{a: 1},", maxNodes/3-10) + "1]"), 500},
		{"YAML of indents", []byte(indents(1300)), 300},
		{"YAML of anchors", []byte("a:\n" + strings.Repeat("- &a 1\n", half-10)), 600},
		{"YAML of one long line", []byte("a: " + strings.Repeat("x", maxBytes-10)), 300},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			runtime.GC()
			base := heap()
			stop, peak := make(chan struct{}), make(chan uint64)
			go func() {
				var top uint64
				for {
					select {
					case <-stop:
						peak <- top
						return
					default:
						top = max(top, heap())
						runtime.Gosched()
					}
				}
			}()
			start := processorTime(t)
			_, err := Import(tt.doc, Options{})
			took := processorTime(t) - start
			close(stop)
			used := max(0, int64(<-peak)-int64(base)) >> 20
			t.Logf("%.1f MB: %v, peak %d MiB, %.60v", float64(len(tt.doc))/1e6, took.Round(time.Millisecond), used, err)
			if used > tt.mib {
				t.Errorf("peak %d MiB, budget %d", used, tt.mib)
			}
			if took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// processorTime is what this process has used: on a busy machine time itself says
// nothing.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap returns the bytes of live and not yet collected objects.
func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// indents nests mappings by indentation as far as n lines go.
func indents(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}
