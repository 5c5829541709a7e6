package ascode_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"gatehouse/test/gatehousetest"
)

// pullRegion is the Region of an account that is pulled.
const pullRegion = "us-east-1"

// TestPull pulls the settings of an account that uses all of them out of one
// server and into another, compares both call by call of the public API, and
// sends both the same requests.
func TestPull(t *testing.T) {
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Method, " ", r.URL)
	}))
	defer backend.Close()
	lb := "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/shop/0123456789abcdef"
	a, b := startPlain(t, bin, lb), startPlain(t, bin, lb)
	vars := map[string]string{"lb": lb, "backend": strings.TrimPrefix(backend.URL, "http://")}
	seed(t, a, "testdata/pull/account.calls", vars)

	dir := filepath.Join(t.TempDir(), "settings")
	pulled := pull(t, bin, a, 3, dir, "--key-values", "--into", "--data", b.Data)
	var left []string
	for _, l := range pulled.Left {
		left = append(left, regexp.MustCompile("certificate [a-z0-9]+").ReplaceAllString(l.What, "certificate ID"))
	}
	if diff := gocmp.Diff([]string{
		"client certificate ID", "REST API loose: documentation version 0", "REST API loose: model Empty: description", "REST API loose: model Empty: schema",
		"REST API loose: model Error: description", "REST API loose: model Error: schema", "WebSocket API chat: what stage live serves",
	}, left); diff != "" {
		t.Errorf("what is not carried (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(dir, "entrances.parameters.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("values of keys: %v, %v, want a file that only its owner may read", info, err)
	}
	had, has := everything(t, a), everything(t, b)
	delete(had, "/restapis/<restapis loose>/models") // it is among what is not carried
	delete(has, "/restapis/<restapis loose>/models")
	if diff := gocmp.Diff(had, has); diff != "" {
		t.Errorf("what was pulled differs from the source (-source +copy):\n%s", diff)
	}
	cmd := exec.CommandContext(t.Context(), bin, "deploy", dir, "--data", b.Data)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("deploy once more: %v\n%s", err, out)
	}
	again := everything(t, b)
	delete(again, "/restapis/<restapis loose>/models")
	if diff := gocmp.Diff(has, again); diff != "" {
		t.Errorf("a second deployment changed (-before +after):\n%s", diff)
	}
	sameAnswers(t, a, b)
}

// sameAnswers sends the same requests to both servers.
func sameAnswers(t *testing.T, a, b *gatehousetest.Server) {
	t.Helper()
	ids := func(s *gatehousetest.Server) map[string]string {
		c, err := s.Client()
		if err != nil {
			t.Fatal(err)
		}
		var rest struct{ Item []struct{ ID, Name string } }
		var newer struct {
			Items []struct{ APIID, Name string }
		}
		if err := errors.Join(c.Call(t.Context(), http.MethodGet, "/restapis", nil, &rest), c.Call(t.Context(), http.MethodGet, "/v2/apis", nil, &newer)); err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, api := range rest.Item {
			out[api.Name] = api.ID
		}
		for _, api := range newer.Items {
			out[api.Name] = api.APIID
		}
		return out
	}
	of := map[*gatehousetest.Server]map[string]string{a: ids(a), b: ids(b)}
	for _, tt := range []struct {
		api, method, path string
		header            map[string]string
		want              string // what the answer has in it
	}{
		{"pets", "GET", "/prod/pets", map[string]string{"X-Trace": "1"}, `200 [{"name":"rex"}]`},
		{"pets", "GET", "/prod/pets", nil, `400 {"message":"Missing required request parameters: [X-Trace]"}`},
		{"pets", "GET", "/prod/pets/1", nil, "403"},
		{"pets", "POST", "/prod/pets", nil, `418 {"short":true}`},
		{"pets", "GET", "/test/", nil, `200 {"state":"test"}`},
		{"pets", "GET", "/prod/", nil, "403"},
		{"web", "GET", "/v1/web", nil, "200 GET /other"},
		{"web", "GET", "/anything", nil, `403 {"message":"Forbidden"}`},
		{"web", "POST", "/web/1", nil, `401 {"message":"Unauthorized"}`},
		{"loose", "GET", "/one/", nil, "403"},
		{"chat", "GET", "/live", nil, ""},
	} {
		had, has := send(t, a, of[a][tt.api], tt.method, tt.path, tt.header), send(t, b, of[b][tt.api], tt.method, tt.path, tt.header)
		if had != has || !strings.HasPrefix(had, tt.want) {
			t.Errorf("%s %s of %s: source %q, copy %q, want %q", tt.method, tt.path, tt.api, had, has, tt.want)
		}
	}
	for _, host := range []string{"api.example.com", "rules.example.com"} {
		for _, path := range []string{"/pets/pets", "/a/b/web", "/", "/p/pets"} {
			header := map[string]string{"Host": host, "X-Trace": "1", "X-Version": "1.2"}
			if had, has := send(t, a, "", "GET", path, header), send(t, b, "", "GET", path, header); had != has {
				t.Errorf("%s%s: source %q, copy %q", host, path, had, has)
			}
		}
	}
}

