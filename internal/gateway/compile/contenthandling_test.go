package compile_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
)

// An image goes to a backend that wants JSON, and comes back as an image.
//
// AWS: rest-execution.md §5.1.
func TestContentHandling(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"got": %q, "image": "/9j/"}`, body)
	}))
	defer echo.Close()
	toText, toBinary := new("CONVERT_TO_TEXT"), new("CONVERT_TO_BINARY")
	def := echoed(echo.URL, "", "", func(m *api.Method) {
		in := m.MethodIntegration
		in.ContentHandling, in.RequestTemplates = toText, map[string]string{"image/jpeg": `<$input.body>`}
		in.IntegrationResponses = map[string]api.IntegrationResponse{"200": {ContentHandling: toBinary, ResponseTemplates: map[string]string{
			"image/jpeg": "$input.path('$.image')", "application/json": "$input.path('$.got')"}}}
	})
	def.RestAPI.BinaryMediaTypes = []string{"image/jpeg"}
	w := newWorld(t)
	w.deploy("a1", "s", def)
	jpeg := []string{"Content-Type: image/jpeg", "Accept: image/jpeg"}
	if a := w.send("POST", "/_aws/execute-api/a1/s/", "\xff\xd8\xff", jpeg...); a.Status != 200 || a.Body != "\xff\xd8\xff" || headerOf(a, "Content-Type") != "image/jpeg" {
		t.Errorf("%d %q %q", a.Status, a.Body, a.Header)
	}
	// What the template prints is no Base64.
	if a := w.send("POST", "/_aws/execute-api/a1/s/", "\xff\xd8\xff", jpeg[0]); a.Status != 500 || a.Body != `{"message": "Internal server error"}` {
		t.Errorf("%d %q", a.Status, a.Body)
	}
}

// With */* every request is binary, also one without a body: a MOCK answers
// only with CONVERT_TO_TEXT.
//
// AWS: widely reported of OPTIONS methods for CORS.
func TestMockOfAllBinary(t *testing.T) {
	w := newWorld(t)
	for i, want := range []int{500, 200} {
		def := templated(`{"statusCode": 200}`, "", func(m *api.Method) {
			m.MethodIntegration.ContentHandling = []*string{nil, new("CONVERT_TO_TEXT")}[i]
		})
		def.RestAPI.BinaryMediaTypes = []string{"*/*"}
		id := fmt.Sprint("a", i)
		w.deploy(id, "s", def)
		if a := w.call("GET", "/_aws/execute-api/"+id+"/s/", "Accept: */*"); a.Status != want {
			t.Errorf("%d %q, want %d", a.Status, a.Body, want)
		}
	}
}

// What HTTP_PROXY sends is converted like what HTTP sends; what comes back
// passes.
//
// AWS: rest-execution.md §5.1, first table.
func TestContentHandlingOfProxy(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %x", r.ContentLength, body)
	}))
	defer echo.Close()
	const raw, coded, text = "\xff\xd8\xff", "/9j/", "T"
	w := newWorld(t)
	for i, tt := range []struct {
		handling, kind, body string
		status               int
		want                 string
	}{
		{"CONVERT_TO_TEXT", "image/jpeg", raw, 200, "/9j/"},
		{"CONVERT_TO_TEXT", "image/jpeg", text, 200, "VA=="},
		{"CONVERT_TO_TEXT", "text/plain", coded, 200, coded},
		{"CONVERT_TO_TEXT", "text/plain", raw, 200, "\ufffd\ufffd\ufffd"},
		{"CONVERT_TO_BINARY", "text/plain", coded, 200, raw},
		{"CONVERT_TO_BINARY", "text/plain", raw, 500, ""},
		{"CONVERT_TO_BINARY", "image/jpeg", raw, 200, raw},
		{"CONVERT_TO_BINARY", "image/jpeg", coded, 200, coded},
		{"CONVERT_TO_BINARY", "text/plain", "", 200, ""},
	} {
		def := echoed(echo.URL, "", "", func(m *api.Method) {
			m.MethodIntegration.Type, m.MethodIntegration.ContentHandling = new("HTTP_PROXY"), &tt.handling
			m.MethodIntegration.IntegrationResponses = map[string]api.IntegrationResponse{"200": {ContentHandling: new("CONVERT_TO_BINARY")}}
		})
		def.RestAPI.BinaryMediaTypes = []string{"image/jpeg"}
		id := fmt.Sprint("a", i)
		w.deploy(id, "s", def)
		want := fmt.Sprintf("%d %x", len(tt.want), tt.want)
		if tt.status != 200 {
			want = `{"message": "Internal server error"}`
		}
		if a := w.send("POST", "/_aws/execute-api/"+id+"/s/", tt.body, "Content-Type: "+tt.kind); a.Status != tt.status || a.Body != want {
			t.Errorf("%s of %s %q: %d %q, want %d %q", tt.handling, tt.kind, tt.body, a.Status, a.Body, tt.status, want)
		}
	}
}
