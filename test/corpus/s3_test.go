package corpus

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Integrations with S3, most of them about binary bodies.
var s3Replays = []replay{
	{file: "s3", name: "test_apigateway_s3_any", run: func(c *client, match func(string, doc)) {
		id := c.serve("test", route{part: "{object_path+}", verb: "ANY",
			method: doc{"requestParameters": doc{"method.request.path.object_path": true, "method.request.header.Content-Type": false}},
			integration: doc{"type": "AWS", "integrationHttpMethod": "ANY", "uri": c.s3URI("{object_path}"), "credentials": anyRole,
				"requestParameters": doc{"integration.request.path.object_path": "method.request.path.object_path",
					"integration.request.header.Content-Type": "method.request.header.Content-Type"}},
			responses: map[string]doc{"200": nil}})
		call := func(verb, body string, lines ...string) answer {
			return c.invoke(verb, id+"/test/test.json", body, lines...)
		}
		match("get-object-empty", c.noSuchKey(call("GET", "")))
		for _, n := range []string{"1", "2"} {
			call("PUT", `{"put_id": `+n+`}`, "Content-Type: application/json")
			c.matchText(match, "get-object-"+n, call("GET", "").body)
		}
		call("DELETE", "")
		match("get-object-deleted", c.noSuchKey(call("GET", "")))
		if _, ok := c.object("test.json"); ok {
			c.stop("the object is still there")
		}
		match("get-object-s3", c.recordedBut("get-object-s3", 404, nil))
	}},
	{file: "s3", name: "test_apigateway_s3_method_mapping", run: func(c *client, match func(string, doc)) {
		id, root := c.newAPI()
		for _, verb := range []string{"GET", "PUT", "DELETE"} {
			in := doc{"type": "AWS", "integrationHttpMethod": verb, "uri": c.s3URI("test.json"), "credentials": anyRole}
			if verb == "PUT" {
				in["requestParameters"] = doc{"integration.request.header.Content-Type": "'application/json'"}
				in["requestTemplates"] = doc{"application/json": `{"message": "great success!"}`}
			}
			c.put(id, root, route{part: strings.ToLower(verb), integration: in, responses: map[string]doc{"200": nil}})
		}
		c.deploy(id, "test")
		c.invoke("GET", id+"/test/put", "")
		match("get-object", c.invoke("GET", id+"/test/get", "").doc())
		c.invoke("GET", id+"/test/delete", "")
		match("get-deleted-object", c.noSuchKey(c.invoke("GET", id+"/test/get", "")))
	}},
	{file: "s3", name: "test_apigw_s3_binary_support_request[None]", run: replayBinaryRequest("")},
	{file: "s3", name: "test_apigw_s3_binary_support_request[CONVERT_TO_TEXT]", run: replayBinaryRequest("CONVERT_TO_TEXT")},
	{file: "s3", name: "test_apigw_s3_binary_support_request_convert_to_binary", run: func(c *client, match func(string, doc)) {
		b := c.newBinary(match, "CONVERT_TO_BINARY", "", nil)
		match("put-obj-raw", c.recordedBut("put-obj-raw", 200, doc{"ETag": etag(rawObject)}))
		b.put("test", "binary-encoded", "image/png", 200)
		match("get-obj-no-binary-media-binary-encoded", c.storedAs("get-obj-no-binary-media-binary-encoded", "binary-encoded"))
		b.put("test", "binary-raw", "image/png", 500)
		b.put("test", "text", "text/plain", 500)
		b.addMediaType()
		for _, key := range objectKeys {
			b.put("test2", key, "image/png", 200)
			match("get-obj-binary-media-"+key, c.storedAs("get-obj-binary-media-"+key, key))
		}
		b.put("test2", "binary-raw", "text/plain", 500)
		b.put("test2", "text", "text/plain", 500)
		b.put("test2", "binary-encoded", "text/plain", 200)
		match("get-obj-text-type-binary-encoded", c.storedAs("get-obj-text-type-binary-encoded", "binary-encoded"))
	}},
	{file: "s3", name: "test_apigw_s3_binary_support_request_convert_to_binary_with_request_template", run: func(c *client, match func(string, doc)) {
		b := c.newBinary(match, "CONVERT_TO_BINARY", "", func(m doc) {
			c.must("UpdateIntegration", merge(m, doc{"patchOperations": patch("add", "/requestTemplates/application~1json", `{"data": "$input.body"}`)}))
			match("get-integration", c.do("GetIntegration", m))
		})
		b.put("test", "binary-encoded", "image/png", 200)
		match("get-obj-encoded", c.storedAs("get-obj-encoded", "binary-encoded"))
		b.put("test", "binary-encoded", "application/json", 500)
	}},
	{file: "s3", name: "test_apigw_s3_binary_support_response_convert_to_binary_with_request_template", run: func(c *client, match func(string, doc)) {
		var method doc
		b := c.newBinary(match, "", "CONVERT_TO_TEXT", func(m doc) {
			method = merge(m, doc{"statusCode": "200"})
			c.must("UpdateIntegrationResponse", merge(method, doc{"patchOperations": patch("add", "/responseTemplates/application~1json", `{"data": "$input.body"}`)}))
		})
		match("get-integration-response", c.do("GetIntegrationResponse", method))
		c.setObject("binary-encoded", encodedObject)
		match("put-obj-encoded", c.recordedBut("put-obj-encoded", 200, doc{"ETag": etag(encodedObject)}))
		get := func() answer {
			return c.invoke("GET", b.id+"/test/binary-encoded", "", "Accept: image/png", "response-content-type: binary/octet-stream")
		}
		a := get()
		match("encoded-text-payload-binary-accept", doc{"content": pythonBytes(a.body), "etag": a.header.Get("ETag")})
		c.must("UpdateIntegrationResponse", merge(method, doc{"patchOperations": patch("replace", "/contentHandling", "CONVERT_TO_BINARY")}))
		match("get-integration-response-update", c.do("GetIntegrationResponse", method))
		c.deploy(b.id, "test")
		if a := get(); a.status != 500 { // what is binary cannot be given to a template
			c.stop("got %d %q, asserted 500", a.status, a.body)
		}
	}},
	{file: "s3", name: "test_apigw_s3_binary_support_response_no_content_handling", run: replayBinaryResponse("")},
	{file: "s3", name: "test_apigw_s3_binary_support_response_convert_to_text", run: replayBinaryResponse("CONVERT_TO_TEXT")},
	{file: "s3", name: "test_apigw_s3_binary_support_response_convert_to_binary", run: replayBinaryResponse("CONVERT_TO_BINARY")},
}