// send calls an API of a server, or a host of it, and returns status and body.
func send(t *testing.T, s *gatehousetest.Server, id, method, path string, header map[string]string) string {
	t.Helper()
	at := s.DataPlane() + path
	if id != "" {
		at = s.DataPlane() + "/_aws/execute-api/" + id + path
	}
	req, err := http.NewRequestWithContext(t.Context(), method, at, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	req.Host = cmp.Or(header["Host"], req.Host)
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", string(body))
}

func startPlain(t *testing.T, bin, lb string) *gatehousetest.Server {
	t.Helper()
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), "--load-balancer", lb+"=127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// A pulledAccount is what "gatehouse pull" tells.
type pulledAccount struct {
	Stacks []struct {
		StackName string
		Templates []string
	}
	Left []struct{ What, Why string }
}

// pull runs "gatehouse pull" on a server, which must end with code.
func pull(t *testing.T, bin string, from *gatehousetest.Server, code int, args ...string) *pulledAccount {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, append([]string{"pull", "--output", "json", "--endpoint-url", from.Endpoint(), "--region", pullRegion}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(from.Data, "root-credential"), "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=")
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() != code {
		t.Fatalf("pull: %v, want code %d\n%s", err, code, lastOf(log.Bytes()))
	}
	p := &pulledAccount{}
	readJSON(t, out.Bytes(), p)
	return p
}

// seed makes the calls of a file.
func seed(t *testing.T, s *gatehousetest.Server, file string, vars map[string]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range callLines(text) {
		words := strings.SplitN(line, " ", 3)
		method, path, rest := words[0], words[1], ""
		if len(words) == 3 {
			rest = words[2]
		}
		capture, body, _ := strings.Cut(rest, " ")
		if strings.HasPrefix(rest, "{") {
			capture, body = "", rest
		}
		fill := func(text string) string {
			for name, value := range vars {
				text = strings.ReplaceAll(text, "$"+name+"$", value)
			}
			return strings.ReplaceAll(text, "$${", "${")
		}
		var in any
		if body != "" {
			in = []byte(fill(body))
		}
		var out map[string]any
		answer := any(&out)
		if method == http.MethodDelete {
			answer = nil
		}
		path = (&url.URL{Path: fill(path)}).EscapedPath()
		if err := c.Call(t.Context(), method, path, in, answer); err != nil {
			t.Fatalf("%s: %v", fill(line), err)
		}
		if name, member, ok := strings.Cut(capture, "="); ok {
			vars[name], _ = out[member].(string)
		}
	}
}

// callLines are the lines of a file of calls, each whole.
func callLines(text []byte) []string {
	var lines []string
	sc := bufio.NewScanner(bytes.NewReader(text))
	for sc.Scan() {
		switch line := sc.Text(); {
		case strings.HasPrefix(line, " "):
			lines[len(lines)-1] += " " + strings.TrimSpace(line)
		case line != "" && !strings.HasPrefix(line, "#"):
			lines = append(lines, line)
		}
	}
	return lines
}

// A crawler reads all that lists of the API show, with names in place of ids.
type crawler struct {
	t     *testing.T
	c     *gatehousetest.Client
	names []string // id, name, id, name, …
	found map[string]any
}

// everything is all that the public API tells of API Gateway.
func everything(t *testing.T, s *gatehousetest.Server) map[string]string {
	t.Helper()
	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	cr := &crawler{t: t, c: client, found: map[string]any{}}
	for _, path := range []string{"/clientcertificates", "/vpclinks", "/v2/vpclinks", "/apikeys?includeValues=true", "/usageplans", "/domainnames", "/v2/domainnames", "/restapis", "/v2/apis"} {
		cr.list(path)
	}
	cr.one("/account")
	return cr.named()
}

// below are the lists under each item of a list.
func below() map[string][]string {
	return map[string][]string{
		"restapis":     {"resources?embed=methods&limit=500", "models", "authorizers", "requestvalidators", "gatewayresponses", "documentation/parts", "documentation/versions", "stages"},
		"apis":         {"routes", "integrations", "authorizers", "models", "stages"},
		"routes":       {"routeresponses"},
		"integrations": {"integrationresponses"},
		"usageplans":   {"keys"},
		"domainnames":  {"apimappings", "routingrules"},
	}
}

func (cr *crawler) one(path string) map[string]any {
	var out map[string]any
	if err := cr.c.Call(cr.t.Context(), http.MethodGet, path, nil, &out); err != nil {
		cr.t.Fatalf("%s: %v", path, err)
	}
	cr.found[path] = out
	return out
}

func (cr *crawler) list(path string) {
	out := cr.one(path)
	items, _ := cmp.Or[any](out["item"], out["items"], out["routingRules"]).([]any)
	bare, _, _ := strings.Cut(path, "?")
	kind := bare[strings.LastIndexByte(bare, '/')+1:]
	for _, it := range items {
		m, _ := it.(map[string]any)
		id, name := cr.name(kind, m)
		if kind == "stages" && !strings.HasPrefix(bare, "/v2") {
			cr.export(bare+"/"+name, m)
		}
		if strings.HasPrefix(bare, "/v2") || kind != "domainnames" {
			for _, sub := range below()[kind] {
				cr.list(bare + "/" + url.PathEscape(id) + "/" + sub)
			}
		}
	}
}

// export keeps what a stage serves.
func (cr *crawler) export(stage string, m map[string]any) {
	name := stage[strings.LastIndexByte(stage, '/')+1:]
	doc := cr.one(stage + "/exports/oas30?extensions=apigateway,documentation")
	delete(doc, "servers")
	if info, _ := doc["info"].(map[string]any); strings.HasSuffix(fmt.Sprint(info["version"]), "Z") {
		delete(info, "version") // AWS: of an API without one, when it was made
	}
	if d, ok := doc["x-amazon-apigateway-documentation"].(map[string]any); ok {
		delete(d, "createdDate")
	}
	cr.id(m["deploymentId"], "deployment of "+name)
	if c, ok := m["canarySettings"].(map[string]any); ok {
		cr.id(c["deploymentId"], "deployment of the canary of "+name)
	}
}

func (cr *crawler) id(id any, name string) {
	if s, ok := id.(string); ok && s != "" && len(s) > 4 && !slices.Contains(cr.names, s) {
		cr.names = append(cr.names, s, "<"+name+">")
	}
}

// name is what an item is called by its id, and what it is called by people.
func (cr *crawler) name(kind string, m map[string]any) (id, name string) {
	if kind == "apimappings" {
		delete(m, "apiMappingId") // it may be told by nothing
	}
	for _, member := range []string{"apiId", "routeId", "integrationId", "authorizerId", "modelId", "vpcLinkId", "clientCertificateId", "routingRuleId",
		"routeResponseId", "integrationResponseId", "id"} {
		if s, ok := m[member].(string); ok && id == "" && (kind != "apimappings" || member != "apiId") && (kind != "routes" || member != "authorizerId") {
			id = s
		}
	}
	for _, member := range []string{"stageName", "domainName", "name", "path", "routeKey", "description", "integrationUri", "integrationType", "routeResponseKey", "integrationResponseKey", "apiMappingKey", "location", "priority"} {
		if v, ok := m[member]; ok && name == "" {
			name = fmt.Sprint(v)
		}
	}
	if id == "" || kind == "stages" || kind == "domainnames" {
		return cmp.Or(id, name), name
	}
	cr.id(id, kind+" "+name)
	return id, name
}

// named is what was found as JSON, by path, with names in place of ids, without
// what no two servers have in common.
func (cr *crawler) named() map[string]string {
	replace := strings.NewReplacer(cr.names...)
	gone := regexp.MustCompile(`^(createdDate|lastUpdatedDate|deploymentId|pemEncodedCertificate|expirationDate|apiEndpoint|apiGatewayManaged|routingRuleArn|apiGatewayDomainName|regionalDomainName|lastDeploymentStatusMessage|importInfo)$`)
	out := map[string]string{}
	for path, v := range cr.found {
		v = without(v, func(k string, v any) bool {
			s, _ := v.(string)
			return gone.MatchString(k) && !strings.Contains(replace.Replace(s), "<deployment") || strings.HasPrefix(k, "aws:cloudformation:")
		})
		text, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			cr.t.Fatal(err)
		}
		out[replace.Replace(path)] = replace.Replace(string(text))
	}
	return out
}

