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

// HTTP_PROXY converts nothing: a stage that asks for it does not compile.
func TestContentHandlingOfProxyIsRefused(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "s", echoed("http://127.0.0.1:1", "", "", func(m *api.Method) {
		m.MethodIntegration.Type, m.MethodIntegration.ContentHandling = new("HTTP_PROXY"), new("CONVERT_TO_TEXT")
	}))
	if refused := w.c.Status().Refused; len(refused) != 1 {
		t.Errorf("refused: %+v", refused)
	}
}
