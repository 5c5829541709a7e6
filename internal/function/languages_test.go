package function_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/function"
)

// files writes code; what of it is named in folders lies there, and programs
// can be run.
func files(t *testing.T, content map[string]string, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range programs {
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s, which is not installed here: tools/test-deps installs it", program)
	}
}

// A handlerTest is a function of an interpreted language and what it answers.
type handlerTest struct {
	name    string
	handler string
	files   map[string]string
	event   string
	want    string // the answer; or of one that failed, errorType and errorMessage
	log     string // a regular expression that the log must meet
}

func (tt *handlerTest) run(t *testing.T, runtime string) {
	h := newHost(t, usual(t))
	mustSet(t, h, latest(function.Version{Runtime: runtime, Handler: tt.handler, Code: files(t, tt.files), Timeout: 20 * time.Second,
		Env: map[string]string{"MINE": "here"}}))
	if tt.event == "" {
		tt.event = "{}"
	}
	r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Payload: []byte(tt.event), Tail: true, RequestID: "id-1"})
	if err != nil {
		t.Fatal(err)
	}
	got := string(r.Payload)
	if r.Error != "" {
		var doc struct{ ErrorType, ErrorMessage string }
		if err := json.Unmarshal(r.Payload, &doc); err != nil {
			t.Errorf("error document %s: %v", r.Payload, err)
		}
		message, _, _ := strings.Cut(doc.ErrorMessage, "\n")
		got = doc.ErrorType + ": " + message
	}
	if got != tt.want {
		t.Errorf("got  %s\nwant %s\nlog:\n%s", got, tt.want, r.Log)
	}
	if !regexp.MustCompile(tt.log).Match(r.Log) {
		t.Errorf("log:\n%s", r.Log)
	}
}

func TestNode(t *testing.T) {
	needs(t, "node")
	js := func(text string) map[string]string { return map[string]string{"index.js": text} }
	tests := []handlerTest{
		{name: "async", handler: "index.handler", files: js(`exports.handler = async (event) => ({ got: event, mine: process.env.MINE });`),
			event: `{"a":"ä"}`, want: `{"got":{"a":"ä"},"mine":"here"}`},
		{name: "callback", handler: "index.handler", files: js(`exports.handler = (event, context, callback) => { setTimeout(() => callback(null, context.awsRequestId), 5); };`), want: `"id-1"`},
		{name: "callback waits for what is left to do", handler: "index.handler",
			files: js(`exports.handler = (event, context, callback) => { setTimeout(() => console.log('late'), 30); callback(null, 1); };`), want: `1`, log: "late"},
		{name: "callback does not wait", handler: "index.handler",
			files: js(`exports.handler = (event, context, callback) => { context.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 60000); callback(null, 1); };`), want: `1`},
		{name: "context.succeed", handler: "index.handler", files: js(`exports.handler = (event, context) => context.succeed(context.functionVersion);`), want: `"$LATEST"`},
		{name: "nothing", handler: "index.handler", files: js(`exports.handler = () => {};`), want: `null`},
		{name: "ES module", handler: "index.handler", files: map[string]string{"index.mjs": `import fs from 'node:fs'; export const handler = async () => typeof fs.readFileSync;`}, want: `"function"`},
		{name: "ES module by package.json", handler: "src/app.main", files: map[string]string{"package.json": `{"type":"module"}`,
			"src/app.js": `export async function main() { return import.meta.url.slice(-10); }`}, want: `"src/app.js"`},
		{name: "nested", handler: "index.a.b", files: js(`exports.a = { b: async () => 1 };`), want: `1`},
		{name: "module with dependency", handler: "index.handler", files: map[string]string{"index.js": `exports.handler = async () => require('dep');`,
			"node_modules/dep/index.js": `module.exports = 'dependency';`}, want: `"dependency"`},
		{name: "throws", handler: "index.handler", files: js(`exports.handler = async () => { throw new RangeError('too far'); };`),
			want: `RangeError: too far`, log: `\tid-1\tERROR\tInvoke Error \t\{"errorType":"RangeError","errorMessage":"too far","stack":\[`},
		{name: "callback error", handler: "index.handler", files: js(`exports.handler = (e, c, cb) => cb('plain');`), want: `string: plain`},
		{name: "unhandled rejection", handler: "index.handler", files: js(`exports.handler = async () => { Promise.reject(new Error('lost')); await new Promise(() => setTimeout(() => {}, 60000)); };`),
			want: `Runtime.UnhandledPromiseRejection: Error: lost`},
		{name: "uncaught", handler: "index.handler", files: js(`exports.handler = () => { setTimeout(() => { throw new Error('later'); }, 1); };`), want: `Error: later`},
		{name: "console", handler: "index.handler", files: js(`exports.handler = async () => { console.log('one', {a: 1}); console.error('two\nlines'); return 1; };`), want: `1`,
			log: `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tid-1\tINFO\tone \{ a: 1 \}\n\S+Z\tid-1\tERROR\ttwo\rlines\n`},
		{name: "no module", handler: "app.handler", files: js(``), want: `Runtime.ImportModuleError: Error: Cannot find module 'app'`},
		{name: "no handler", handler: "index.main", files: js(``), want: `Runtime.HandlerNotFound: index.main is undefined or not exported`},
		{name: "bad handler", handler: "index", files: js(``), want: `Runtime.MalformedHandlerName: Bad handler`},
		{name: "syntax", handler: "index.handler", files: js(`exports.handler = {`), want: `Runtime.UserCodeSyntaxError: SyntaxError: Unexpected end of input`},
		{name: "fails at the top", handler: "index.handler", files: js(`throw new Error('no luck');`), want: `Error: no luck`, log: `INIT_REPORT|START`},
		{name: "cannot be written", handler: "index.handler", files: js(`exports.handler = async () => 1n;`), want: `Runtime.UnserializableResponse: Unable to stringify response body`},
		{name: "exit", handler: "index.handler", files: js(`exports.handler = async () => process.exit(4);`), want: `Runtime.ExitError: RequestId: id-1 Error: Runtime exited with error: exit status 4`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { t.Parallel(); tt.run(t, "nodejs22.x") })
	}
}