// without takes members out, and sorts lists of objects: the order of lists of the
// API is that of ids.
func without(v any, gone func(string, any) bool) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if gone(k, e) {
				delete(v, k)
				continue
			}
			v[k] = without(e, gone)
			if tags, ok := v[k].(map[string]any); ok && k == "tags" && len(tags) == 0 {
				delete(v, k)
			}
		}
	case string:
		return canonical(v)
	case []any:
		for i := range v {
			v[i] = without(v[i], gone)
		}
		slices.SortStableFunc(v, func(x, y any) int { return strings.Compare(sortText(x), sortText(y)) })
	}
	return v
}

// canonical is a text that holds JSON, its members in order.
func canonical(text string) string {
	var v any
	plain := strings.ReplaceAll(text, `\"`, `"`) // AWS: policies are escaped once more
	if !strings.HasPrefix(plain, "{") || json.Unmarshal([]byte(plain), &v) != nil {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(b)
}

// sortText is an item without what differs between servers.
func sortText(v any) string {
	if m, ok := v.(map[string]any); ok {
		for _, member := range []string{"stageName", "domainName", "name", "path", "routeKey", "description", "integrationUri", "integrationType", "routeResponseKey", "integrationResponseKey", "apiMappingKey", "priority", "location", "responseType"} {
			if s, ok := m[member]; ok {
				return fmt.Sprint(s)
			}
		}
	}
	return fmt.Sprint(v)
}
