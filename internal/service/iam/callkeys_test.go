package iam_test

import (
	"fmt"
	"strings"
	"testing"

	v1 "gatehouse/internal/awsapi/apigateway"
	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/sigv4"
	"gatehouse/internal/store"
)

// addThings stores an API of each kind, a stage and a domain name.
func (w *world) addThings() {
	w.t.Helper()
	scope := record.Scope{Account: account, Region: "eu-west-1"}
	t := record.In(w.st, store.NewBlobs(w.st, ""), scope)
	err := store.Update(w.t.Context(), w.st, func(c *store.Change) error {
		store.Add(c, t.RestAPIs, "a1", record.RestAPI{Scope: scope, RestApi: v1.RestApi{Id: new("a1"), Name: new("pets"), Tags: map[string]string{"Team": "red"},
			EndpointConfiguration: &v1.EndpointConfiguration{Types: []string{"PRIVATE"}}}})
		store.Add(c, t.Stages, store.ID("a1", "prod"), record.Stage{Scope: scope, RestAPI: "a1", Stage: v1.Stage{StageName: new("prod"), Tags: map[string]string{"Team": "blue"}}})
		store.Add(c, t.APIs, "b1", record.API{Scope: scope, Api: v2.Api{ApiId: new("b1"), Name: new("http"), Tags: map[string]string{"team": "red"}, DisableExecuteApiEndpoint: new(true)}})
		store.Add(c, t.DomainNames, store.ID("x.example.com"), record.DomainName{Scope: scope, DomainName: v1.DomainName{DomainName: new("x.example.com"),
			MutualTlsAuthentication: &v1.MutualTlsAuthentication{TruststoreUri: new("s3://trust/ca.pem")}}})
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Conditions of the services' own decide by what the operation will be called with;
// one that cannot be told lets nobody in, where AWS would know it.
func TestServiceConditions(t *testing.T) {
	w := newWorld(t)
	statement := func(effect, condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"},{"Effect":"` + effect + `","Action":"*","Resource":"*","Condition":` + condition + `},
			{"Effect":"Allow","Action":"` + map[string]string{"Allow": "none:*", "Deny": "*"}[effect] + `","Resource":"*"}]}`
	}
	const request, permission = "CertificateManager.RequestCertificate", "/2015-03-31/functions/f/policy"
	prod, dev := `{"DomainName":"a.dev.example","SubjectAlternativeNames":["B.PROD.example"]}`, `{"DomainName":"a.dev.example"}`
	anyProd, allDev := statement("Deny", `{"ForAnyValue:StringLike":{"acm:DomainNames":"*.prod.example"}}`), statement("Allow", `{"ForAllValues:StringLike":{"acm:DomainNames":"*.dev.example"}}`)
	principal := statement("Allow", `{"StringEqualsIfExists":{"lambda:Principal":"apigateway.amazonaws.com"}}`)
	url := statement("Deny", `{"StringLike":{"cloudformation:TemplateUrl":"https://other*"}}`)
	for i, tt := range []struct {
		document, service, method, target, body string
		refused                                 string
	}{
		{anyProd, "acm", "", request, prod, "explicit deny"},
		{anyProd, "acm", "", request, dev, ""},
		{allDev, "acm", "", request, prod, "no identity-based policy"},
		{allDev, "acm", "", request, dev, ""},
		{statement("Deny", `{"StringEquals":{"acm:KeyAlgorithm":"RSA_2048"}}`), "acm", "", request, dev, "explicit deny"},
		{statement("Deny", `{"StringEquals":{"acm:ValidationMethod":"EMAIL"}}`), "acm", "", request, dev, ""},
		{principal, "lambda", "POST", permission, `{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}`, "asks for lambda:principal"},
		{principal, "lambda", "GET", permission, "", ""},
		{url, "cloudformation", "POST", "/?Action=CreateStack&Version=2010-05-15&StackName=s&TemplateURL=https://other/t", "", "explicit deny"},
		{url, "cloudformation", "POST", "/?Action=CreateStack&Version=2010-05-15&StackName=s&TemplateURL=https://own/t", "", ""},
		{statement("Deny", `{"StringEquals":{"iam:ResourceTag/guarded":"true"}}`), "iam", "POST", "/?Action=DeleteUser&Version=2010-05-08&UserName=v1", "", "asks for iam:resourcetag/guarded"},
		{statement("Deny", `{"StringEquals":{"lambda:Principal":"*"}}`), "iam", "POST", "/?Action=ListUsers&Version=2010-05-08", "", ""},
	} {
		k, text := w.user(fmt.Sprint("v", i), tt.document), ""
		if tt.method == "" {
			text = w.json(k, tt.service, tt.target, tt.body)
		} else {
			_, text = w.call(k, tt.service, tt.method, tt.target, tt.body)
		}
		if in := !strings.Contains(text, "AccessDenied") && !strings.Contains(text, "is not authorized"); in != (tt.refused == "") || !strings.Contains(text, tt.refused) {
			t.Errorf("%s %s by %s\n= %s, want %q", tt.target, tt.body, tt.document, text, tt.refused)
		}
	}
}

// So do those on tags of buckets.
func TestBucketConditions(t *testing.T) {
	w := newWorld(t)
	k := w.user("ann", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/guarded":"true"}}}]}`)
	for operation, refused := range map[string]bool{"GetObject": true, "PutObject": false} {
		err := w.access.Authorize(t.Context(), &awsrpc.Call{Caller: awsrpc.Caller{Account: account, AccessKey: k.AccessKey}, Service: "s3", API: "s3", Operation: operation,
			Labels: map[string]string{"Bucket": "b", "Key": "k"}})
		if refused != (err != nil) || refused && !strings.Contains(err.Error(), "asks for aws:resourcetag/guarded") {
			t.Errorf("%s: %v, want refused: %v", operation, err, refused)
		}
	}
}

// So do those on passing a role, which know where the call comes from.
func TestPassRoleConditions(t *testing.T) {
	w := newWorld(t)
	const role = "arn:aws:iam::" + account + ":role/r"
	for i, tt := range []struct{ condition, refused string }{
		{`{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}`, "explicit deny"},
		{`{"StringEquals":{"iam:PassedToService":"other.amazonaws.com"}}`, ""},
		{`{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, "explicit deny"},
		{`{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`, ""},
		{`{"StringEquals":{"iam:ResourceTag/guarded":"true"}}`, "asks for iam:resourcetag/guarded"},
		{`{"ArnLike":{"iam:AssociatedResourceArn":"arn:aws:ec2:*"}}`, "asks for iam:associatedresourcearn"},
	} {
		k := w.user(fmt.Sprint("p", i), `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:PassRole","Resource":"*","Condition":`+tt.condition+`}]}`)
		ctx := awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: account, Region: "eu-west-1", AccessKey: k.AccessKey, RemoteAddr: "192.0.2.7:1000"})
		err := w.access.PassRole(ctx, role, "lambda.amazonaws.com")
		if (tt.refused == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.refused) {
			t.Errorf("%s: %v, want %q", tt.condition, err, tt.refused)
		}
	}
}

// Conditions on what a call of API Gateway sets, and on what the thing is that
// it is about, decide. 501 is the answer of a call that was let through.
func TestAPIGatewayConditions(t *testing.T) {
	w := newWorld(t)
	w.addThings()
	deny := func(condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"apigateway:*","Resource":"*","Condition":` + condition + `}]}`
	}
	only := func(condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"apigateway:*","Resource":"*","Condition":` + condition + `}]}`
	}
	edge := deny(`{"ForAnyValue:StringEquals":{"apigateway:Request/EndpointType":["EDGE"]}}`)
	red := only(`{"StringEquals":{"aws:ResourceTag/Team":"red"}}`)
	keys := map[string]sigv4.Key{}
	for i, tt := range []struct {
		document, method, target, body string
		want                           int
	}{
		{edge, "POST", "/restapis", `{"name":"a","endpointConfiguration":{"types":["EDGE"]}}`, 403},
		{edge, "POST", "/restapis", `{"name":"a","endpointConfiguration":{"types":["REGIONAL"]}}`, 501},
		{edge, "POST", "/restapis", `{"name":"a"}`, 501},
		// What counts is what the operation will be called with.
		{edge, "POST", "/restapis", `{"name":"a","endpointConfiguration":{"types":["REGIONAL"]},"endpointConfiguration":{"types":["EDGE"]}}`, 403},
		{edge, "PATCH", "/restapis/a1", `{"patchOperations":[{"op":"replace","path":"/endpointConfiguration/types/PRIVATE","value":"EDGE"}]}`, 403},
		{edge, "PATCH", "/restapis/a1", `{"patchOperations":[{"op":"replace","path":"/name","value":"EDGE"}]}`, 501},
		{edge, "POST", "/v2/domainnames", `{"domainName":"d.example.com","domainNameConfigurations":[{"endpointType":"EDGE"}]}`, 403},
		{edge, "GET", "/restapis", "", 501},
		{edge, "POST", "/restapis?mode=import", `{"swagger":"2.0"}`, 403}, // it cannot be told
		{only(`{"StringLike":{"apigateway:Request/ApiName":"team-*"}}`), "POST", "/restapis", `{"name":"team-a"}`, 501},
		{only(`{"StringLike":{"apigateway:Request/ApiName":"team-*"}}`), "POST", "/v2/apis", `{"name":"other","protocolType":"HTTP"}`, 403},
		{deny(`{"Bool":{"apigateway:Request/ApiKeyRequired":"false"}}`), "PUT", "/restapis/a1/resources/r/methods/GET", `{"authorizationType":"NONE","apiKeyRequired":false}`, 403},
		{deny(`{"StringEquals":{"apigateway:Request/RouteAuthorizationType":"NONE"}}`), "PUT", "/restapis/a1/resources/r/methods/GET", `{"authorizationType":"NONE"}`, 403},
		{deny(`{"StringEquals":{"apigateway:Request/RouteAuthorizationType":"NONE"}}`), "POST", "/v2/apis/b1/routes", `{"routeKey":"GET /","authorizationType":"AWS_IAM"}`, 501},
		{only(`{"StringEquals":{"apigateway:Request/StageName":"beta"}}`), "POST", "/restapis/a1/stages", `{"stageName":"prod","deploymentId":"d"}`, 403},
		{only(`{"StringEquals":{"aws:RequestTag/Team":"red"}}`), "POST", "/restapis", `{"name":"a","tags":{"Team":"red"}}`, 501},
		{only(`{"StringEquals":{"aws:RequestTag/Team":"red"}}`), "POST", "/restapis", `{"name":"a","tags":{"Team":"blue"}}`, 403},
		{deny(`{"ForAnyValue:StringEquals":{"aws:TagKeys":["owner"]}}`), "POST", "/restapis", `{"name":"a","tags":{"owner":"me"}}`, 403},
		{deny(`{"ForAnyValue:StringEquals":{"aws:TagKeys":["owner"]}}`), "DELETE", "/tags/arn%3Aaws%3Aapigateway%3Aeu-west-1%3A%3A%2Frestapis%2Fa1?tagKeys=owner", "", 403},
		{red, "GET", "/restapis/a1", "", 501},
		{red, "GET", "/restapis/a1/resources", "", 501},
		{red, "GET", "/restapis/a1/stages/prod", "", 403}, // is blue
		{red, "GET", "/v2/apis/b1/routes", "", 501},
		{red, "GET", "/restapis/none", "", 403},
		{red, "GET", "/tags/arn%3Aaws%3Aapigateway%3Aeu-west-1%3A%3A%2Frestapis%2Fa1", "", 501},
		{deny(`{"ForAnyValue:StringEquals":{"apigateway:Resource/EndpointType":"PRIVATE"}}`), "PATCH", "/restapis/a1", `{"patchOperations":[]}`, 403},
		{only(`{"Bool":{"apigateway:Resource/DisableExecuteApiEndpoint":"true"}}`), "GET", "/v2/apis/b1", "", 501},
		{deny(`{"StringLike":{"apigateway:Resource/MtlsTrustStoreUri":"*"}}`), "DELETE", "/domainnames/X.example.com", "", 403},
		{deny(`{"StringEquals":{"apigateway:Resource/AuthorizerType":"TOKEN"}}`), "DELETE", "/restapis/a1/authorizers/x", "", 403}, // it cannot be told
		{deny(`{"StringEquals":{"apigateway:Resource/AuthorizerType":"TOKEN"}}`), "GET", "/restapis/a1", "", 501},
		{deny(`{"StringEquals":{"apigateway:Request/NoSuchThing":"x"}}`), "GET", "/restapis/a1", "", 403},
	} {
		k, ok := keys[tt.document]
		if !ok {
			k = w.user("c"+strings.Repeat("i", i+1), tt.document)
			keys[tt.document] = k
		}
		if code, text := w.call(k, "apigateway", tt.method, tt.target, tt.body); code != tt.want {
			t.Errorf("%s %s %s by %s\n= %d %s, want %d", tt.method, tt.target, tt.body, tt.document, code, text, tt.want)
		}
	}
}
