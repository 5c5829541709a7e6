package openapi

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus is where recorded answers of AWS are kept, beside the repository.
const corpus = "../../../shared/corpus"

// A recordedImport says which document a recorded test imported, and under
// which keys it recorded what came of it.
type recordedImport struct {
	test     string // name of the test, with its parameter
	doc      string
	replace  []string // what the test put into the document before importing it
	basePath BasePath
	strict   bool   // failOnWarnings
	answer   string // key of the answer to the import
	listing  string // key of the list of resources
	prefix   string // of the keys of methods
}

const (
	lambdaURI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:111111111111:function:f/invocations"
	oldURI    = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:account-id:function:function-name/invocations"
	poolARN   = "arn:aws:cognito-idp:us-east-1:111111111111:userpool/us-east-1_ABC123"
)

func recordedImports() []recordedImport {
	list := []recordedImport{
		{test: "test_import_rest_api", doc: "openapi.spec.pulumi.json", strict: true, answer: "import_rest_api"},
		{test: "test_import_swagger_api", doc: "petstore-authorizer.swagger.json", strict: true, answer: "import-swagger", listing: "resources",
			replace: []string{"${uri}", "http://petstore.execute-api.us-east-1.amazonaws.com/petstore/pets", oldURI, lambdaURI}},
		{test: "test_import_and_validate_rest_api[openapi.spec.tf.json]", doc: "openapi.spec.tf.json", strict: true,
			answer: "import_tf_rest_api", listing: "resources"},
		{test: "test_import_and_validate_rest_api[swagger-mock-cors.json]", doc: "swagger-mock-cors.json", strict: true,
			answer: "import_tf_rest_api", listing: "resources"},
		{test: "test_import_with_global_api_key_authorizer", doc: "openapi.spec.global-auth.json", strict: true,
			answer: "import-swagger", listing: "resources", replace: []string{"${authorizer_lambda_invocation_arn}", lambdaURI}},
		{test: "test_import_with_circular_models", doc: "openapi.spec.circular-ref.json", strict: true, answer: "import-api", listing: "resources"},
		{test: "test_import_with_circular_models_and_request_validation", doc: "openapi.spec.circular-ref-with-request-body.json",
			strict: true, answer: "import-api", listing: "resources"},
		{test: "test_import_with_http_method_integration", doc: "openapi-http-method-integration.json", strict: true,
			listing: "resources", replace: []string{"${lambda_invocation_arn}", lambdaURI}},
		{test: "test_import_with_cognito_auth_identity_source", doc: "openapi.cognito-auth.json", strict: true,
			answer: "import-swagger", listing: "resources", replace: []string{"${cognito_pool_arn}", poolARN}},
		{test: "test_import_with_integer_http_status_code", doc: "openapi-method-int.spec.yaml", strict: true, listing: "resources"},
		{test: "test_put_rest_api_mode_binary_media_types[overwrite]", doc: "pets.json", answer: "put-api"},
	}
	for _, mode := range []BasePath{BasePathIgnore, BasePathPrepend, BasePathSplit} {
		in := "[" + string(mode) + "]"
		list = append(list,
			recordedImport{test: "test_import_rest_apis_with_base_path_swagger" + in, doc: "swagger.json", basePath: mode,
				answer: "put-rest-api-swagger-json", listing: "get-resources-swagger-json"},
			recordedImport{test: "test_import_rest_apis_with_base_path_swagger" + in, doc: "pets.json", basePath: mode,
				listing: "get-resources-no-base-path-swagger"},
			recordedImport{test: "test_import_rest_api_with_base_path_oas30" + in, doc: "openapi-basepath-server-variable.yaml",
				basePath: mode, answer: "put-rest-api-oas30-srv-var", listing: "get-resources-oas30-srv-var", prefix: "srv-var-"},
			recordedImport{test: "test_import_rest_api_with_base_path_oas30" + in, doc: "openapi-basepath-url.yaml",
				basePath: mode, answer: "put-rest-api-oas30-srv-url", listing: "get-resources-oas30-srv-url", prefix: "srv-url-"},
		)
	}
	return list
}