// anyRole is a role that the server has credentials for.
const anyRole = "arn:aws:iam::" + recordedAccount + ":role/any"

// The objects of the recordings: something compressed, the same in base64, and
// a text.
var (
	rawObject     = decode64(encodedObject)
	objectBodies  = map[string]string{"binary-raw": rawObject, "binary-encoded": encodedObject, "text": "this is a UTF8 text typed object"}
	objectKeys    = []string{"binary-raw", "binary-encoded", "text"}
	encodedObject = "H4sIABRs7mMC/0vOzy0oSi0uTk1RSEksSdRRKM7IL81JUUhKVcjMK0vMyUxRCA1x07VQKC4pysxLBwC4ORBXLwAAAA=="
)

func decode64(text string) string {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A binary is an API before S3 whose bodies may be binary.
type binary struct {
	c  *client
	id string
}

func (c *client) newBinary(match func(string, doc), request, response string, change func(m doc)) binary {
	id, root := c.newAPI()
	in := doc{"type": "AWS", "integrationHttpMethod": "ANY", "uri": c.s3URI("{object_path}"), "credentials": anyRole,
		"requestParameters": doc{"integration.request.path.object_path": "method.request.path.object_path",
			"integration.request.header.Content-Type":               "method.request.header.Content-Type",
			"integration.request.querystring.response-content-type": "method.request.header.response-content-type"}}
	out := doc{"responseParameters": doc{"method.response.header.ETag": "integration.response.header.ETag"}}
	if request != "" {
		in["contentHandling"] = request
	}
	if response != "" {
		out["contentHandling"] = response
	}
	m := c.put(id, root, route{part: "{object_path+}", verb: "ANY", integration: in,
		method: doc{"requestParameters": doc{"method.request.path.object_path": true, "method.request.header.Content-Type": false,
			"method.request.header.response-content-type": false}},
		responses: map[string]doc{"200": out}, status: map[string]doc{"200": {"responseParameters": doc{"method.response.header.ETag": false}}}})
	shown := c.do("GetIntegration", m)
	delete(shown, "integrationResponses") // put later
	shown["$"] = 201.0
	match("put-integration", shown)
	if change != nil {
		change(m)
	}
	c.deploy(id, "test")
	return binary{c, id}
}

// addMediaType makes pictures binary, on another stage.
func (b binary) addMediaType() {
	b.c.must("UpdateRestApi", doc{"restApiId": b.id, "patchOperations": []doc{{"op": "add", "path": "/binaryMediaTypes/image~1png"}}})
	b.c.deploy(b.id, "test2")
}

// put sends an object, which must be answered by a status, asserted by the
// recorded test.
func (b binary) put(stage, key, contentType string, status int) {
	a := b.c.invoke("PUT", b.id+"/"+stage+"/"+key, objectBodies[key], "Content-Type: "+contentType)
	if a.status != status {
		b.c.stop("PUT %s as %s to %s: %d %s, asserted %d", key, contentType, stage, a.status, a.body, status)
	}
}

func replayBinaryRequest(handling string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		b := c.newBinary(match, handling, "", nil)
		match("put-obj-raw", c.recordedBut("put-obj-raw", 200, doc{"ETag": etag(rawObject)}))
		check := func(what, stage, contentType string) {
			for _, key := range objectKeys {
				b.put(stage, key, contentType, 200)
				match("get-obj-"+what+"-"+key, c.storedAs("get-obj-"+what+"-"+key, key))
			}
		}
		check("no-binary-media", "test", "image/png")
		b.addMediaType()
		check("binary-type", "test2", "image/png")
		check("text-type", "test2", "text/plain")
	}
}