func TestNodeStream(t *testing.T) {
	needs(t, "node")
	h := newHost(t, usual(t))
	mustSet(t, h, latest(function.Version{Runtime: "nodejs20.x", Handler: "index.handler", Timeout: 20 * time.Second, Code: files(t, map[string]string{"index.mjs": `
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.http) stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { a: 'b' } });
  else stream.setContentType('text/plain');
  if (event.early) throw new TypeError('early');
  stream.write('one,');
  if (event.late) { await new Promise((done) => setTimeout(done, 20)); throw new TypeError('late'); }
  await pipeline(Readable.from(['two,', 'three']), stream);
});`})}))
	tests := []struct{ event, kind, body, fails string }{
		{`{}`, "text/plain", "one,two,three", ""},
		{`{"http":true}`, "application/vnd.awslambda.http-integration-response", `{"statusCode":201,"headers":{"a":"b"}}` + "\x00\x00\x00\x00\x00\x00\x00\x00one,two,three", ""},
		{`{"late":true}`, "text/plain", "one,", "TypeError"},
	}
	for range 2 { // the second time warm
		for _, tt := range tests {
			r := stream(t, h, tt.event)
			if r.Error != "" {
				t.Fatalf("%s: %s", tt.event, r.Payload)
			}
			b, err := io.ReadAll(r.Body)
			code := ""
			if e, ok := err.(*function.StreamError); ok { //nolint:errorlint // not wrapped
				code = e.Code
			} else if err != nil {
				t.Fatal(err)
			}
			if string(b) != tt.body || r.ContentType != tt.kind || code != tt.fails {
				t.Errorf("%s: %q as %s, error %q", tt.event, b, r.ContentType, code)
			}
		}
		if r := stream(t, h, `{"early":true}`); r.Error != "Unhandled" || !strings.Contains(string(r.Payload), `"errorType":"TypeError","errorMessage":"early"`) {
			t.Errorf("early: %+v %s", r, r.Payload)
		}
	}
	if r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN}); err != nil || string(r.Payload) != "one,two,three" {
		t.Errorf("not streamed: %s, %v", r.Payload, err)
	}
	if n := h.Instances(); n > 2 {
		t.Errorf("%d instances: they do not survive errors", n)
	}
}

func TestPython(t *testing.T) {
	needs(t, "python3")
	py := func(text string) map[string]string { return map[string]string{"app.py": text} }
	tests := []handlerTest{
		{name: "answers", handler: "app.handler", files: py("import os\ndef handler(event, context):\n    return {'got': event, 'mine': os.environ['MINE']}"),
			event: `{"a":1}`, want: `{"got": {"a": 1}, "mine": "here"}`},
		{name: "context", handler: "app.handler", files: py("def handler(event, c):\n    return [c.aws_request_id, c.function_name, c.memory_limit_in_mb, 0 < c.get_remaining_time_in_millis() <= 20000]"),
			want: `["id-1", "f", "512", true]`},
		{name: "package", handler: "pkg/mod.main", files: map[string]string{"pkg/mod.py": "def main(e, c): return __name__"}, want: `"pkg.mod"`},
		{name: "nothing", handler: "app.handler", files: py("def handler(e, c): pass"), want: `null`},
		{name: "raises", handler: "app.handler", files: py("def handler(e, c):\n    raise KeyError('x')"), want: `KeyError: 'x'`,
			log: `\[ERROR\] KeyError: 'x'\rTraceback \(most recent call last\):\r  File "\S+/app.py", line 2, in handler`},
		{name: "logs", handler: "app.handler", files: py("import logging\nlog = logging.getLogger()\nlog.setLevel('INFO')\ndef handler(e, c):\n    log.info('hi %s', 1)\n    print('plain')"), want: `null`,
			log: `\[INFO\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tid-1\thi 1\nplain\n`},
		{name: "no module", handler: "nope.handler", files: py(""), want: `Runtime.ImportModuleError: Unable to import module 'nope': No module named 'nope'`,
			log: `Error Type: Runtime.ImportModuleError`},
		{name: "no handler", handler: "app.main", files: py(""), want: `Runtime.HandlerNotFound: Handler 'main' missing on module 'app'`},
		{name: "bad handler", handler: "app", files: py(""), want: `Runtime.MalformedHandlerName: Bad handler 'app': not enough values to unpack (expected 2, got 1)`},
		{name: "syntax", handler: "app.handler", files: py("def handler("), want: `Runtime.UserCodeSyntaxError: Syntax error in module 'app': '(' was never closed (app.py, line 1)`},
		{name: "cannot be written", handler: "app.handler", files: py("def handler(e, c): return {1, 2}"), want: `Runtime.MarshalError: Unable to marshal response: Object of type set is not JSON serializable`},
		{name: "exit", handler: "app.handler", files: py("import sys\ndef handler(e, c): sys.exit(4)"), want: `Runtime.ExitError: RequestId: id-1 Error: Runtime exited with error: exit status 4`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { t.Parallel(); tt.run(t, "python3.13") })
	}
}

