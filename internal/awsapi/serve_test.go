package awsapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/awsapi/apigateway"
	mgmt "gatehouse/internal/awsapi/apigatewaymanagementapi"
	"gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/sigv4"
)

func ptr[T any](v T) *T { return &v }

// A fakeV1 shows the inputs it gets in its outputs.
type fakeV1 struct {
	apigateway.UnimplementedServer
}

func (fakeV1) CreateRestApi(_ context.Context, in *apigateway.CreateRestApiInput) (*apigateway.RestApi, error) {
	return &apigateway.RestApi{
		Id: ptr("plain"), Name: in.Name, CreatedDate: ptr(time.Unix(1490000000, 0)),
		EndpointConfiguration: in.EndpointConfiguration, MinimumCompressionSize: in.MinimumCompressionSize,
		BinaryMediaTypes: in.BinaryMediaTypes, Tags: in.Tags,
	}, nil
}

func (fakeV1) ImportRestApi(_ context.Context, in *apigateway.ImportRestApiInput) (*apigateway.RestApi, error) {
	return &apigateway.RestApi{Id: ptr("import"), Name: ptr(string(in.Body)), Tags: in.Parameters, Version: ptr(fmt.Sprint(*in.FailOnWarnings))}, nil
}

func (fakeV1) GetRestApis(ctx context.Context, in *apigateway.GetRestApisInput) (*apigateway.RestApis, error) {
	c := awsrpc.CallerFrom(ctx)
	return &apigateway.RestApis{Items: []apigateway.RestApi{{Id: ptr(c.Account), Name: ptr(c.Region), Description: ptr(c.PrincipalARN)}},
		Position: ptr(fmt.Sprintf("%d/%s", *in.Limit, *in.Position))}, nil
}

func (fakeV1) GetUsage(context.Context, *apigateway.GetUsageInput) (*apigateway.Usage, error) {
	return &apigateway.Usage{Items: map[string][][]int64{"k": {{1, 2}, {3, 1 << 40}}}}, nil
}

func (fakeV1) GetApiKeys(_ context.Context, in *apigateway.GetApiKeysInput) (*apigateway.ApiKeys, error) {
	return &apigateway.ApiKeys{Items: []apigateway.ApiKey{}, Warnings: []string{*in.NameQuery, fmt.Sprint(*in.IncludeValues)}}, nil
}

func (fakeV1) GetResources(_ context.Context, in *apigateway.GetResourcesInput) (*apigateway.Resources, error) {
	return &apigateway.Resources{Position: ptr(strings.Join(in.Embed, "+"))}, nil
}

func (fakeV1) TagResource(_ context.Context, in *apigateway.TagResourceInput) error {
	return apigateway.NotFoundException(*in.ResourceArn)
}

func (fakeV1) UntagResource(_ context.Context, in *apigateway.UntagResourceInput) error {
	return apigateway.BadRequestException(strings.Join(in.TagKeys, "+"))
}

func (fakeV1) DeleteBasePathMapping(_ context.Context, in *apigateway.DeleteBasePathMappingInput) error {
	if *in.BasePath != "(none)" {
		return apigateway.NotFoundException(*in.BasePath)
	}
	return nil
}

func (fakeV1) TestInvokeAuthorizer(_ context.Context, in *apigateway.TestInvokeAuthorizerInput) (*apigateway.TestInvokeAuthorizerResponse, error) {
	return &apigateway.TestInvokeAuthorizerResponse{Log: in.AuthorizerId, Authorization: in.MultiValueHeaders}, nil
}

func (fakeV1) GetExport(_ context.Context, in *apigateway.GetExportInput) (*apigateway.ExportResponse, error) {
	return &apigateway.ExportResponse{ContentType: in.Accepts, ContentDisposition: ptr("attachment"), Body: []byte(in.Parameters["extensions"])}, nil
}

func (fakeV1) CreateDeployment(context.Context, *apigateway.CreateDeploymentInput) (*apigateway.Deployment, error) {
	err := apigateway.TooManyRequestsException("Too Many Requests")
	err.RetryAfter = 1500 * time.Millisecond
	return nil, err
}

func (fakeV1) GetAccount(context.Context, *apigateway.GetAccountInput) (*apigateway.Account, error) {
	return nil, errors.New("the disk is on fire")
}

func (fakeV1) GetStage(context.Context, *apigateway.GetStageInput) (*apigateway.Stage, error) {
	panic("a bug")
}

