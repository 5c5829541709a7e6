package takeout

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/apigateway"
)

// answers are a source: JSON by path, without query. What is not there is an empty
// list; what begins with ! is refused.
type answers map[string]string

func (a answers) Get(_ context.Context, path string) ([]byte, error) {
	at, _, _ := strings.Cut(path, "?")
	text, ok := a[at]
	if kind, refused := strings.CutPrefix(text, "!"); refused {
		return nil, &Refusal{Status: 403, Kind: kind, Message: "no"}
	}
	if !ok {
		text = "{}"
	}
	return []byte(text), nil
}

func taken1(t *testing.T, a answers, opt Options) *Takeout {
	t.Helper()
	out, err := Take(t.Context(), a, opt)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func lefts(o *Takeout) []string {
	var list []string
	for _, l := range o.Left {
		list = append(list, l.What)
	}
	return list
}

// TestTakeNamesWhatItLeaves: members that nobody knows, properties that templates
// do not have, lists that may not be read.
func TestTakeNamesWhatItLeaves(t *testing.T) {
	out := taken1(t, answers{
		"/restapis":           `{"item": [{"id": "a1", "name": "pets", "newThing": {"a": 1}, "_links": {}, "createdDate": 1700000000}]}`,
		"/restapis/a1/stages": `{"item": [{"stageName": "prod", "webAclArn": "arn:x", "methodSettings": {"*/*": {"requireAuthorizationForCacheControl": false}}}]}`,
		"/usageplans":         `{"item": [{"id": "p", "name": "gold", "productCode": "x", "apiStages": [{"apiId": "gone", "stage": "prod"}]}]}`,
		"/apikeys":            `{"item": [{"id": "k", "name": "web", "stageKeys": []}]}`,
		"/v2/apis":            `!AccessDeniedException`,
		"/v2/portals":         `{"items": [{"portalId": "p1"}]}`,
	}, Options{})
	want := []string{
		"REST APIs: newThing", "REST API pets: stage prod: web ACL", "REST API pets: stage prod: settings of */*: requireAuthorizationForCacheControl",
		"HTTP and WebSocket APIs", "API key web: value", "usage plan gold: API gone stage prod", "usage plan gold: productCode", "portal p1",
	}
	if diff := cmp.Diff(want, lefts(out)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// TestTakeSystemTags: what a stack has made has tags that no template may have.
func TestTakeSystemTags(t *testing.T) {
	out := taken1(t, answers{
		"/restapis": `{"item": [{"id": "a1", "name": "pets", "tags": {"aws:cloudformation:stack-name": "s", "team": "x"}}]}`,
		"/v2/apis":  `{"items": [{"apiId": "h1", "name": "toys", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action", "tags": {"aws:cloudformation:stack-name": "s"}}]}`,
	}, Options{})
	if len(out.Stacks) != 2 {
		t.Fatalf("took %d stacks", len(out.Stacks))
	}
	for i, want := range []any{[]any{map[string]any{"Key": "team", "Value": "x"}}, nil} {
		steps := out.Stacks[i].Steps
		if got := steps[len(steps)-1].Resources["API"].Properties["Tags"]; !cmp.Equal(got, want) {
			t.Errorf("stack %s: tags %v, want %v", out.Stacks[i].Name, got, want)
		}
	}
}

// TestTakeOneAPI: others are not read, and one that is not there is an error.
func TestTakeOneAPI(t *testing.T) {
	source := answers{"/restapis": `{"item": [{"id": "a1", "name": "pets"}, {"id": "b2", "name": "toys"}]}`, "/restapis/b2/models": `!Unexpected`}
	out := taken1(t, source, Options{APIs: []string{"pets"}})
	if len(out.Stacks) != 1 || out.Stacks[0].Name != "api-pets-a1" || len(out.Left) != 0 {
		t.Errorf("took %v, left %v; want the stack of pets alone", out.Stacks, out.Left)
	}
	if _, err := Take(t.Context(), source, Options{APIs: []string{"none"}}); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("an API that is not there: %v", err)
	}
}

// pages are a source that has two pages of APIs, and refuses to be told how large
// they are to be.
type pages struct{ asked []string }

func (p *pages) Get(_ context.Context, path string) ([]byte, error) {
	if !strings.HasPrefix(path, "/restapis?") && path != "/restapis" {
		return []byte("{}"), nil
	}
	p.asked = append(p.asked, path)
	switch {
	case strings.Contains(path, "limit="):
		return nil, &Refusal{Status: 400, Kind: "BadRequestException"}
	case strings.Contains(path, "position=more"):
		return []byte(`{"item": [{"id": "b2", "name": "toys"}]}`), nil
	}
	return []byte(`{"item": [{"id": "a1", "name": "pets"}], "position": "more"}`), nil
}

func TestTakePages(t *testing.T) {
	source := &pages{}
	out, err := Take(t.Context(), source, Options{})
	if err != nil || len(out.Stacks) != 2 {
		t.Errorf("took %v, %v; want two stacks", out, err)
	}
	if diff := cmp.Diff([]string{"/restapis?limit=500", "/restapis", "/restapis?position=more"}, source.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// TestTakeFails: what is no refusal ends it, and says where.
func TestTakeFails(t *testing.T) {
	_, err := Take(t.Context(), answers{"/restapis": `{"item": `}, Options{})
	if err == nil || !strings.Contains(err.Error(), "/restapis") {
		t.Errorf("an answer that is no JSON: %v", err)
	}
}

// TestWrite: names of files are ours, whatever the source says; secrets are for
// their owner alone; files of an earlier takeout go, and no others.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	first := taken1(t, answers{
		"/restapis": `{"item": [{"id": "../../x", "name": "../../etc/passwd"}, {"id": "a1", "name": "pets"}]}`,
		"/apikeys":  `{"item": [{"id": "k", "name": "web", "value": "secret-secret-secret-1", "stageKeys": []}]}`,
	}, Options{KeyValues: true})
	m, err := first.Write(dir, "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, st := range m.Stacks {
		files = append(files, st.Templates...)
	}
	if diff := cmp.Diff([]string{"apis/etc-passwd-x.yaml", "apis/pets-a1.yaml", "entrances.yaml"}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	secret := filepath.Join(dir, "entrances.parameters.json")
	if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secrets: %v %v", info, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "entrances.yaml"))
	if err != nil || strings.Contains(string(text), "secret-secret") {
		t.Errorf("the template holds the value of the key (or %v)", err)
	}
	own := filepath.Join(dir, "own.txt")
	if err := os.WriteFile(own, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := taken1(t, answers{"/restapis": `{"item": [{"id": "a1", "name": "pets"}]}`}, Options{}).Write(dir, "eu-west-1"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"apis/pets-a1.yaml": true, "own.txt": true, "apis/etc-passwd-x.yaml": false, "entrances.yaml": false, "entrances.parameters.json": false} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
}

// TestReadManifest: a manifest names no file outside of its directory.
func TestReadManifest(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"../x.yaml", "/etc/passwd"} {
		text, err := json.Marshal(Manifest{Stacks: []Deployed{{Name: "a", Templates: []string{name}}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, ManifestName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadManifest(dir); err == nil || !strings.Contains(err.Error(), "outside") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadManifest(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no manifest: %v", err)
	}
}

// TestLogical: an id is the same for the same thing, and another one for another.
func TestLogical(t *testing.T) {
	b := (&taker{ids: map[string]reference{}}).builder("s", "about")
	seen := map[string]string{}
	for _, what := range []string{"Method GET /pets", "Method GET /pe/ts", "Method GET pets", "Stage prod", "Stage $default", "Stage default", strings.Repeat("long ", 100)} {
		id := b.logical(what)
		if other, taken := seen[id]; taken || len(id) > 255 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Errorf("%q becomes %q, as %q does", what, id, other)
		}
		if seen[id] = what; b.logical(what) != id {
			t.Errorf("%q has two ids", what)
		}
	}
}

func TestUnescaped(t *testing.T) {
	for in, want := range map[string]string{
		`{\"Version\":\"2012-10-17\",\"a\":\"b\\\\c\"}`: `{"Version":"2012-10-17","a":"b\\c"}`,
		`{"Version":"2012-10-17"}`:                      `{"Version":"2012-10-17"}`,
	} {
		if got := unescaped(&in); *got != want {
			t.Errorf("%s becomes %s, want %s", in, *got, want)
		}
	}
}

// TestPolicy: ARNs of the API itself are written in their short form, others are
// not touched.
func TestPolicy(t *testing.T) {
	a := &restAPI{t: &taker{}, id: "a1", info: api.RestApi{}}
	got, err := json.Marshal(a.policy(`{"Resource": ["arn:aws:execute-api:eu-west-1:1:a1/prod/GET/x", "arn:aws:execute-api:eu-west-1:1:b2/*", "*"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"Resource":["execute-api:/prod/GET/x","arn:aws:execute-api:eu-west-1:1:b2/*","*"]}`; string(got) != want {
		t.Errorf("policy %s, want %s", got, want)
	}
}

// TestPoint: ids become references where ids stand, and nowhere else.
func TestPoint(t *testing.T) {
	tk := &taker{ids: map[string]reference{"link01": {stack: "account", logical: "Link", export: "account-Link"}, "dep01": {stack: "s", logical: "Dep"}}}
	b := tk.builder("s", "about")
	got := b.point("Body", map[string]any{
		"connectionId": "link01", "description": "link01", "ConnectionId": "${stageVariables.link}",
		"Variables": map[string]any{"link": "link01", "name": "other"}, "DeploymentId": "dep01", "Name": "dep01", "list": []any{map[string]any{"ApiId": "link01"}},
	})
	imported := map[string]any{"Fn::ImportValue": "account-Link"}
	want := map[string]any{
		"connectionId": imported, "description": "link01", "ConnectionId": "${stageVariables.link}",
		"Variables": map[string]any{"link": imported, "name": "other"}, "DeploymentId": map[string]any{"Ref": "Dep"}, "Name": "dep01",
		"list": []any{map[string]any{"ApiId": imported}},
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTakeCertificate: a certificate's ARN is a parameter, for elsewhere there is
// another.
func TestTakeCertificate(t *testing.T) {
	const arn = "arn:aws:acm:eu-west-1:111122223333:certificate/x"
	out := taken1(t, answers{"/domainnames": `{"item": [{"domainName": "pets.example.com", "regionalCertificateArn": "` + arn + `", "endpointConfiguration": {"types": ["REGIONAL"]}}]}`}, Options{})
	last := out.Stacks[len(out.Stacks)-1].Steps[0]
	var name string
	for n, p := range last.Parameters {
		if p.Default == arn && !p.NoEcho {
			name = n
		}
	}
	for _, r := range last.Resources {
		if diff := cmp.Diff(map[string]any{"Ref": name}, r.Properties["RegionalCertificateArn"]); diff != "" {
			t.Errorf("RegionalCertificateArn (-want +got):\n%s", diff)
		}
	}
	if len(out.Left) != 1 || !strings.Contains(out.Left[0].What, arn) || !strings.Contains(out.Left[0].Why, name) {
		t.Errorf("left: %v, want the certificate and its parameter %s", out.Left, name)
	}
}

// TestTakeHidden: an API of which a part is not shown is left whole, with what
// leads to it; the others are taken.
func TestTakeHidden(t *testing.T) {
	for _, hidden := range []string{"/restapis/a1/authorizers", "/restapis/a1/stages", "/v2/apis/h1/authorizers", "/v2/apis/w1/routes/r1/routeresponses"} {
		source := answers{
			"/restapis":               `{"item": [{"id": "a1", "name": "pets"}]}`,
			"/v2/apis":                `{"items": [{"apiId": "h1", "name": "web", "protocolType": "HTTP"}, {"apiId": "w1", "name": "chat", "protocolType": "WEBSOCKET"}]}`,
			"/v2/apis/h1/routes":      `{"items": [{"routeId": "r1", "routeKey": "GET /a", "authorizationType": "JWT", "authorizerId": "j1"}]}`,
			"/v2/apis/h1/authorizers": `{"items": [{"authorizerId": "j1", "name": "jwt", "authorizerType": "JWT", "identitySource": ["$request.header.Authorization"], "jwtConfiguration": {"issuer": "https://issuer.example", "audience": ["a"]}}]}`,
			"/v2/apis/w1/routes":      `{"items": [{"routeId": "r1", "routeKey": "say"}]}`,
			"/domainnames":            `{"item": [{"domainName": "example.com"}]}`,
			"/v2/domainnames/example.com/apimappings": `{"items": [{"apiId": "a1", "stage": "s", "apiMappingKey": "a1"}, {"apiId": "h1", "stage": "s", "apiMappingKey": "h1"}, {"apiId": "w1", "stage": "s", "apiMappingKey": "w1"}]}`,
			"/v2/domainnames/example.com/routingrules": `{"routingRules": [{"routingRuleId": "a1", "actions": [{"invokeApi": {"apiId": "a1"}}]}, {"routingRuleId": "h1", "actions": [{"invokeApi": {"apiId": "h1"}}]},
				{"routingRuleId": "w1", "actions": [{"invokeApi": {"apiId": "w1"}}]}]}`,
		}
		source[hidden] = "!AccessDeniedException"
		out := taken1(t, source, Options{})
		id := strings.Split(strings.TrimPrefix(hidden, "/v2"), "/")[2]
		var names []string
		for _, st := range out.Stacks {
			names = append(names, st.Name)
		}
		want := slices.DeleteFunc([]string{"api-pets-a1", "api-chat-w1", "api-web-h1", "entrances"}, func(name string) bool { return strings.HasSuffix(name, "-"+id) })
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s is hidden: stacks (-want +got):\n%s", hidden, diff)
		}
		if diff := cmp.Diff([]string{"domain name example.com: mapping /" + id, "domain name example.com: routing rule " + id}, lefts(out)[1:]); diff != "" {
			t.Errorf("%s is hidden: left besides the API (-want +got):\n%s", hidden, diff)
		}
	}
}

// TestTakeUnknownAuthorizer: what only an authorizer may let callers through to is
// not taken without it.
func TestTakeUnknownAuthorizer(t *testing.T) {
	out := taken1(t, answers{
		"/restapis":              `{"item": [{"id": "a1", "name": "pets"}]}`,
		"/restapis/a1/resources": `{"item": [{"id": "r1", "path": "/", "resourceMethods": {"GET": {"authorizationType": "CUSTOM", "authorizerId": "gone"}}}]}`,
		"/v2/apis":               `{"items": [{"apiId": "h1", "name": "web", "protocolType": "HTTP"}]}`,
		"/v2/apis/h1/routes":     `{"items": [{"routeId": "r1", "routeKey": "GET /a", "authorizationType": "JWT", "authorizerId": "gone"}]}`,
	}, Options{})
	if diff := cmp.Diff([]string{"REST API pets", "HTTP API web"}, lefts(out)); diff != "" || len(out.Stacks) != 0 {
		t.Errorf("%d stacks; left (-want +got):\n%s", len(out.Stacks), diff)
	}
}

// A refusing source refuses all calls of a path.
type refusing struct {
	answers
	path string
	with Refusal
}

func (r refusing) Get(ctx context.Context, path string) ([]byte, error) {
	if strings.HasPrefix(path, r.path) {
		return nil, &r.with
	}
	return r.answers.Get(ctx, path)
}

// TestTakeRefused: what is refused for now only, or for the caller's signature, is
// not taken for something that is not there, or is not shown.
func TestTakeRefused(t *testing.T) {
	source := answers{
		"/restapis": `{"item": [{"id": "a1", "name": "pets"}]}`, "/restapis/a1/stages": `{"item": [{"stageName": "s", "deploymentId": "d1"}]}`,
		"/restapis/a1/deployments": `{"item": [{"id": "d1"}]}`,
		"/v2/apis":                 `{"items": [{"apiId": "h1", "name": "web", "protocolType": "HTTP"}]}`, "/v2/apis/h1/stages": `{"items": [{"stageName": "s", "deploymentId": "d1"}]}`,
		"/v2/apis/h1/deployments": `{"items": [{"deploymentId": "d1"}]}`,
	}
	for _, path := range []string{"/account", "/apikeys", "/restapis?", "/restapis/a1/authorizers", "/restapis/a1/stages/s/exports", "/v2/apis/h1/exports", "/v2/portals"} {
		for _, r := range []Refusal{{Status: 429, Kind: "TooManyRequestsException"}, {Status: 503, Kind: "ServiceUnavailableException"}, {Status: 403, Kind: "ExpiredTokenException"}} {
			if _, err := Take(t.Context(), refusing{source, path, r}, Options{}); err == nil || !strings.Contains(err.Error(), r.Kind) {
				t.Errorf("%s is refused with %s: %v", path, r.Kind, err)
			}
		}
		for _, r := range []Refusal{{Status: 403, Kind: "AccessDeniedException"}, {Status: 501, Kind: "NotImplementedException"}} {
			out, err := Take(t.Context(), refusing{source, path, r}, Options{})
			if err != nil {
				t.Fatalf("%s is refused with %s: %v", path, r.Kind, err)
			}
			silent := path == "/v2/portals" && r.Status == 501 // a server without any
			if told := slices.ContainsFunc(out.Left, func(l Left) bool { return strings.Contains(l.Why, r.Kind) }); told == silent {
				t.Errorf("%s is refused with %s: left %v", path, r.Kind, out.Left)
			}
		}
	}
}

// TestTakeHTTPKeys: what a stage serves asks for keys in the copy, too.
func TestTakeHTTPKeys(t *testing.T) {
	out := taken1(t, answers{
		"/v2/apis":                `{"items": [{"apiId": "h1", "name": "web", "protocolType": "HTTP"}]}`,
		"/v2/apis/h1/stages":      `{"items": [{"stageName": "v1", "deploymentId": "d1"}]}`,
		"/v2/apis/h1/deployments": `{"items": [{"deploymentId": "d1"}]}`,
		"/v2/apis/h1/routes":      `{"items": [{"routeId": "r1", "routeKey": "GET /b", "apiKeyRequired": true}]}`,
		"/v2/apis/h1/exports/OAS30": `{"openapi": "3.0.1", "info": {"title": "web", "version": "1"}, "paths": {"/a": {"get": {"security": [{"key": []}]}}},
			"components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}}}}`,
	}, Options{})
	if n := len(out.Stacks[0].Steps); n != 2 {
		t.Fatalf("%d templates, want what is served and what is being edited", n)
	}
	for i, step := range out.Stacks[0].Steps {
		props := step.Resources["API"].Properties
		text, err := json.Marshal(props["Body"])
		if err != nil || !strings.Contains(string(text), `"security":[{"api_key":[]}]`) || props["FailOnWarnings"] != true {
			t.Errorf("template %d asks for no key, or may be deployed where nobody does: %s %v", i, text, err)
		}
	}
	if len(out.Left) != 0 {
		t.Errorf("left %v", out.Left)
	}
}
