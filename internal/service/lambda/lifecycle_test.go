package lambda

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/function"
)

// A function is made, called, changed and deleted; the host follows each step.
func TestLifecycle(t *testing.T) {
	c := newClient(t)
	c.sync()
	out := c.must("POST", functionsPath, newFunction(doc{"Environment": doc{"Variables": doc{"A_1": "b"}}, "Timeout": 7, "Tags": doc{"k": "v"}}))
	for _, name := range []string{"RevisionId", "LastModified", "CodeSha256", "CodeSize"} {
		if out[name] == nil {
			t.Errorf("CreateFunction has no %s", name)
		}
		delete(out, name)
	}
	want := doc{
		"FunctionName": "hello", "FunctionArn": testPrefix + "hello", "Runtime": "python3.12", "Handler": "main.handler",
		"Role": "arn:aws:iam::111111111111:role/r", "Description": "", "Timeout": 7.0, "MemorySize": 128.0, "Version": "$LATEST",
		"PackageType": "Zip", "Architectures": []any{"x86_64"}, "TracingConfig": doc{"Mode": "PassThrough"},
		"EphemeralStorage": doc{"Size": 512.0}, "SnapStart": doc{"ApplyOn": "None", "OptimizationStatus": "Off"},
		"LoggingConfig": doc{"LogFormat": "Text", "LogGroup": "/aws/lambda/hello"}, "State": "Active", "LastUpdateStatus": "Successful",
		"Environment": doc{"Variables": doc{"A_1": "b"}},
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("CreateFunction (-want +got):\n%s", diff)
	}
	if got := c.code("$LATEST", "main.py"); got != "one" {
		t.Errorf("code of the host = %q, want one", got)
	}
	v := c.host.def(testPrefix + "hello").Versions["$LATEST"]
	v.Code = ""
	if diff := cmp.Diff(function.Version{Runtime: "python3.12", Handler: "main.handler", Env: map[string]string{"A_1": "b"}, Memory: 128, Tmp: 512,
		Timeout: 7 * time.Second, Role: "arn:aws:iam::111111111111:role/r", LogGroup: "/aws/lambda/hello"}, v); diff != "" {
		t.Errorf("definition (-want +got):\n%s", diff)
	}

	c.must("PUT", helloPath+"/code", doc{"ZipFile": zipOf("main.py", "two")})
	if got := c.code("$LATEST", "main.py"); got != "two" {
		t.Errorf("code after UpdateFunctionCode = %q, want two", got)
	}
	out = c.must("PUT", helloPath+"/configuration", doc{"MemorySize": 256, "Description": "d", "Environment": doc{}})
	if out["MemorySize"] != 256.0 || out["Description"] != "d" || out["Timeout"] != 7.0 || out["Environment"] != nil {
		t.Errorf("after UpdateFunctionConfiguration: %v", out)
	}
	got := c.must("GET", helloPath, nil)
	if tags := got["Tags"]; !cmp.Equal(tags, doc{"k": "v"}) {
		t.Errorf("Tags = %v", tags)
	}
	list := c.must("GET", functionsPath+"/", nil)["Functions"].([]any)
	if len(list) != 1 || list[0].(doc)["FunctionName"] != "hello" || list[0].(doc)["State"] != nil {
		t.Errorf("ListFunctions = %v", list)
	}
	if code, _ := c.do("DELETE", helloPath, nil); code != http.StatusNoContent {
		t.Errorf("DeleteFunction answers %d, want 204", code)
	}
	if def := c.host.def(testPrefix + "hello"); def != nil {
		t.Errorf("the host still has %v", def.ARN)
	}
	c.fail("GET", helloPath, nil, "404 ResourceNotFoundException: Function not found: "+testPrefix+"hello")
}