func (fakeV1) UpdateStage(context.Context, *apigateway.UpdateStageInput) (*apigateway.Stage, error) {
	return nil, nil // a bug of the service
}

type fakeV2 struct {
	apigatewayv2.UnimplementedServer
}

func (fakeV2) GetApis(_ context.Context, in *apigatewayv2.GetApisInput) (*apigatewayv2.GetApisResponse, error) {
	return &apigatewayv2.GetApisResponse{NextToken: in.MaxResults, Items: []apigatewayv2.Api{{ApiId: ptr("v2"), CreatedDate: ptr(time.Unix(1490000000, 250e6))}}}, nil
}

func (fakeV2) GetStage(_ context.Context, in *apigatewayv2.GetStageInput) (*apigatewayv2.GetStageResponse, error) {
	err := apigatewayv2.NotFoundException("Unable to find Stage by name " + *in.StageName)
	err.Members = map[string]string{"resourceType": "stage"}
	return nil, err
}

func (fakeV2) TagResource(context.Context, *apigatewayv2.TagResourceInput) (*apigatewayv2.TagResourceResponse, error) {
	return &apigatewayv2.TagResourceResponse{}, nil
}

type fakeMgmt struct {
	mgmt.UnimplementedServer
}

func (fakeMgmt) PostToConnection(ctx context.Context, in *mgmt.PostToConnectionInput) error {
	c := awsrpc.CallerFrom(ctx)
	return mgmt.GoneException(c.Host + c.Base + "|" + *in.ConnectionId + "|" + string(in.Data))
}

const secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