// Layers are found as if they lay below /opt, which they do in a sandbox; the
// last one wins.
func TestLayers(t *testing.T) {
	needs(t, "node")
	needs(t, "python3")
	layer := func(text string) string {
		return files(t, map[string]string{"nodejs/node_modules/dep/index.js": "module.exports = '" + text + "';", "python/dep.py": "name = '" + text + "'"})
	}
	layers := []string{layer("first"), layer("last")}
	for name, opt := range map[string]function.Options{"usual": usual(t), "no sandbox": {}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, opt)
			mustSet(t, h, latest(function.Version{Runtime: "nodejs20.x", Handler: "index.handler", Layers: layers, Timeout: 20 * time.Second,
				Code: files(t, map[string]string{"index.js": `exports.handler = async () => require('dep');`})}))
			r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Tail: true})
			if err != nil || string(r.Payload) != `"last"` {
				t.Errorf("node: %s, %v", r.Payload, err)
			}
			mustSet(t, h, latest(function.Version{Runtime: "python3.12", Handler: "app.handler", Layers: layers, Timeout: 20 * time.Second,
				Code: files(t, map[string]string{"app.py": "import dep\ndef handler(e, c): return dep.name"})}))
			if r := invoke(t, h, deed{}); string(r.Payload) != `"last"` {
				t.Errorf("python: %s", r.Payload)
			}
		})
	}
}

// A provider of custom resources puts its answer by TLS, whatever the URL says: what
// is such an answer goes to the URL. Nothing else does, for an event may be anybody's.
func TestAnswersOfCustomResources(t *testing.T) {
	seen := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.URL.Path }))
	defer server.Close()
	port := server.URL[strings.LastIndexByte(server.URL, ':')+1:]
	const node = `const https = require('https');
exports.handler = (event) => new Promise((done) => {
  const req = https.request({ hostname: '127.0.0.1', port: event.port, path: event.path, method: 'PUT' }, (res) => { res.resume(); done('put'); });
  req.on('error', () => done('refused'));
  req.end('x');
});`
	const python = `import http.client
def handler(event, context):
    try:
        c = http.client.HTTPSConnection("127.0.0.1", event["port"], timeout=10)
        c.request("PUT", event["path"], "x")
        c.getresponse().read()
        return "put"
    except OSError:
        return "refused"`
	const answer = "/_aws/cloudformation/answers/secret"
	tests := []struct{ url, path, want string }{ // the URL in the event, where the function puts something
		{server.URL + answer, answer, "put"},
		{server.URL + "/pay", "/pay", "refused"},
		{server.URL + answer + "/../../../../pay", "/pay", "refused"},
		{"http://127.0.0.2:" + port + answer + "2", answer + "2", "refused"},
		{"http://[", "/pay", "refused"},
		{"http://127.0.0.1:port" + answer, "/pay", "refused"},
	}
	for runtime, v := range map[string]function.Version{
		"node":    {Runtime: "nodejs20.x", Handler: "index.handler", Code: files(t, map[string]string{"index.js": node})},
		"python3": {Runtime: "python3.12", Handler: "app.handler", Code: files(t, map[string]string{"app.py": python})},
	} {
		t.Run(runtime, func(t *testing.T) {
			needs(t, runtime)
			h := newHost(t, usual(t))
			v.Timeout = 20 * time.Second
			mustSet(t, h, latest(v))
			for _, tt := range tests {
				r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Payload: fmt.Appendf(nil, `{"StackId":"s","ResponseURL":%q,"port":%s,"path":%q}`, tt.url, port, tt.path)})
				if err != nil || string(r.Payload) != quote(tt.want) {
					t.Errorf("%s with %s: %s, %v, want %s", tt.path, tt.url, r.Payload, err, tt.want)
				}
				if tt.want == "put" {
					if got := <-seen; got != tt.path {
						t.Errorf("put to %s, want %s", got, tt.path)
					}
				}
			}
			if len(seen) > 0 {
				t.Errorf("sent without TLS: %s", <-seen)
			}
		})
	}
}
