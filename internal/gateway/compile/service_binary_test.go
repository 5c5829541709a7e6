package compile_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
)

// A bucket is as much of S3 as the recordings need: objects are put and got, and
// the type of what is got is chosen by the request.
type bucket struct {
	mu      sync.Mutex // guards the field below
	objects map[string]string
}

func (b *bucket) put(key, object string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[key] = object
}

func (b *bucket) get(key string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.objects[key]
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		body, _ := io.ReadAll(r.Body)
		b.put(r.URL.Path, string(body))
		return
	}
	w.Header().Set("Content-Type", r.URL.Query().Get("response-content-type"))
	_, _ = io.WriteString(w, b.get(r.URL.Path))
}

// What becomes of a body.
var forms = map[string]func(string) string{
	"same": func(s string) string { return s },
	// Each byte that is no UTF-8 becomes one U+FFFD.
	"lossy": strings.NewReplacer("\x8b", "\ufffd", "\xff", "\ufffd").Replace,
	"enc":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"dec": func(s string) string {
		b, _ := base64.StdEncoding.DecodeString(s)
		return string(b)
	},
}

// AWS: recorded (TestApiGatewayS3BinarySupport). Objects are raw bytes, their
// Base64, and text; the API has the binary media type image/png or none.
func TestServiceContentHandling(t *testing.T) {
	const raw, text = "\x1f\x8b\x08\x00\xff data", "this is a UTF8 text typed object"
	objects := []string{raw, forms["enc"](raw), text}
	const none, toText, toBinary = "", "CONVERT_TO_TEXT", "CONVERT_TO_BINARY"
	const png, plain = "image/png", "binary/octet-stream"
	tests := []struct {
		put             bool // a request's body, otherwise a response's
		handling, media string
		kind, accept    string
		want            [3]string
	}{
		{false, none, "", plain, png, [3]string{"lossy", "same", "same"}},
		{false, none, png, plain, png, [3]string{"500", "dec", "500"}},
		{false, none, png, png, png, [3]string{"same", "same", "same"}},
		{false, none, png, plain, "text/plain", [3]string{"lossy", "same", "same"}},
		{false, none, png, png, "text/plain", [3]string{"enc", "enc", "enc"}},
		{false, toText, "", plain, png, [3]string{"lossy", "same", "same"}},
		{false, toText, png, plain, png, [3]string{"lossy", "same", "same"}},
		{false, toText, png, png, png, [3]string{"enc", "enc", "enc"}},
		{false, toText, png, png, "text/plain", [3]string{"enc", "enc", "enc"}},
		{false, toBinary, "", plain, png, [3]string{"500", "dec", "500"}},
		{false, toBinary, png, plain, png, [3]string{"500", "dec", "500"}},
		{false, toBinary, png, png, png, [3]string{"same", "same", "same"}},
		{false, toBinary, png, plain, "text/plain", [3]string{"500", "dec", "500"}},
		{false, toBinary, png, png, "text/plain", [3]string{"same", "same", "same"}},
		{true, none, "", png, "", [3]string{"lossy", "same", "same"}},
		{true, none, png, png, "", [3]string{"same", "same", "same"}},
		{true, none, png, "text/plain", "", [3]string{"lossy", "same", "same"}},
		{true, toText, "", png, "", [3]string{"lossy", "same", "same"}},
		{true, toText, png, png, "", [3]string{"enc", "enc", "enc"}},
		{true, toText, png, "text/plain", "", [3]string{"lossy", "same", "same"}},
		{true, toBinary, "", png, "", [3]string{"500", "dec", "500"}},
		{true, toBinary, png, png, "", [3]string{"same", "same", "same"}},
		{true, toBinary, png, "text/plain", "", [3]string{"500", "dec", "500"}},
	}
	b := &bucket{objects: map[string]string{}}
	s3 := httptest.NewServer(b)
	defer s3.Close()
	w := serviceWorld(t, map[string]string{"s3": s3.URL})
	for i, tt := range tests {
		id := fmt.Sprint("a", i)
		def := service("arn:aws:apigateway:eu-west-1:s3:path/bucket/{key}", func(in *api.Integration) {
			in.HttpMethod = new("GET")
			in.RequestParameters = map[string]string{"integration.request.path.key": "method.request.path.x",
				"integration.request.querystring.response-content-type": "method.request.header.Content-Type"}
			response := api.IntegrationResponse{}
			if tt.put {
				in.HttpMethod, in.ContentHandling = new("PUT"), optional(tt.handling)
			} else {
				response.ContentHandling = optional(tt.handling)
			}
			in.IntegrationResponses = map[string]api.IntegrationResponse{"200": response}
		})
		if tt.media != "" {
			def.RestAPI.BinaryMediaTypes = []string{tt.media}
		}
		w.deploy(id, "s", def)
		for j, object := range objects {
			key, body := fmt.Sprintf("/bucket/%d-%d", i, j), object
			if !tt.put {
				body = ""
				b.put(key, object)
			}
			a := w.send("POST", "/_aws/execute-api/"+id+"/s"+strings.TrimPrefix(key, "/bucket"), body, "Content-Type: "+tt.kind, "Accept: "+tt.accept)
			got := a.Body
			if tt.put && a.Status == 200 {
				got = b.get(key)
			}
			if tt.want[j] == "500" {
				if a.Status != 500 || a.Body != `{"message": "Internal server error"}` {
					t.Errorf("%+v object %d: %d %q, want 500", tt, j, a.Status, a.Body)
				}
				continue
			}
			if want := forms[tt.want[j]](object); a.Status != 200 || got != want {
				t.Errorf("%+v object %d: %d %q, want %q", tt, j, a.Status, got, want)
			}
		}
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