func handler(t *testing.T, opt awsrpc.Options) *awsrpc.Handler {
	t.Helper()
	if !opt.Dev {
		opt.Credentials = awsrpc.Credential{
			AccessKey: "AKIAEXAMPLEEXAMPLE00", SecretKey: secretKey, AccountID: "123456789012",
			PrincipalARN: "arn:aws:iam::123456789012:root", Root: true,
		}
	}
	h, err := awsrpc.NewHandler([]awsrpc.Mount{
		apigateway.Mount(fakeV1{}), apigatewayv2.Mount(fakeV2{}), mgmt.Mount(fakeMgmt{}),
	}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// signed returns a request as an SDK sends it.
func signed(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:4566"+target, strings.NewReader(body))
	service := "apigateway"
	if strings.Contains(target, "/@connections/") {
		service = "execute-api"
	}
	sigv4.Sign(r, []byte(body), sigv4.Key{AccessKey: "AKIAEXAMPLEEXAMPLE00", SecretKey: secretKey},
		sigv4.Target{Region: "eu-west-1", Service: service}, time.Now())
	return r
}

func answer(t *testing.T, h http.Handler, r *http.Request) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	if id := w.Header()["x-amzn-RequestId"]; len(id) != 1 || len(id[0]) != 36 {
		t.Errorf("%s %s: x-amzn-RequestId = %v", r.Method, r.URL, id)
	}
	return w.Result(), string(b)
}

// TestWire sends what SDKs send and compares the answers byte by byte.
//
// AWS: wire details checked against boto3, the JavaScript and the Go SDK; where
// an expectation is an error text, the test that owns the text cites it.
func TestWire(t *testing.T) {
	h := handler(t, awsrpc.Options{})
	tests := []struct {
		name, method, target, body string
		code                       int
		want                       string
		errorType                  string
	}{
		{"plain create", "POST", "/restapis", `{"name":"n","endpointConfiguration":{"types":["REGIONAL"]},"minimumCompressionSize":0,"binaryMediaTypes":[],"unknown":{"deep":[1,{"x":null}]},"version":null}`, 201,
			`{"id":"plain","name":"n","createdDate":1490000000,"binaryMediaTypes":[],"minimumCompressionSize":0,"endpointConfiguration":{"types":["REGIONAL"]}}`, ""},
		{"import by query literal", "POST", "/restapis?failonwarnings=true&basepath=split&mode=import", "{\x00raw\xff", 201,
			`{"id":"import","name":"{\u0000raw�","version":"true","tags":{"basepath":"split"}}`, ""},
		{"list is item, position in the body", "GET", "/restapis?limit=2&position=a%2Fb%3D", "", 200,
			`{"item":[{"id":"123456789012","name":"eu-west-1","description":"arn:aws:iam::123456789012:root"}],"position":"2/a/b="}`, ""},
		{"usage is values", "GET", "/usageplans/p/usage?startDate=2026-01-01&endDate=2026-01-02", "", 200, `{"values":{"k":[[1,2],[3,1099511627776]]}}`, ""},
		{"renamed query, empty list kept", "GET", "/apikeys?name=a%2Bb+c&includeValues=true", "", 200, `{"warnings":["a+b c","true"],"item":[]}`, ""},
		{"repeated query", "GET", "/restapis/a/resources?embed=methods&embed=x", "", 200, `{"position":"methods+x"}`, ""},
		{"escaped slashes in a label", "PUT", "/tags/arn%3Aaws%3Aapigateway%3Aeu-west-1%3A%3A%2Frestapis%2Fabc%2Fstages%2Fdev", `{"tags":{"a":"b"}}`, 404,
			`{"message":"arn:aws:apigateway:eu-west-1::/restapis/abc/stages/dev"}`, "NotFoundException"},
		{"repeated tag keys", "DELETE", "/tags/arn%3Aaws?tagKeys=a&tagKeys=b%20c", "", 400, `{"message":"a+b c"}`, "BadRequestException"},
		{"(none)", "DELETE", "/domainnames/d.example/basepathmappings/%28none%29", "", 202, "", ""},
		{"post to an authorizer tests it", "POST", "/restapis/a/authorizers/auth1", `{"multiValueHeaders":{"h":["1","2"]}}`, 200, `{"log":"auth1","authorization":{"h":["1","2"]}}`, ""},
		{"payload and headers out", "GET", "/restapis/a/stages/s/exports/oas30?extensions=integrations", "", 200, "integrations", ""},
		{"retry after", "POST", "/restapis/a/deployments", "{}", 429, `{"message":"Too Many Requests"}`, "TooManyRequestsException"},
		{"failure", "GET", "/account", "", 500, `{"message":"Internal server error"}`, "InternalFailure"},
		{"panic", "GET", "/restapis/a/stages/s", "", 500, `{"message":"Internal server error"}`, "InternalFailure"},
		{"neither output nor error", "PATCH", "/restapis/a/stages/s", "{}", 500, `{"message":"Internal server error"}`, "InternalFailure"},
		{"not implemented", "PATCH", "/vpclinks/v", "{}", 501, `{"message":"Gatehouse does not implement UpdateVpcLink yet (see COVERAGE.md)"}`, "NotImplementedException"},
		{"v2 list and time", "GET", "/v2/apis?maxResults=5", "", 200, `{"items":[{"apiId":"v2","createdDate":"2017-03-20T08:53:20.25Z"}],"nextToken":"5"}`, ""},
		{"v2 error member, $default", "GET", "/v2/apis/a/stages/%24default", "", 404, `{"message":"Unable to find Stage by name $default","resourceType":"stage"}`, "NotFoundException"},
		{"v2 empty output", "POST", "/v2/tags/arn%3Aaws", `{"tags":{}}`, 201, "{}", ""},
		{"connections behind a stage", "POST", "/prod/@connections/L0SM9cOFvHcCIhw%3D", "hi\xff", 410, `{"message":"127.0.0.1:4566/prod|L0SM9cOFvHcCIhw=|hi�"}`, "GoneException"},
		{"unknown path", "GET", "/restapis/a/nothing", "", 404, `{"message":"Unknown operation"}`, "UnknownOperationException"},
		{"unknown method", "HEAD", "/restapis", "", 404, `{"message":"Unknown operation"}`, "UnknownOperationException"},
		{"empty label", "GET", "/restapis//resources", "", 404, `{"message":"Unknown operation"}`, "UnknownOperationException"},
		{"dot segments", "GET", "/restapis/a/..", "", 400, `{"message":"The path must not have dot segments"}`, "MalformedHttpRequestException"},
		{"label not UTF-8", "GET", "/restapis/%ff", "", 404, `{"message":"Unknown operation"}`, "UnknownOperationException"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := answer(t, h, signed(tt.method, tt.target, tt.body))
			if resp.StatusCode != tt.code || body != tt.want {
				t.Errorf("%s %s\n got %d %s\nwant %d %s", tt.method, tt.target, resp.StatusCode, body, tt.code, tt.want)
			}
			if got := strings.Join(resp.Header["x-amzn-ErrorType"], ","); got != tt.errorType {
				t.Errorf("x-amzn-ErrorType = %q, want %q", got, tt.errorType)
			}
			switch tt.name {
			case "retry after":
				if got := resp.Header.Get("Retry-After"); got != "2" {
					t.Errorf("Retry-After = %q, want 2", got)
				}
			case "payload and headers out":
				if got := resp.Header.Get("Content-Disposition"); got != "attachment" {
					t.Errorf("Content-Disposition = %q", got)
				}
			}
		})
	}
}