// Code can be fetched from the address that GetFunction gives, and from no other.
func TestDownload(t *testing.T) {
	c := newClient(t)
	c.must("POST", functionsPath, newFunction(nil))
	location := c.must("GET", helloPath, nil)["Code"].(doc)["Location"].(string)
	get := func(url string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		c.svc.ServeHTTP(w, httptest.NewRequest("GET", url, http.NoBody))
		return w
	}
	if w := get(location); w.Code != 200 || w.Body.String() != string(zipOf("main.py", "one")) {
		t.Errorf("GET %s = %d, %d bytes", location, w.Code, w.Body.Len())
	}
	for _, bad := range []string{strings.Replace(location, "signature=", "signature=0", 1), strings.Replace(location, "expires=", "expires=9", 1),
		strings.Replace(location, testAccount, "222222222222", 1), strings.Split(location, "?")[0]} {
		if w := get(bad); w.Code != http.StatusForbidden {
			t.Errorf("GET %s = %d, want 403", bad, w.Code)
		}
	}
}

// What is recorded is there again for a host that starts anew, code included.
func TestSyncAfterRestart(t *testing.T) {
	c := newClient(t)
	c.must("POST", functionsPath, newFunction(doc{"Publish": true}))
	c.must("POST", helloPath+"/aliases", doc{"Name": "live", "FunctionVersion": "1"})
	entries, err := filepath.Glob(c.dir + "/*")
	if err != nil || len(entries) == 0 {
		t.Fatalf("nothing was unpacked: %v", err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(e); err != nil {
			t.Fatal(err)
		}
	}
	c.host.defs["arn:aws:lambda:eu-west-1:111111111111:function:stale"] = &function.Definition{}
	c.sync()
	if got := c.code("1", "main.py"); got != "one" {
		t.Errorf("code of version 1 = %q, want one", got)
	}
	if got := c.host.def(testPrefix + "hello").Aliases["live"].Version; got != "1" {
		t.Errorf("live points at %q, want 1", got)
	}
	if got := c.host.ARNs(); len(got) != 1 {
		t.Errorf("the host has %v, want hello alone", got)
	}
}

// A directory is run as it stands.
func TestDirectory(t *testing.T) {
	c := newClient(t)
	c.sync()
	dir := t.TempDir()
	out := c.must("POST", functionsPath, newFunction(doc{"Code": doc{"S3Bucket": "hot-reload", "S3Key": dir}}))
	if out["CodeSize"] != 0.0 {
		t.Errorf("CodeSize = %v, want 0", out["CodeSize"])
	}
	if v := c.host.def(testPrefix + "hello").Versions["$LATEST"]; v.Code != dir || !v.Watch {
		t.Errorf("the host runs %q, watched %v; want %q, watched", v.Code, v.Watch, dir)
	}
	c.fail("PUT", helloPath+"/code", doc{"S3Bucket": "hot-reload", "S3Key": dir + "/nothing"},
		"400 InvalidParameterValueException: The directory "+dir+"/nothing is not there")
	c.fail("PUT", helloPath+"/code", doc{"S3Bucket": "hot-reload", "S3Key": "code"},
		"400 InvalidParameterValueException: The directory code is not an absolute path")
}

func TestSweep(t *testing.T) {
	c := newClient(t)
	c.must("POST", functionsPath, newFunction(nil))
	c.must("PUT", helloPath+"/code", doc{"ZipFile": zipOf("main.py", "two")})
	count := func() int {
		entries, err := os.ReadDir(c.dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if n := count(); n != 2 {
		t.Fatalf("%d directories of code, want 2", n)
	}
	for range 2 {
		if _, err := c.svc.Sweep(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	refs, err := references(t.Context(), c.svc.tablesOf(testScope))
	if err != nil || len(refs) != 1 {
		t.Fatalf("references = %v, %v, want one", refs, err)
	}
	for ref := range refs {
		if _, err := c.svc.tablesOf(testScope).Blobs.Get(t.Context(), ref); err != nil {
			t.Errorf("the zip file in use: %v", err)
		}
	}
	// Unpacked code may be in use by what runs: it stays for a while.
	if n := count(); n != 2 {
		t.Errorf("%d directories of code after sweeping, want 2", n)
	}
}
