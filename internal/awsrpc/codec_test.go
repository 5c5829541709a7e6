package awsrpc_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/awsrpc"
)

// TestCodec sends a document to an operation that sends back what it read.
func TestCodec(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"nothing", ``, `{"id":"t"}`},
		{"blanks", " \r\n\t", `{"id":"t"}`},
		{"null", `null`, `{"id":"t"}`},
		{"all", `{"text":"abc","count":-1,"big":9223372036854775807,"rate":0.5,"on":false,"at":1490000000.25,"iso":"2017-03-20T09:53:20+01:00","blob":"aGk=","list":[],"map":{},"lists":{"b":[],"a":["x"]}}`,
			`{"id":"t","text":"abc","count":-1,"big":9223372036854775807,"rate":0.5,"on":false,"at":1490000000.25,"iso":"2017-03-20T08:53:20Z","blob":"aGk=","list":[],"map":{},"lists":{"a":["x"],"b":[]}}`},
		{"nulls are absent", `{"text":null,"list":null,"map":null,"self":null}`, `{"id":"t"}`},
		{"labels do not come from the body", `{"id":"other"}`, `{"id":"t"}`},
		{"unknown members", `{"zzz":{"a":[1,{"b":null}]},"text":"a"}`, `{"id":"t","text":"a"}`},
		{"names are case-sensitive", `{"Text":"a"}`, `{"id":"t"}`},
		{"the last of two counts", `{"text":"a","text":"b"}`, `{"id":"t","text":"b"}`},
		{"null after a value", `{"text":"a","text":null}`, `{"id":"t"}`},
		{"integers lose fractions", `{"count":3.9,"big":1e3}`, `{"id":"t","count":3,"big":1000}`},
		{"recursive", `{"self":{"name":"a","self":{"name":"b"}}}`, `{"id":"t","self":{"name":"a","self":{"name":"b"}}}`},
		{"html is left alone", `{"self":{"name":"<&>\u2028\"\\"}}`, "{\"id\":\"t\",\"self\":{\"name\":\"<&>\u2028\\\"\\\\\"}}"},
	}
	h := newHandler(t, &server{}, awsrpc.Options{Dev: true})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("PUT", "http://h/things/t", strings.NewReader(tt.in)))
			if w.Code != 201 || w.Body.String() != tt.want {
				t.Errorf("%s\n got %d %s\nwant 201 %s", tt.in, w.Code, w.Body, tt.want)
			}
		})
	}
}

func TestCodecRefuses(t *testing.T) {
	const coral = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"
	tests := []struct {
		name, in, want string
	}{
		{"boolean for a string", `{"text":true}`, "class java.lang.Boolean can not be converted to an String"},
		{"number for a string", `{"text":1}`, coral + " can not be converted to an String"},
		{"string for a boolean", `{"on":"true"}`, "class java.lang.String can not be converted to an Boolean"},
		{"string for an integer", `{"count":"1"}`, "class java.lang.String can not be converted to an Integer"},
		{"too large for an integer", `{"count":2147483648}`, coral + " can not be converted to an Integer"},
		{"too large for a long", `{"big":1e30}`, coral + " can not be converted to an Long"},
		{"too large for a double", `{"rate":1e400}`, coral + " can not be converted to an Double"},
		{"string for a time", `{"at":"2017"}`, "class java.lang.String can not be converted to an Timestamp"},
		{"number for an ISO time", `{"iso":true}`, "class java.lang.Boolean can not be converted to an Timestamp"},
		{"not base64", `{"blob":"%"}`, "Blob is not valid base64"},
		{"object for a string", `{"text":{}}`, "Start of structure or map found where not expected."},
		{"list for a string", `{"text":[]}`, "Start of list found where not expected"},
		{"object for a list", `{"list":{}}`, "Start of structure or map found where not expected."},
		{"list for a structure", `{"self":[]}`, "Start of list found where not expected"},
		{"list for the document", `[]`, "Start of list found where not expected"},
		{"string for a list", `{"list":"a"}`, "Unrecognized collection type class java.lang.String"},
		{"number for a map", `{"map":1}`, "Unrecognized collection type " + coral},
		{"not JSON", `{"text":`, "The request body is not valid JSON: "},
		{"not JSON at all", `<xml/>`, "The request body is not valid JSON: "},
		{"two documents", `{} {}`, "Unexpected characters after the end of the JSON document"},
		{"not UTF-8", "{\"text\":\"\xff\"}", "The request body is not valid JSON: "},
		{"deep", strings.Repeat(`{"zzz":[`, 10000), "The request body is not valid JSON: "},
		{"deep and recursive", strings.Repeat(`{"self":`, 100000), "The request body is nested more than 128 levels deep"},
		{"pattern", `{"text":"ABC"}`, "1 validation error detected: Value 'ABC' at 'putThingInput.text' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"},
		{"pattern is of the whole", `{"text":"abc1"}`, "1 validation error detected: Value 'abc1' at 'putThingInput.text'"},
		{"inside a map", `{"map":{"k":{"kind":"C"}}}`, "2 validation errors detected: Value null at 'putThingInput.map.k.member.name' failed to satisfy constraint: Member must not be null; Value 'C' at 'putThingInput.map.k.member.kind' failed to satisfy constraint: Member must satisfy enum value set: [A, B]"},
	}
	h := newHandler(t, &server{}, awsrpc.Options{Dev: true})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("PUT", "http://h/things/t", strings.NewReader(tt.in)))
			var doc struct{ Message string }
			if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			if w.Code != 400 || !strings.HasPrefix(doc.Message, tt.want) {
				t.Errorf("%.80s\n got %d %s\nwant 400 %s", tt.in, w.Code, doc.Message, tt.want)
			}
		})
	}
}

// TestViolationsAreBounded: a million wrong members do not make a message of a
// hundred megabytes.
func TestViolationsAreBounded(t *testing.T) {
	h := newHandler(t, &server{}, awsrpc.Options{Dev: true})
	w := httptest.NewRecorder()
	body := `{"list":[` + strings.Repeat(`{},`, 50000) + `{}],"text":"` + strings.Repeat("A", 1<<20) + `"}`
	h.ServeHTTP(w, httptest.NewRequest("PUT", "http://h/things/t", strings.NewReader(body)))
	if w.Code != 400 || w.Body.Len() > 64<<10 || !strings.Contains(w.Body.String(), "50002 validation errors detected") {
		t.Errorf("%d, %d bytes: %.100s", w.Code, w.Body.Len(), w.Body)
	}
}