// TestReplay compares what imports make with what AWS made of the same
// documents: settings, resources, methods with integrations, models,
// validators, authorizers, warnings.
func TestReplay(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(corpus, "localstack/apigateway__test_apigateway_import.snapshot.json"))
	if err != nil {
		t.Skip("the corpus is not here: ", err)
	}
	var all map[string]struct {
		Content map[string]any `json:"recorded-content"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	recorded := map[string]map[string]any{}
	for name, r := range all {
		recorded[name[strings.LastIndex(name, "::")+2:]] = r.Content
	}
	for _, rec := range recordedImports() {
		t.Run(rec.test+"/"+rec.doc, func(t *testing.T) {
			doc, err := os.ReadFile(filepath.Join(corpus, "openapi", rec.doc))
			if err != nil {
				t.Fatal(err)
			}
			text := strings.NewReplacer(rec.replace...).Replace(string(doc))
			got, err := Import([]byte(text), Options{
				Account: "111111111111", Region: "us-east-1", RestAPI: "REST", BasePath: rec.basePath})
			if err != nil {
				t.Fatal(err)
			}
			if err := got.Strict(); rec.strict && err != nil {
				t.Error(err)
			}
			want := recorded[rec.test]
			if want == nil {
				t.Fatal("no such recording")
			}
			checkAnswer(t, rec, got, want)
			checkListing(t, rec, got, want)
			checkMethods(t, rec, got, want)
			checkParts(t, got, want)
		})
	}
}

// checkAnswer compares the settings.
func checkAnswer(t *testing.T, rec recordedImport, got *API, want map[string]any) {
	if rec.answer == "" {
		return
	}
	s := got.Settings
	s.Warnings = got.Warnings
	if s.ApiKeySource == nil {
		s.ApiKeySource = ptr("HEADER") // what every API has without being told
	}
	w := maps.Clone(want[rec.answer].(map[string]any))
	for _, key := range []string{"ResponseMetadata", "createdDate", "disableExecuteApiEndpoint", "endpointConfiguration", "id", "rootResourceId", "tags"} {
		delete(w, key) // not from the document
	}
	compare(t, rec.answer, s, w)
}

// checkListing compares the tree of resources.
func checkListing(t *testing.T, rec recordedImport, got *API, want map[string]any) {
	if rec.listing == "" {
		return
	}
	var g, w []string
	for _, r := range got.Resources {
		g = append(g, r.Path+" in "+r.Parent+" as "+r.Part+methodsOf(r))
	}
	paths := map[any]string{}
	items := want[rec.listing].(map[string]any)["items"].([]any)
	for _, it := range items {
		paths[it.(map[string]any)["id"]] = it.(map[string]any)["path"].(string)
	}
	for _, it := range items {
		it := it.(map[string]any)
		part, _ := it["pathPart"].(string)
		methods, _ := it["resourceMethods"].(map[string]any)
		line := it["path"].(string) + " in " + paths[it["parentId"]] + " as " + part
		for _, m := range slices.Sorted(maps.Keys(methods)) {
			line += " " + m
		}
		w = append(w, line)
	}
	slices.Sort(g)
	slices.Sort(w)
	if d := cmp.Diff(w, g); d != "" {
		t.Errorf("%s (-recorded +got):\n%s", rec.listing, d)
	}
}

func methodsOf(r Resource) string {
	var verbs []string
	for _, m := range r.Methods {
		verbs = append(verbs, *m.HttpMethod)
	}
	slices.Sort(verbs)
	line := ""
	for _, v := range verbs {
		line += " " + v
	}
	return line
}

// checkMethods compares every method that was recorded.
func checkMethods(t *testing.T, rec recordedImport, got *API, want map[string]any) {
	if rec.listing == "" {
		return
	}
	for _, r := range got.Resources {
		for _, m := range r.Methods {
			name := strings.TrimPrefix(r.Path, "/")
			if name == "" {
				name = "root"
			}
			key := rec.prefix + "method-" + name + "-" + strings.ToLower(*m.HttpMethod)
			w, ok := want[key].(map[string]any)
			if !ok {
				t.Errorf("%s was not recorded", key)
				continue
			}
			w = maps.Clone(w)
			if w["authorizerId"] != nil {
				w["authorizerId"] = "x"
				m.AuthorizerId = ptr("x")
			}
			if (w["authorizerId"] != nil) != (m.Authorizer != "") {
				t.Errorf("%s: authorizer %q, recorded %v", key, m.Authorizer, w["authorizerId"])
			}
			if w["requestValidatorId"] != nil {
				w["requestValidatorId"] = "x"
				m.RequestValidatorId = ptr("x")
			}
			if (w["requestValidatorId"] != nil) != (m.Validator != "") {
				t.Errorf("%s: validator %q, recorded %v", key, m.Validator, w["requestValidatorId"])
			}
			delete(w, "ResponseMetadata")
			if i, ok := w["methodIntegration"].(map[string]any); ok {
				i = maps.Clone(i)
				delete(i, "cacheNamespace") // the resource's id
				w["methodIntegration"] = i
			}
			compare(t, key, m.Method, w)
		}
	}
}

// checkParts compares models, validators and authorizers, which have no order.
func checkParts(t *testing.T, got *API, want map[string]any) {
	for _, part := range []struct {
		key string
		got any
	}{
		{"get-models", got.Models}, {"request-validators", got.Validators}, {"get-authorizers", got.Authorizers},
	} {
		rec, ok := want[part.key]
		if !ok {
			continue
		}
		items, ok := rec.([]any)
		if !ok {
			items = rec.(map[string]any)["items"].([]any)
		}
		var w []any
		for _, it := range items {
			it := maps.Clone(it.(map[string]any))
			delete(it, "id")
			w = append(w, it)
		}
		compare(t, part.key, part.got, any(w))
	}
}

// compare compares got, as JSON, with what was recorded. Recordings hold JSON
// texts as values, and tokens for what differs from run to run.
func compare(t *testing.T, what string, got, want any) {
	t.Helper()
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var g any
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if g == nil {
		g = []any(nil)
	}
	if d := cmp.Diff(normal(want, want), normal(g, want)); d != "" {
		t.Errorf("%s (-recorded +got):\n%s", what, d)
	}
}

var (
	token     = regexp.MustCompile(`<[a-zA-Z-]+(:\d+)?>`)
	tokenOnly = regexp.MustCompile(`^<(name|uri|authorizer-uri|authorizer-credentials|external[^>]*)(:\d+)?>$`)
)

// normal brings a value to the form in which recording and result are
// compared: JSON texts parsed, lists sorted, tokens made the same wherever the
// recording beside it has one.
func normal(v, recorded any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			r := e
			if m, ok := recorded.(map[string]any); ok && m[k] != nil {
				r = m[k]
			}
			out[k] = normal(e, r)
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for i, e := range v {
			r := e
			if l, ok := recorded.([]any); ok && i < len(l) {
				r = l[i]
			}
			out = append(out, normal(e, r))
		}
		slices.SortFunc(out, func(a, b any) int {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			return strings.Compare(string(x), string(y))
		})
		return out
	case string:
		const base = "<model-base-url>/restapis/<rest-id:1>/"
		if rest, ok := strings.CutPrefix(v, base); ok {
			return "https://apigateway.amazonaws.com/restapis/REST/" + rest
		}
		r, ok := recorded.(string)
		if ok && !strings.HasPrefix(r, base) && token.MatchString(r) && fits(v, r) {
			return r
		}
		var parsed any
		if json.Unmarshal([]byte(v), &parsed) == nil {
			if _, ok := parsed.(map[string]any); ok {
				return normal(parsed, recorded)
			}
		}
		return v
	}
	return v
}

// fits reports whether v is what the recording with tokens may have been.
func fits(v, recorded string) bool {
	if v == recorded || tokenOnly.MatchString(recorded) {
		return true
	}
	pattern := ""
	last := 0
	for _, at := range token.FindAllStringIndex(recorded, -1) {
		pattern += regexp.QuoteMeta(recorded[last:at[0]]) + ".*"
		last = at[1]
	}
	return regexp.MustCompile("^" + pattern + regexp.QuoteMeta(recorded[last:]) + "$").MatchString(v)
}

// TestReplayBadFile checks the answer to documents that are none.
func TestReplayBadFile(t *testing.T) {
	for _, doc := range []string{"{\"openapi\": \"3.0.1\",", "openapi: 3.0.1\n  info: {", "- a\n- b", "just text", ""} {
		_, err := Import([]byte(doc), Options{})
		if err == nil || err.Error() != "Invalid OpenAPI input." {
			t.Errorf("Import(%q) = %v, want Invalid OpenAPI input.", doc, err)
		}
	}
}
