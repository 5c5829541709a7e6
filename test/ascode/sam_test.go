package ascode_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"gatehouse/internal/sam"
)

// TestSAMAgainstTranslator transforms templates with our transform and with AWS's
// own translator, and wants the same of both: the template, or the faults.
func TestSAMAgainstTranslator(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import samtranslator").Run() != nil {
		t.Skip("python3 has no package samtranslator (aws-sam-translator)")
	}
	for _, file := range []string{"rest", "http", "faults", "overrides", "policies", "connectors"} {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata/sam", file+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var cases map[string]map[string]any
			if err := yaml.Unmarshal(text, &cases); err != nil {
				t.Fatal(err)
			}
			names := slices.Sorted(func(yield func(string) bool) {
				for name := range cases {
					if !yield(name) {
						return
					}
				}
			})
			want := translated(t, python, names, cases)
			for i, name := range names {
				t.Run(name, func(t *testing.T) { sameTransform(t, cases[name], want[i]) })
			}
		})
	}
}

// A translation is what the translator makes of a template.
type translation struct {
	Template map[string]any
	Error    []string
	Failed   string
}

func translated(t *testing.T, python string, names []string, cases map[string]map[string]any) []translation {
	t.Helper()
	var all []any
	for _, name := range names {
		all = append(all, cases[name])
	}
	in, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/sam/translate.py")
	cmd.Stdin = bytes.NewReader(in)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("translate.py: %v\n%s", err, lastOf(failed.Bytes()))
	}
	var want []translation
	readJSON(t, out, &want)
	return want
}

func sameTransform(t *testing.T, doc map[string]any, want translation) {
	t.Helper()
	if want.Failed != "" {
		t.Skip("the translator fails itself: " + want.Failed)
	}
	values := map[string]any{}
	if parameters, ok := doc["Parameters"].(map[string]any); ok {
		for name, p := range parameters {
			if m, ok := p.(map[string]any); ok && m["Default"] != nil {
				values[name] = m["Default"]
			}
		}
	}
	values["AWS::Region"], values["AWS::Partition"] = "eu-west-1", "aws"
	got, err := sam.Transform(doc, sam.Options{Partition: "aws", Region: "eu-west-1", Values: values})
	var faults *sam.Error
	switch {
	case err != nil && !errors.As(err, &faults):
		t.Fatal(err)
	case want.Error != nil && faults == nil:
		t.Fatalf("transformed, but the translator says %q", want.Error)
	case want.Error != nil:
		if diff := gocmp.Diff(want.Error, faults.Faults); diff != "" {
			t.Errorf("faults (-translator +ours):\n%s", diff)
		}
	case faults != nil:
		t.Fatalf("refused: %v", faults)
	default:
		if diff := gocmp.Diff(comparable(t, want.Template), comparable(t, got)); diff != "" {
			t.Errorf("(-translator +ours):\n%s", diff)
		}
	}
}

var deploymentHash = regexp.MustCompile(`(Deployment)[0-9a-f]{10}\b|(RestApi deployment id: )[0-9a-f]{40}`)

// comparable is a template without the hashes of definitions, which are of Python's
// text of them there, and of their JSON here.
func comparable(t *testing.T, doc map[string]any) any {
	t.Helper()
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	b = deploymentHash.ReplaceAll(b, []byte("$1$2"))
	var v any
	readJSON(t, []byte(strings.TrimSpace(string(b))), &v)
	return settled(v)
}

// settled is v without what the translator does without meaning it: the order of
// statements and of their resources is that of a set, some stand twice, and the type of a header of
// OpenAPI 3 stands in a schema of a schema where a definition was edited twice.
func settled(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = settled(e)
		}
		if inner, ok := v["schema"].(map[string]any); ok && len(v) == 1 && inner["type"] != nil {
			return inner
		}
		for _, name := range []string{"Action", "Resource"} {
			if text, ok := v[name].(string); ok && v["Effect"] != nil { // a list of one says the same
				v[name] = []any{text}
			} else if call, ok := v[name].(map[string]any); ok && v["Effect"] != nil {
				v[name] = []any{call}
			}
		}
		for _, name := range []string{"Resource", "Statement"} {
			if list, ok := v[name].([]any); ok {
				slices.SortFunc(list, func(x, y any) int { return strings.Compare(fmt.Sprint(x), fmt.Sprint(y)) })
				v[name] = slices.CompactFunc(list, func(x, y any) bool { return fmt.Sprint(x) == fmt.Sprint(y) })
			}
		}
	case []any:
		for i := range v {
			v[i] = settled(v[i])
		}
	}
	return v
}