// TestEveryOperationRoutes calls all 230 operations with labels filled in; each
// must reach its own method.
func TestEveryOperationRoutes(t *testing.T) {
	h, err := awsrpc.NewHandler(mounts(), awsrpc.Options{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	reached := 0
	for _, svc := range services() {
		for _, op := range svc.Operations {
			r := httptest.NewRequest(op.Method, "http://h"+exampleTarget(op), strings.NewReader(exampleBody(op)))
			_, body := answer(t, h, r)
			want := `{"message":"Gatehouse does not implement ` + op.Name + ` yet (see COVERAGE.md)"}`
			if body != want {
				t.Errorf("%s %s %s: %s", svc.Name, op.Name, op.URI, body)
				continue
			}
			reached++
		}
	}
	if reached != 230 {
		t.Errorf("%d operations reached, want 230", reached)
	}
}

// mounts returns the three APIs with nothing implemented.
func mounts() []awsrpc.Mount {
	return []awsrpc.Mount{
		apigateway.Mount(apigateway.UnimplementedServer{}),
		apigatewayv2.Mount(apigatewayv2.UnimplementedServer{}),
		mgmt.Mount(mgmt.UnimplementedServer{}),
	}
}

// exampleTarget fills in the labels and required parameters of op's path.
func exampleTarget(op awsrpc.Operation) string {
	path, query, _ := strings.Cut(op.URI, "?")
	for f := range fields(op.NewInput()) {
		where, key, required := binding(f)
		value := example(f)
		switch {
		case where == "uri":
			path = strings.Replace(path, "{"+key+"}", value, 1)
		case where == "query" && required:
			query += "&" + key + "=" + value
		}
	}
	if op.Name == "DeleteConnection" || op.Name == "GetConnection" || op.Name == "PostToConnection" {
		path = "/stage" + path
	}
	return path + "?" + query
}

// exampleBody returns a document with the required members of op's input.
func exampleBody(op awsrpc.Operation) string {
	return exampleDocument(reflect.TypeOf(op.NewInput()).Elem())
}

func exampleDocument(typ reflect.Type) string {
	var members []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		where, key, required := binding(f)
		if where != "" || !required {
			continue
		}
		value := "{}"
		switch k := f.Type; {
		case k.Kind() == reflect.Slice:
			value = "[]"
		case k.Kind() == reflect.Pointer && k.Elem().Kind() == reflect.Struct:
			value = exampleDocument(k.Elem())
		case k.Kind() == reflect.Pointer && k.Elem().Kind() == reflect.String:
			value = `"` + example(f) + `"`
		case k.Kind() == reflect.Pointer:
			value = "1"
		}
		members = append(members, `"`+key+`":`+value)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// example returns a value that the constraints of f allow.
func example(f reflect.StructField) string {
	if enum := f.Tag.Get("enum"); enum != "" {
		value, _, _ := strings.Cut(enum, ",")
		return value
	}
	if f.Tag.Get("pattern") != "" {
		return "200"
	}
	return "x"
}

func TestCoverage(t *testing.T) {
	type wrapped struct{ fakeV1 }
	for _, server := range []any{fakeV1{}, &fakeV1{}, wrapped{}, &wrapped{}, struct{ *fakeV1 }{}} {
		var got []string
		for _, s := range awsrpc.Coverage(apigateway.Service(), server) {
			if s.Implemented {
				got = append(got, s.Operation)
			}
		}
		want := strings.Fields("CreateDeployment CreateRestApi DeleteBasePathMapping GetAccount GetApiKeys GetExport GetResources GetRestApis GetStage GetUsage ImportRestApi TagResource TestInvokeAuthorizer UntagResource UpdateStage")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Coverage of %T (-want +got):\n%s", server, diff)
		}
	}
	for _, s := range awsrpc.Coverage(mgmt.Service(), &mgmt.UnimplementedServer{}) {
		if s.Implemented {
			t.Errorf("UnimplementedServer implements %s", s.Operation)
		}
	}
}