// replayBinaryResponse gets objects of either kind for clients that accept
// either: what was not recorded was asserted to be an error.
func replayBinaryResponse(handling string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		b := c.newBinary(match, "", handling, nil)
		for key, body := range objectBodies {
			c.setObject(key, body)
			match("put-obj-"+key, c.recordedBut("put-obj-"+key, 200, doc{"ETag": etag(body)}))
		}
		get := func(key, stage, object, accept, contentType string) {
			a := c.invoke("GET", b.id+"/"+stage+"/"+object, "", "Accept: "+accept, "response-content-type: "+contentType)
			switch {
			case c.recorded(key):
				match(key, doc{"content": pythonBytes(a.body), "etag": a.header.Get("ETag")})
			case a.status != 500:
				c.stop("%s: %d %q, asserted 500", key, a.status, a.body)
			}
		}
		const text, png, any = "text/plain", "image/png", "binary/octet-stream"
		get("text-no-media", "test", "text", text, any)
		get("raw-no-media", "test", "binary-raw", png, any)
		get("encoded-no-media", "test", "binary-encoded", png, any)
		b.addMediaType()
		for _, object := range objectKeys {
			name := strings.TrimPrefix(object, "binary-")
			get(name+"-payload-text-accept-binary", "test2", object, png, any)
			get(name+"-payload-binary-accept-binary", "test2", object, png, png)
			get(name+"-payload-text-accept-text", "test2", object, text, any)
			get(name+"-payload-binary-accept-text", "test2", object, text, png)
		}
	}
}

// recordedBut is a recorded answer of S3 itself, with what is ours in it.
func (c *client) recordedBut(key string, status int, own doc) doc {
	out := merge(c.rec.Content[key].(doc), own)
	delete(out, "ResponseMetadata")
	if e, ok := out["Error"].(doc); ok {
		out["Error"] = normal(doc{"Error": e})["Error"]
	}
	out["$"] = float64(status)
	return out
}