// TestSAMFixtures transforms the fixtures of AWS's translator, where somebody has
// them: SAM_FIXTURES names the folder tests/translator of its repository. It counts
// those with APIs that become what the fixtures say, and names the others.
func TestSAMFixtures(t *testing.T) {
	dir := os.Getenv("SAM_FIXTURES")
	if dir == "" {
		t.Skip("SAM_FIXTURES does not name the folder tests/translator of aws/serverless-application-model")
	}
	out, err := exec.CommandContext(t.Context(), "python3", "testdata/sam/translate.py", "--read", filepath.Join(dir, "input")).Output()
	if err != nil {
		t.Fatalf("translate.py: %v", err)
	}
	var inputs map[string]map[string]any
	readJSON(t, out, &inputs)
	n, passed := 0, 0
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		text, err := os.ReadFile(filepath.Join(dir, "output", name+".json"))
		if err != nil || !hasAPI(inputs[name]) {
			continue
		}
		n++
		if t.Run(name, func(t *testing.T) {
			var want map[string]any
			readJSON(t, text, &want)
			tr := translation{Template: want}
			if message, ok := want["errorMessage"].(string); ok {
				tr = translation{Error: []string{message}}
			}
			sameTransform(t, inputs[name], tr)
		}) {
			passed++
		}
	}
	t.Logf("%d of %d fixtures with APIs", passed, n)
}

// hasAPI tells whether a template has an API, or a function with an event of one.
func hasAPI(doc map[string]any) bool {
	b, err := json.Marshal(doc["Resources"])
	return err == nil && regexp.MustCompile(`"AWS::Serverless::(Api|HttpApi|WebSocketApi)"|"Type":"(Api|HttpApi)"`).Match(b)
}

// TestSAMMixed does the same with templates that mix what APIs, their
// authorizers and the events of functions may say.
func TestSAMMixed(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import samtranslator").Run() != nil {
		t.Skip("python3 has no package samtranslator (aws-sam-translator)")
	}
	const n = 150
	m := &mixer{rand.New(rand.NewPCG(1, 2))}
	names, cases := []string{}, map[string]map[string]any{}
	for i := range n {
		name := fmt.Sprintf("%03d", i)
		names, cases[name] = append(names, name), m.template()
	}
	want := translated(t, python, names, cases)
	faulty := 0
	for i, name := range names {
		if want[i].Error != nil {
			faulty++
		}
		t.Run(name, func(t *testing.T) {
			sameTransform(t, cases[name], want[i])
			if t.Failed() {
				b, err := json.Marshal(cases[name])
				t.Logf("%s %v", b, err)
			}
		})
	}
	t.Logf("%d templates, %d of them at fault", n, faulty)
}

// A mixer makes templates.
type mixer struct{ *rand.Rand }

// some are some of the members that there may be; one in odds each.
func (m *mixer) some(odds int, all map[string][]any) map[string]any {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if m.IntN(odds) == 0 {
			out[name] = all[name][m.IntN(len(all[name]))]
		}
	}
	return out
}

func (m *mixer) template() map[string]any {
	type o = map[string]any
	type l = []any
	rest := m.some(3, map[string][]any{
		"Cors":                  {"'*'", o{"AllowOrigin": "'x'", "AllowHeaders": "'h'"}, o{"AllowMethods": "'GET'", "MaxAge": "'9'"}, o{"AllowOrigin": "'x'", "AllowCredentials": true}},
		"OpenApiVersion":        {"3.0.1", "2.0"},
		"BinaryMediaTypes":      {l{"*~1*"}, l{"a~1b", "c/d"}},
		"EndpointConfiguration": {"REGIONAL", "EDGE", o{"Type": "PRIVATE"}},
		"GatewayResponses":      {o{"DEFAULT_4XX": o{"ResponseParameters": o{"Headers": o{"A": "'b'"}}}}},
		"Tags":                  {o{"a": "b"}},
		"TracingEnabled":        {true, false},
		"Variables":             {o{"a": "b"}},
		"Name":                  {"n"},
		"FailOnWarnings":        {true, false},
		"Domain":                {o{"DomainName": "a.b.c", "CertificateArn": "c", "BasePath": l{"x", "y-z"}}, o{"DomainName": "d.e", "CertificateArn": "c"}},
		"Auth": {
			o{"DefaultAuthorizer": "T", "Authorizers": o{"T": o{"FunctionArn": "arn:aws:lambda:eu-west-1:1:function:t"}}},
			o{"DefaultAuthorizer": "T", "AddDefaultAuthorizerToCorsPreflight": false, "ApiKeyRequired": true, "Authorizers": o{"T": o{"UserPoolArn": "p", "AuthorizationScopes": l{"s"}}}},
			o{"Authorizers": o{"T": o{"FunctionArn": "f", "FunctionPayloadType": "REQUEST", "Identity": o{"Headers": l{"H"}, "ReauthorizeEvery": 5}}}},
			o{"DefaultAuthorizer": "AWS_IAM"}, o{"DefaultAuthorizer": "AWS_IAM", "InvokeRole": "NONE"}, o{"ApiKeyRequired": true},
			o{"ApiKeyRequired": true, "AddApiKeyRequiredToCorsPreflight": false, "UsagePlan": o{"CreateUsagePlan": "PER_API"}},
			o{"ResourcePolicy": o{"IpRangeWhitelist": l{"1.2.3.4"}}}, o{"ResourcePolicy": o{"SourceVpcBlacklist": l{"vpc-1"}, "AwsAccountBlacklist": l{"1"}}},
		},
	})
	rest["StageName"], rest["Models"] = "prod", o{"User": o{"type": "object"}}
	http := m.some(3, map[string][]any{
		"CorsConfiguration": {true, o{"AllowOrigins": l{"*"}}},
		"StageName":         {"live", "$default"},
		"Tags":              {o{"a": "b"}},
		"Name":              {"n"},
		"Description":       {"d"},
		"RouteSettings":     {o{"GET /a": o{"ThrottlingBurstLimit": 1}}},
		"Auth": {
			o{"DefaultAuthorizer": "J", "Authorizers": o{"J": o{"JwtConfiguration": o{"issuer": "i", "audience": l{"a"}}, "IdentitySource": "$request.header.A"}}},
			o{"Authorizers": o{"J": o{"FunctionArn": "f", "AuthorizerPayloadFormatVersion": "2.0", "Identity": o{"Headers": l{"H"}}}}},
			o{"EnableIamAuthorizer": true, "DefaultAuthorizer": "AWS_IAM"},
		},
	})
	resources := o{"A": o{"Type": "AWS::Serverless::Api", "Properties": rest}, "H": o{"Type": "AWS::Serverless::HttpApi", "Properties": http}}
	for _, id := range []string{"F", "G"} {
		props := m.some(3, map[string][]any{"AutoPublishAlias": {"live"}, "Role": {"arn:aws:iam::1:role/r"}, "Tags": {o{"c": "d"}}, "Tracing": {"Active"}})
		props["Handler"], props["Runtime"], props["CodeUri"], props["Events"] = "a.b", "python3.12", "s3://b/k", m.events(id, rest, http)
		resources[id] = o{"Type": "AWS::Serverless::Function", "Properties": props}
	}
	return o{"Resources": resources}
}

