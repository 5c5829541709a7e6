package compile_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsclient"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/record"
	"gatehouse/internal/sigv4"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

var serviceKey = sigv4.Key{AccessKey: "AKIAROOTROOTROOTROOT", SecretKey: "a secret of the server's own"}

// amazon is a server for all services, with STS: it refuses what is not signed
// as it must be, and answers with what it was asked.
func amazon(t *testing.T) *httptest.Server {
	secrets := map[string]string{serviceKey.AccessKey: serviceKey.SecretKey, "ASIAROLE": "a secret of the role"}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		q := sigv4.FromHTTP(r)
		sig, err := sigv4.Parse(&q)
		if err == nil {
			err = sig.Verify(&q, body, secrets[sig.AccessKey], time.Now())
		}
		if err != nil {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "not signed: %v", err)
			return
		}
		form, _ := url.ParseQuery(string(body))
		if sig.Scope.Service == "sts" {
			if !strings.HasSuffix(form.Get("RoleArn"), "/good") {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")
				return
			}
			fmt.Fprintf(w, "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>a secret of the role</SecretAccessKey>"+
				"<SessionToken>token</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			return
		}
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprintf(w, "%s %s by %s for %s/%s token %q target %q type %q agent %q accept %q api %q body %q", r.Method, r.RequestURI, sig.AccessKey, sig.Scope.Region, sig.Scope.Service,
			r.Header.Get("X-Amz-Security-Token"), r.Header.Get("X-Amz-Target"), r.Header.Get("Content-Type"), r.Header.Get("User-Agent"), r.Header.Get("Accept"),
			r.Header.Get("X-Amzn-Apigateway-Api-Id"), body)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// service is a definition with one POST on /{x} that calls a service.
func service(uri string, change ...func(*api.Integration)) *record.Definition {
	in := api.Integration{
		Type: new("AWS"), HttpMethod: new("POST"), Uri: &uri, Credentials: new("arn:aws:iam::000000000000:role/server"),
		IntegrationResponses: map[string]api.IntegrationResponse{"200": {}, "404": {SelectionPattern: new(`4\d\d`)}},
	}
	for _, f := range change {
		f(&in)
	}
	return define(map[string]api.Method{"POST": {AuthorizationType: new("NONE"), MethodIntegration: &in}}, "/{x+}")
}

func serviceWorld(t *testing.T, endpoints map[string]string) *world {
	aws, err := awsclient.New(awsclient.Options{
		Endpoints: endpoints, Credentials: "root", Root: serviceKey, Roles: map[string]string{"arn:aws:iam::000000000000:role/server": "root"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(aws.Close)
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	w := openWorld(t, st, compile.Options{AWS: aws})
	w.start()
	w.commit(store.Put("/begin", nil))
	return w
}

// AWS: integrations.md §7.
func TestServiceIntegration(t *testing.T) {
	w := serviceWorld(t, map[string]string{"*": amazon(t).URL})
	role := func(name string) func(*api.Integration) {
		return func(in *api.Integration) { in.Credentials = new("arn:aws:iam::000000000000:role/" + name) }
	}
	tests := []struct {
		name   string
		def    *record.Definition
		status int
		want   string // parts of the answer, separated by |
	}{
		{"path", service("arn:aws:apigateway:eu-west-1:sqs:path/000000000000/queue?a=b%20c"), 200,
			`POST /000000000000/queue?a=b%20c by AKIAROOTROOTROOTROOT for eu-west-1/sqs token "" target "" type "text/plain"|agent "AmazonAPIGateway_" accept "application/json" api "" body "hello"`},
		{"path with its slash", service("arn:aws:apigateway:eu-west-1:sqs:path//"), 200, "POST / by|for eu-west-1/sqs"},
		{"another Region, another subdomain", service("arn:aws:apigateway:us-east-1:runtime.sagemaker:path/endpoints/e/invocations"), 200,
			"POST /endpoints/e/invocations by|for us-east-1/sagemaker"},
		{"bucket and key", service("arn:aws:apigateway:eu-west-1:s3:path/{bucket}/{key}", func(in *api.Integration) {
			in.HttpMethod = new("PUT")
			in.RequestParameters = map[string]string{"integration.request.path.bucket": "'photos'", "integration.request.path.key": "method.request.path.x",
				"integration.request.querystring.tagging": "'a b'"}
		}), 200, `PUT /photos/a//b%20%28c%29?tagging=a%20b by|for eu-west-1/s3|body "hello"`},
		{"bucket in the host", service("arn:aws:apigateway:eu-west-1:photos.s3:path/k"), 200, "POST /photos/k by|for eu-west-1/s3"},
		{"action", service("arn:aws:apigateway:eu-west-1:sns:action/Publish&TopicArn=arn%3Aaws", func(in *api.Integration) {
			in.RequestParameters = map[string]string{"integration.request.querystring.Message": "method.request.body"}
		}), 200, "POST /?Action=Publish&TopicArn=arn%3Aaws&Message=hello by|for eu-west-1/sns|target \"\""},
		{"action of DynamoDB", service("arn:aws:apigateway:eu-west-1:dynamodb:action/PutItem", func(in *api.Integration) {
			in.RequestTemplates = map[string]string{"text/plain": `{"TableName": "$input.body"}`}
		}), 200, `POST /?Action=PutItem by|target "DynamoDB_20120810.PutItem"|body "{\"TableName\": \"hello\"}"`},
		{"mapped target and type", service("arn:aws:apigateway:eu-west-1:kinesis:action/PutRecord", func(in *api.Integration) {
			in.RequestParameters = map[string]string{"integration.request.header.X-Amz-Target": "'Own.Target'", "integration.request.header.Content-Type": "'application/x-amz-json-1.1'"}
		}), 200, `target "Own.Target" type "application/x-amz-json-1.1"`},
		{"GET has no body", service("arn:aws:apigateway:eu-west-1:apigateway:path/restapis", func(in *api.Integration) { in.HttpMethod = new("GET") }), 200,
			`GET /restapis by|body ""`},
		{"role", service("arn:aws:apigateway:eu-west-1:sqs:path/", role("good")), 200, `by ASIAROLE for eu-west-1/sqs token "token"`},
		{"role of a stage variable", service("arn:aws:apigateway:eu-west-1:${stageVariables.service}:path/", role("${stageVariables.role}")), 200, `by ASIAROLE for eu-west-1/events`},
		{"role that is not given", service("arn:aws:apigateway:eu-west-1:sqs:path/", role("bad")), 500, `{"message": "Internal server error"}`},
		{"no role", service("arn:aws:apigateway:eu-west-1:sqs:path/", func(in *api.Integration) { in.Credentials = nil }), 404, "not signed: Missing Authentication Token"},
		{"chosen by status", service("arn:aws:apigateway:eu-west-1:sqs:path/missing"), 404, "POST /missing by"},
		{"no URI of a service", service("arn:aws:apigateway:eu-west-1:sqs:queue/q"), 500, `{"message": "Internal server error"}`},
		{"path variable without a value", service("arn:aws:apigateway:eu-west-1:s3:path/{bucket}"), 500, `{"message": "Internal server error"}`},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id := fmt.Sprint("a", i)
			w.deploy(id, "s", tt.def, func(st *record.Stage) { st.Variables = map[string]string{"role": "good", "service": "events"} })
			a := w.send("POST", "/_aws/execute-api/"+id+"/s/a//b%20(c)", "hello", "Content-Type: text/plain")
			if a.Status != tt.status {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			for part := range strings.SplitSeq(tt.want, "|") {
				if !strings.Contains(a.Body, part) {
					t.Errorf("answer lacks %s: %s", part, a.Body)
				}
			}
		})
	}
}

// Nothing is sent anywhere before the configuration says where.
func TestServiceWithoutEndpoint(t *testing.T) {
	w := serviceWorld(t, map[string]string{"sqs": amazon(t).URL})
	w.deploy("a1", "s", service("arn:aws:apigateway:eu-west-1:sns:path/"))
	if a := w.send("POST", "/_aws/execute-api/a1/s/x", "hello"); a.Status != 500 || a.Body != `{"message": "Internal server error"}` {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// Binary bodies reach S3 as they are; signed.
func TestServiceBinaryBody(t *testing.T) {
	w := serviceWorld(t, map[string]string{"s3": amazon(t).URL})
	def := service("arn:aws:apigateway:eu-west-1:s3:path/b/k", func(in *api.Integration) { in.HttpMethod = new("PUT") })
	def.RestAPI.BinaryMediaTypes = []string{"image/png"}
	w.deploy("a1", "s", def)
	a := w.send("POST", "/_aws/execute-api/a1/s/x", "\x89PNG\xff", "Content-Type: image/png")
	if want := `body "\x89PNG\xff"`; a.Status != 200 || !strings.Contains(a.Body, want) {
		t.Errorf("%d %s, want %s", a.Status, a.Body, want)
	}
}

// A variable cannot turn a role into a user: such a stage is not served.
func TestServiceOfUser(t *testing.T) {
	w := serviceWorld(t, map[string]string{"sqs": amazon(t).URL})
	def := service("arn:aws:apigateway:eu-west-1:sqs:path/", func(in *api.Integration) {
		in.Credentials = new("arn:aws:iam::000000000000:${stageVariables.who}")
	})
	w.deploy("a1", "s", def, func(st *record.Stage) { st.Variables = map[string]string{"who": "user/ann"} })
	if a := w.send("POST", "/_aws/execute-api/a1/s/x", "hello"); a.Status != 403 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