// storedAs is a stored object as S3 tells of it.
func (c *client) storedAs(key, object string) doc {
	o, ok := c.object(object)
	if !ok {
		c.stop("%s: no object %s", key, object)
	}
	body := o.body
	if recorded, _ := c.rec.Content[key].(doc)["Body"].(string); strings.HasPrefix(recorded, "b'") {
		body = pythonBytes(body)
	}
	return c.recordedBut(key, 200, doc{"Body": body, "ContentLength": float64(len(o.body)), "ContentType": o.contentType, "ETag": etag(o.body),
		"LastModified": 0.0})
}

// noSuchKey is S3's answer for an object that there is not, as it was recorded.
func (c *client) noSuchKey(a answer) doc {
	var e noSuchKey
	if err := xml.Unmarshal([]byte(a.body), &e); err != nil || a.status != 200 {
		c.stop("got %d %q: %v", a.status, a.body, err)
	}
	return doc{"Error": fmt.Sprintf("%s: %s", e.Code, e.Message)}
}

// pythonBytes writes bytes as Python shows them.
func pythonBytes(text string) string {
	var b strings.Builder
	b.WriteString("b'")
	for i := range len(text) {
		switch ch := text[i]; {
		case ch == '\\' || ch == '\'':
			b.WriteString("\\" + string(ch))
		case ch == '\n':
			b.WriteString(`\n`)
		case ch == '\r':
			b.WriteString(`\r`)
		case ch == '\t':
			b.WriteString(`\t`)
		case ch < ' ' || ch > '~':
			fmt.Fprintf(&b, `\x%02x`, ch)
		default:
			b.WriteByte(ch)
		}
	}
	return b.String() + "'"
}

func etag(body string) string { return fmt.Sprintf("\"%x\"", md5.Sum([]byte(body))) }

// s3URI leads to an object in the replay's own bucket.
func (c *client) s3URI(object string) string {
	return "arn:aws:apigateway:" + testRegion + ":s3:path/bucket-" + c.account + "/" + object
}

func (c *client) object(key string) (object, bool) {
	o, ok := c.objects.all.Load("/bucket-" + c.account + "/" + key)
	if !ok {
		return object{}, false
	}
	return o.(object), true
}

func (c *client) setObject(key, body string) {
	c.objects.all.Store("/bucket-"+c.account+"/"+key, object{body, "binary/octet-stream"})
}

// Objects stand in for S3: what is put can be got and deleted.
type objects struct {
	url string
	all sync.Map // by path
}

type object struct{ body, contentType string }

// noSuchKey is S3's error document.
type noSuchKey struct {
	XMLName                               xml.Name `xml:"Error"`
	Code, Message, Key, RequestId, HostId string
}

func newObjects(t *testing.T) *objects {
	o := &objects{}
	s := httptest.NewServer(o)
	t.Cleanup(s.Close)
	o.url = s.URL
	return o
}

// ServeHTTP answers as S3 does.
func (o *objects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client went away
		}
		o.all.Store(r.URL.Path, object{string(body), r.Header.Get("Content-Type")})
		w.Header()["ETag"] = []string{etag(string(body))} // as S3 writes it
	case http.MethodDelete:
		o.all.Delete(r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	default:
		found, ok := o.all.Load(r.URL.Path)
		if !ok {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusNotFound)
			_ = xml.NewEncoder(w).Encode(noSuchKey{Code: "NoSuchKey", Message: "The specified key does not exist.", // the client may have gone away
				Key: r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], RequestId: "1", HostId: "1"})
			return
		}
		it := found.(object)
		w.Header().Set("Content-Type", it.contentType)
		if as := r.URL.Query().Get("response-content-type"); as != "" {
			w.Header().Set("Content-Type", as)
		}
		w.Header()["ETag"] = []string{etag(it.body)} // as S3 writes it
		_, _ = io.WriteString(w, it.body)            // the client may have gone away
	}
}