func (m *mixer) events(id string, rest, http map[string]any) map[string]any {
	type o = map[string]any
	type l = []any
	out := o{}
	restAuth, httpAuth := l{o{"ResourcePolicy": o{"IpRangeBlacklist": l{"9.9.9.9"}}}, o{"ApiKeyRequired": true}, o{"Authorizer": "AWS_IAM"}}, l{o{"Authorizer": "J"}}
	if auth, _ := rest["Auth"].(o); auth["Authorizers"] != nil {
		restAuth = append(restAuth, o{"Authorizer": "T"}, o{"Authorizer": "T", "AuthorizationScopes": l{"u"}})
	} else if auth["ApiKeyRequired"] == true {
		restAuth = append(restAuth, o{"ApiKeyRequired": false})
	}
	if auth, _ := rest["Auth"].(o); auth["DefaultAuthorizer"] != nil {
		restAuth = append(restAuth, o{"Authorizer": "NONE"}, o{"Authorizer": "NONE", "ApiKeyRequired": true})
	}
	if auth, _ := http["Auth"].(o); auth["DefaultAuthorizer"] != nil {
		httpAuth = l{o{"Authorizer": "NONE"}, o{"AuthorizationScopes": l{"s"}}, o{"Authorizer": auth["DefaultAuthorizer"]}}
	}
	for i := range 1 + m.IntN(3) {
		path := []string{"/a", "/b/{id}", "/{proxy+}"}[m.IntN(3)] + strings.Repeat("x", m.IntN(2)*(i+1))
		event := m.some(3, map[string][]any{"TimeoutInMillis": {100}})
		event["Path"], event["Method"] = path+"/"+strings.ToLower(id)+fmt.Sprint(i), []string{"get", "POST", "any"}[m.IntN(3)]
		if m.IntN(12) == 0 {
			out[fmt.Sprintf("E%d", i)] = o{"Type": []string{"Api", "HttpApi"}[m.IntN(2)], "Properties": event}
			continue
		}
		if m.IntN(2) == 0 {
			maps.Copy(event, m.some(2, map[string][]any{
				"Auth":              restAuth,
				"RequestModel":      {o{"Model": "User", "Required": true}, o{"Model": "User", "ValidateBody": true}},
				"RequestParameters": {l{"method.request.header.A"}, l{o{"method.request.querystring.q": o{"Required": true, "Caching": true}}}},
			}))
			event["RestApiId"] = o{"Ref": "A"}
			out[fmt.Sprintf("E%d", i)] = o{"Type": "Api", "Properties": event}
			continue
		}
		maps.Copy(event, m.some(2, map[string][]any{
			"Auth":                 httpAuth,
			"PayloadFormatVersion": {"1.0"},
			"RouteSettings":        {o{"ThrottlingBurstLimit": 2}},
		}))
		event["ApiId"] = o{"Ref": "H"}
		out[fmt.Sprintf("E%d", i)] = o{"Type": "HttpApi", "Properties": event}
	}
	return out
}
