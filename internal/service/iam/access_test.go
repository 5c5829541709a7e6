package iam_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	acmapi "gatehouse/internal/awsapi/acm"
	"gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsapi/apigatewayv2"
	cfnapi "gatehouse/internal/awsapi/cloudformation"
	trailapi "gatehouse/internal/awsapi/cloudtrail"
	iamapi "gatehouse/internal/awsapi/iam"
	lambdaapi "gatehouse/internal/awsapi/lambda"
	logsapi "gatehouse/internal/awsapi/logs"
	mapapi "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
	"gatehouse/internal/service/iam"
	"gatehouse/internal/sigv4"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

const account = "111122223333"

// A world is the AWS APIs of one account over a store, with everything that
// decides who may call them.
type world struct {
	t       *testing.T
	st      store.Store
	h       *awsrpc.Handler
	root    sigv4.Key
	access  *iam.Access
	audited []string
}

// Begin lets every change begin.
func (w *world) Begin(context.Context, *awsrpc.Call) error { return nil }

// End notes what was decided.
func (w *world) End(_ context.Context, c *awsrpc.Call, o *awsrpc.Outcome) {
	w.audited = append(w.audited, fmt.Sprintf("%s %s:%s %v", c.Caller.PrincipalARN, c.Service, c.Operation, !o.Refused))
}

func newWorld(t *testing.T) *world {
	t.Helper()
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { st.Close() })
	reg := new(identity.Registry)
	f := iam.NewFollower(st, reg, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.Run(ctx) // ends with ctx
	}()
	t.Cleanup(func() { cancel(); <-done })
	settle := func(ctx context.Context) {
		page, err := st.List(ctx, "", "", 1)
		if err == nil {
			err = f.Wait(ctx, page.Rev)
		}
		if err != nil {
			t.Error(err)
		}
	}
	w := &world{t: t, st: st, root: sigv4.Key{AccessKey: "AKIAROOT000000000000", SecretKey: strings.Repeat("r", 40)}}
	access := iam.NewAccess(awsrpc.Credential{
		AccessKey: w.root.AccessKey, SecretKey: awsrpc.Secret(w.root.SecretKey), AccountID: account, PrincipalARN: "arn:aws:iam::" + account + ":root", UserID: account, Root: true,
	}, reg)
	access.Resources, access.ChangeSets = iam.NewResources(st), changeSets{}
	w.access = access
	var err error
	w.h, err = awsrpc.NewHandler([]awsrpc.Mount{
		iamapi.Mount(iam.New(st)),
		apigateway.Mount(apigateway.UnimplementedServer{}),
		apigatewayv2.Mount(apigatewayv2.UnimplementedServer{}),
		lambdaapi.Mount(lambdaapi.UnimplementedServer{}),
		acmapi.Mount(acmapi.UnimplementedServer{}),
		logsapi.Mount(logsapi.UnimplementedServer{}),
		cfnapi.Mount(cfnapi.UnimplementedServer{}),
		trailapi.Mount(trailapi.UnimplementedServer{}),
		mapapi.Mount(mapapi.UnimplementedServer{}),
	}, awsrpc.Options{Credentials: access, Authorizer: access, Audit: w, Wait: settle})
	if err != nil {
		t.Fatal(err)
	}
	settle(ctx)
	return w
}

// changeSets are of the stacks that they are called like.
type changeSets struct{}

func (changeSets) StackOf(_ context.Context, account, region, set string) (string, error) {
	name, ok := strings.CutPrefix(set, "arn:aws:cloudformation:"+region+":"+account+":changeSet/")
	if !ok {
		return "", nil
	}
	return "arn:aws:cloudformation:" + region + ":" + account + ":stack/" + name + "/1", nil
}

// iam makes a call of IAM and returns the status and the answer.
func (w *world) iam(k sigv4.Key, action string, params ...string) (int, string) {
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	return w.call(k, "iam", "POST", "/", form.Encode())
}

func (w *world) call(k sigv4.Key, service, method, target, body string) (int, string) {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return w.send(k, service, r, body)
}

// json makes a call of a service that names its operation in a header.
func (w *world) json(k sigv4.Key, service, operation, body string) string {
	w.t.Helper()
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", operation)
	_, text := w.send(k, service, r, body)
	return text
}

func (w *world) send(k sigv4.Key, service string, r *http.Request, body string) (int, string) {
	w.t.Helper()
	if k.AccessKey != "" {
		sigv4.Sign(r, []byte(body), k, sigv4.Target{Region: "eu-west-1", Service: service}, time.Now())
	}
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	text, err := io.ReadAll(rec.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return rec.Code, string(text)
}

func (w *world) must(action string, params ...string) string {
	w.t.Helper()
	code, text := w.iam(w.root, action, params...)
	if code != http.StatusOK {
		w.t.Fatalf("%s%q = %d %s", action, params, code, text)
	}
	return text
}

// user makes a user with a key and an inline policy.
func (w *world) user(name, document string) sigv4.Key {
	w.t.Helper()
	w.must("CreateUser", "UserName", name, "Path", "/team/")
	if document != "" {
		w.must("PutUserPolicy", "UserName", name, "PolicyName", "p", "PolicyDocument", document)
	}
	var out struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if err := xml.Unmarshal([]byte(w.must("CreateAccessKey", "UserName", name)), &out); err != nil {
		w.t.Fatal(err)
	}
	return sigv4.Key{AccessKey: out.ID, SecretKey: out.Secret}
}

func allow(action, resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}]}`
}

// What a user may call is what its policies say, of exactly the thing that the
// call is about. 501 is the answer of a call that was let through.
func TestAuthorize(t *testing.T) {
	w := newWorld(t)
	w.must("CreateGroup", "GroupName", "ops", "Path", "/deep/")
	tests := []struct {
		name, document          string
		service, method, target string
		body                    string
		want                    int
		text                    string
	}{
		{"read", allow("apigateway:GET", "arn:aws:apigateway:eu-west-1::/restapis/a1/*"), "apigateway", "GET", "/restapis/a1/stages", "", 501, ""},
		{"read another", allow("apigateway:GET", "arn:aws:apigateway:eu-west-1::/restapis/a1/*"), "apigateway", "GET", "/restapis/a2/stages", "", 403,
			"is not authorized to perform: apigateway:GET on resource: arn:aws:apigateway:eu-west-1::/restapis/a2/stages because no identity-based policy allows the apigateway:GET action"},
		{"write", allow("apigateway:GET", "*"), "apigateway", "DELETE", "/restapis/a1", "", 403, "apigateway:DELETE on resource: arn:aws:apigateway:eu-west-1::/restapis/a1"},
		{"another region", allow("apigateway:*", "arn:aws:apigateway:us-east-1::/*"), "apigateway", "GET", "/restapis", "", 403, "arn:aws:apigateway:eu-west-1::/restapis "},
		// A path that is written differently is the same path.
		{"escaped", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"arn:aws:apigateway:*::/restapis/a1*"}]}`,
			"apigateway", "GET", "/restapis/%61%31", "", 403, "with an explicit deny in an identity-based policy"},
		{"trailing slash", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"arn:aws:apigateway:*::/restapis/a1"}]}`,
			"apigateway", "GET", "/restapis/a1/", "", 403, "with an explicit deny"},
		{"invoke", allow("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:"+account+":function:f"), "lambda", "POST", "/2015-03-31/functions/f/invocations", "", 501, ""},
		{"invoke by ARN", allow("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:"+account+":function:f"), "lambda", "POST",
			"/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A" + account + "%3Afunction%3Ag/invocations", "", 403, "function:g because"},
		{"invoke a version", allow("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:"+account+":function:f"), "lambda", "POST", "/2015-03-31/functions/f/invocations?Qualifier=2", "", 403, "function:f:2 because"},
		{"tags of functions cannot be told", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"lambda:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/a":"b"}}}]}`,
			"lambda", "GET", "/2015-03-31/functions/", "", 403, "asks for aws:resourcetag/a, which cannot be told"},
		{"list functions", allow("lambda:ListFunctions", "*"), "lambda", "GET", "/2015-03-31/functions/", "", 501, ""},
		{"own user", allow("iam:GetUser", "arn:aws:iam::"+account+":user/team/${aws:username}"), "iam", "POST", "/", "Action=GetUser&Version=2010-05-08", 200, ""},
		{"own user by name", allow("iam:GetUser", "arn:aws:iam::"+account+":user/team/${aws:username}"), "iam", "POST", "/", "Action=GetUser&Version=2010-05-08&UserName=u-own-user-by-name", 200, ""},
		{"user by name in capitals", allow("iam:GetUser", "arn:aws:iam::"+account+":user/team/u-own-user"), "iam", "POST", "/", "Action=GetUser&Version=2010-05-08&UserName=U-OWN-USER", 200, ""},
		{"another user", allow("iam:GetUser", "arn:aws:iam::"+account+":user/team/${aws:username}"), "iam", "POST", "/", "Action=GetUser&Version=2010-05-08&UserName=u-own-user", 403,
			"iam:GetUser on resource: arn:aws:iam::" + account + ":user/team/u-own-user because"},
		{"group", allow("iam:AddUserToGroup", "arn:aws:iam::"+account+":group/deep/ops"), "iam", "POST", "/", "Action=AddUserToGroup&Version=2010-05-08&GroupName=ops&UserName=u-group", 200, ""},
		{"attach what is named", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/IAMReadOnlyAccess"}}}]}`,
			"iam", "POST", "/", "Action=AttachUserPolicy&Version=2010-05-08&UserName=u-group&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FAdministratorAccess", 403, "iam:AttachUserPolicy"},
		{"no policy", "", "apigateway", "GET", "/restapis", "", 403, "because no identity-based policy allows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := w.user("u-"+strings.ReplaceAll(tt.name, " ", "-"), tt.document)
			code, text := w.call(k, tt.service, tt.method, tt.target, tt.body)
			if code != tt.want || !strings.Contains(text, tt.text) {
				t.Errorf("%s %s = %d %s\nwant %d %s", tt.method, tt.target, code, text, tt.want, tt.text)
			}
		})
	}
	if n := len(w.audited); n == 0 || !strings.Contains(strings.Join(w.audited, "\n"), "user/team/u-write apigateway:DeleteRestApi false") {
		t.Errorf("audited %d calls: %q", n, w.audited)
	}
}

// A policy decides by all that a call is about, however the caller names it.
func TestAuthorizeNames(t *testing.T) {
	w := newWorld(t)
	const (
		logs, trails, cloudMap = "Logs_20140328.", "CloudTrail_20131101.", "Route53AutoNaming_v20170314."
		here                   = ":eu-west-1:" + account + ":"
	)
	deny := func(resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"` + resource + `"}]}`
	}
	trail, secret := "arn:aws:cloudtrail"+here+"trail/audit", "arn:aws:logs"+here+"log-group:secret:*"
	for i, tt := range []struct {
		service, operation, body string
		policy                   string
		allowed                  bool
	}{
		{"cloudtrail", trails + "StopLogging", `{"Name":"audit"}`, deny(trail), false},
		{"cloudtrail", trails + "StopLogging", `{"Name":"` + trail + `"}`, deny(trail), false},
		{"cloudtrail", trails + "StopLogging", `{"Name":"arn:aws-cn:cloudtrail` + here + `trail/audit"}`, deny(trail), false},
		{"cloudtrail", trails + "PutEventSelectors", `{"TrailName":"audit"}`, deny(trail), false},
		{"cloudtrail", trails + "RemoveTags", `{"ResourceId":"` + trail + `","TagsList":[]}`, deny(trail), false},
		{"cloudtrail", trails + "ListTags", `{"ResourceIdList":["other","` + trail + `"]}`, deny(trail), false},
		{"cloudtrail", trails + "StopLogging", `{"Name":"other"}`, deny(trail), true},
		{"cloudtrail", trails + "StopLogging", `{"Name":"audit"}`, allow("cloudtrail:StopLogging", trail), true},
		{"cloudtrail", trails + "LookupEvents", `{}`, allow("cloudtrail:*", trail), false},
		{"logs", logs + "StartLiveTail", `{"logGroupIdentifiers":["arn:aws:logs` + here + `log-group:open","arn:aws:logs` + here + `log-group:secret"]}`, deny(secret), false},
		{"logs", logs + "StartLiveTail", `{"logGroupIdentifiers":["arn:aws:logs` + here + `log-group:open"]}`, deny(secret), true},
		{"logs", logs + "StartLiveTail", `{"logGroupIdentifiers":["arn:aws:logs` + here + `log-group:secret"]}`, allow("logs:StartLiveTail", secret), true},
		{"logs", logs + "DeleteLogGroup", `{"logGroupName":"secret"}`, deny(secret), false},
		{"logs", logs + "CreateDelivery", `{"deliverySourceName":"s","deliveryDestinationArn":"arn:aws:logs` + here + `delivery-destination:d"}`, deny("arn:aws:logs" + here + "delivery-destination:d"), false},
		{"logs", logs + "CreateDelivery", `{"deliverySourceName":"s","deliveryDestinationArn":"arn:aws:logs` + here + `delivery-destination:d"}`, deny("arn:aws:logs" + here + "delivery-destination:e"), true},
		{"servicediscovery", cloudMap + "CreateService", `{"Name":"s","DnsConfig":{"NamespaceId":"ns-1","DnsRecords":[]}}`, deny("arn:aws:servicediscovery" + here + "namespace/ns-1"), false},
		{"servicediscovery", cloudMap + "CreateService", `{"Name":"s","DnsConfig":{"NamespaceId":"ns-1","DnsRecords":[]}}`, deny("arn:aws:servicediscovery" + here + "namespace/ns-2"), true},
	} {
		want := "NotImplementedException"
		if !tt.allowed {
			want = "AccessDeniedException"
		}
		if text := w.json(w.user(fmt.Sprint("n", i), tt.policy), tt.service, tt.operation, tt.body); !strings.Contains(text, want) {
			t.Errorf("%s %s with %s\n= %s, want %s", tt.operation, tt.body, tt.policy, text, want)
		}
	}
	const layer = "/2018-10-31/layers/"
	secretLayer := "arn:aws:lambda" + here + "layer:secret"
	for i, tt := range []struct{ method, target, body, resource string }{
		{"GET", layer + "secret/versions/3", "", secretLayer},
		{"GET", layer + url.PathEscape(secretLayer) + "/versions/3", "", secretLayer},
		{"GET", layer + url.PathEscape(secretLayer+":3") + "/versions/3", "", secretLayer},
		{"GET", layer + url.PathEscape("arn:aws-cn:lambda"+here+"layer:secret") + "/versions/3", "", secretLayer},
		{"GET", strings.TrimSuffix(layer, "/") + "?find=LayerVersion&Arn=" + url.QueryEscape(secretLayer+":3"), "", secretLayer},
		{"POST", "/?Action=ExecuteChangeSet&Version=2010-05-15&StackName=prod&ChangeSetName=set", "", "arn:aws:cloudformation" + here + "stack/prod/*"},
		{"POST", "/?Action=ExecuteChangeSet&Version=2010-05-15&ChangeSetName=arn:aws:cloudformation" + here + "changeSet/prod", "", "arn:aws:cloudformation" + here + "stack/prod/*"},
		{"POST", "/2015-03-31/functions", `{"FunctionName":"prod","Role":"arn:aws:iam::111122223333:role/r","Code":{}}`, "arn:aws:lambda" + here + "function:prod"},
	} {
		service := "lambda"
		if strings.HasPrefix(tt.target, "/?") {
			service = "cloudformation"
		}
		for resource, want := range map[string]int{tt.resource: 403, tt.resource + "-2": 501} {
			if code, text := w.call(w.user(fmt.Sprintf("l%d-%d", i, want), deny(resource)), service, tt.method, tt.target, tt.body); code != want {
				t.Errorf("%s %s without %s = %d %s, want %d", tt.method, tt.target, resource, code, text, want)
			}
		}
	}
}

// Whose policies are simulated is who the whole ARN names: by it policies let
// callers in.
func TestSimulateByARN(t *testing.T) {
	w := newWorld(t)
	w.user("ann", allow("*", "*"))
	for _, tt := range []struct {
		arn  string
		want int
	}{{"user/team/ann", 200}, {"user/mine/ann", 404}, {"user/ann", 404}} {
		code, text := w.iam(w.root, "SimulatePrincipalPolicy", "PolicySourceArn", "arn:aws:iam::"+account+":"+tt.arn, "ActionNames.member.1", "s3:GetObject")
		if code != tt.want {
			t.Errorf("%s = %d %s, want %d", tt.arn, code, text, tt.want)
		}
	}
}

// What a simulation is told counts: the time, who calls, and what the role's
// tags are.
func TestSimulateContext(t *testing.T) {
	w := newWorld(t)
	w.must("CreateRole", "RoleName", "web", "AssumeRolePolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`, "Tags.member.1.Key", "Team", "Tags.member.1.Value", "red")
	role := "arn:aws:iam::" + account + ":role/web"
	when := func(condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username, 'x'}","Condition":` + condition + `}]}`
	}
	entry := func(key, kind, value string) []string {
		at := "ContextEntries.member.1."
		return []string{at + "ContextKeyName", key, at + "ContextKeyType", kind, at + "ContextKeyValues.member.1", value}
	}
	for _, tt := range []struct {
		name, condition, resource string
		more                      []string
		want                      string
	}{
		{"a role's tag", `{"StringEquals":{"aws:PrincipalTag/team":"red"}}`, "x", nil, "allowed"},
		{"a role's type", `{"StringEquals":{"aws:PrincipalType":"AssumedRole"}}`, "x", nil, "allowed"},
		{"another time", `{"DateLessThan":{"aws:CurrentTime":"2001-01-01"}}`, "x", entry("aws:CurrentTime", "date", "2000-01-01T00:00:00Z"), "allowed"},
		{"now", `{"DateLessThan":{"aws:CurrentTime":"2001-01-01"}}`, "x", nil, "implicitDeny"},
		{"a user's name", `{"Null":{"aws:CurrentTime":"false"}}`, "ann", entry("aws:username", "string", "ann"), "allowed"},
		{"a caller", `{"StringEquals":{"aws:PrincipalType":"User"}}`, "bob", []string{"CallerArn", "arn:aws:iam::" + account + ":user/team/bob"}, "allowed"},
		{"a time that is none", `{"Null":{"aws:CurrentTime":"false"}}`, "x", entry("aws:CurrentTime", "date", "soon"), "Invalid value of aws:currenttime: soon"},
		{"a caller that is none", `{"Null":{"aws:CurrentTime":"false"}}`, "x", []string{"CallerArn", "bob"}, "Invalid Entity Arn: bob"},
	} {
		args := append([]string{"PolicySourceArn", role, "ActionNames.member.1", "s3:GetObject", "ResourceArns.member.1", "arn:aws:s3:::b/" + tt.resource,
			"PolicyInputList.member.1", when(tt.condition)}, tt.more...)
		if _, text := w.iam(w.root, "SimulatePrincipalPolicy", args...); !strings.Contains(text, ">"+tt.want+"<") {
			t.Errorf("%s: %s, want %s", tt.name, text, tt.want)
		}
	}
	var many []string
	for i := range 101 {
		n := strconv.Itoa(i + 1)
		many = append(many, "ActionNames.member."+n, "s3:A"+n, "ResourceArns.member."+n, "arn:aws:s3:::"+n)
	}
	if code, text := w.iam(w.root, "SimulatePrincipalPolicy", append(many, "PolicySourceArn", role)...); code != 400 || !strings.Contains(text, "At most 10000 actions of resources") {
		t.Errorf("over ten thousand: %d %.200s", code, text)
	}
	// Another account's resources need a policy of their own.
	mine := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	for owner, want := range map[string]string{account: "allowed", "arn:aws:iam::" + account + ":root": "allowed", "arn:aws:iam::999999999999:root": "implicitDeny"} {
		_, text := w.iam(w.root, "SimulatePrincipalPolicy", "PolicySourceArn", role, "ActionNames.member.1", "s3:GetObject", "PolicyInputList.member.1", mine, "ResourceOwner", owner)
		if !strings.Contains(text, ">"+want+"<") {
			t.Errorf("of %s: %s, want %s", owner, text, want)
		}
	}
}

// A trust policy names users and roles that are there, by all of their ARN, and
// what is of other accounts or no user or role at all.
func TestTrustNamesWhoIsThere(t *testing.T) {
	w := newWorld(t)
	w.user("ann", allow("*", "*")) // of the path /team/
	mine := "arn:aws:iam::" + account + ":"
	for i, tt := range []struct {
		principal string
		there     bool
	}{
		{mine + "user/team/ann", true}, {mine + "user/ann", false}, {mine + "user/bob", false}, {mine + "role/r0", true}, {mine + "role/nobody", false},
		{mine + "root", true}, {account, true}, {"arn:aws:iam::999999999999:user/bob", true}, {"arn:aws:sts::" + account + ":assumed-role/nobody/s", true}, {"*", true},
	} {
		document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + tt.principal + `"},"Action":"sts:AssumeRole"}]}`
		code, text := w.iam(w.root, "CreateRole", "RoleName", "r"+strconv.Itoa(i), "AssumeRolePolicyDocument", document)
		if tt.there && (code != 200 || !strings.Contains(text, url.QueryEscape(document))) {
			t.Errorf("%s: %d %s", tt.principal, code, text)
		}
		if !tt.there && (code != 400 || !strings.Contains(text, "MalformedPolicyDocument")) {
			t.Errorf("%s is taken: %d %s", tt.principal, code, text)
		}
	}
}

// Who is not let in, whatever the call.
func TestStrangers(t *testing.T) {
	w := newWorld(t)
	ann := w.user("ann", allow("*", "*"))
	if code, text := w.call(ann, "apigateway", "GET", "/restapis", ""); code != 501 {
		t.Fatalf("ann = %d %s", code, text)
	}
	wrong, cut, other := ann, ann, ann
	wrong.SecretKey, cut.AccessKey, other.SessionToken = "x", ann.AccessKey[:19], "AAAA"
	for name, k := range map[string]sigv4.Key{"nobody": {}, "wrong secret": wrong, "unknown key": cut, "a token that is none": other} {
		for _, service := range []string{"apigateway", "iam"} {
			code, text := 0, ""
			if service == "iam" {
				code, text = w.iam(k, "ListUsers")
			} else {
				code, text = w.call(k, service, "GET", "/restapis", "")
			}
			if code != 403 {
				t.Errorf("%s of %s = %d %s", service, name, code, text)
			}
			if isXML := strings.HasPrefix(text, "<ErrorResponse"); isXML != (service == "iam") {
				t.Errorf("%s of %s is answered with %s", service, name, text)
			}
		}
	}
	for _, step := range [][]string{
		{"UpdateAccessKey", "UserName", "ann", "AccessKeyId", ann.AccessKey, "Status", "Inactive"},
		{"UpdateAccessKey", "UserName", "ann", "AccessKeyId", ann.AccessKey, "Status", "Active"},
		{"DeleteAccessKey", "UserName", "ann", "AccessKeyId", ann.AccessKey},
	} {
		w.must(step[0], step[1:]...)
		want := 403
		if strings.HasSuffix(strings.Join(step, " "), " Active") {
			want = 501
		}
		if code, text := w.call(ann, "apigateway", "GET", "/restapis", ""); code != want {
			t.Errorf("after %q = %d %s, want %d", step, code, text, want)
		}
	}
	if code, text := w.iam(w.root, "ListUsers", "Filter.member.1", "x"); code != 400 || !strings.Contains(text, "Gatehouse does not support the parameter Filter of ListUsers") {
		t.Errorf("an unknown parameter = %d %s", code, text)
	}
	if code, text := w.iam(w.root, "NoSuchAction"); code != 404 || !strings.Contains(text, "<Code>InvalidAction</Code>") {
		t.Errorf("an unknown action = %d %s", code, text)
	}
}

// No answer but that of CreateAccessKey shows a secret.
func TestSecretsAreShownOnce(t *testing.T) {
	w := newWorld(t)
	ann := w.user("ann", allow("*", "*"))
	for _, action := range []string{"GetUser", "ListGroupsForUser", "ListAccessKeys"} {
		if text := w.must(action, "UserName", "ann"); strings.Contains(text, ann.SecretKey) {
			t.Errorf("%s shows the secret: %s", action, text)
		}
	}
}

// A group that is renamed keeps its members, and what they may do.
func TestRenamedGroup(t *testing.T) {
	w := newWorld(t)
	w.must("CreateGroup", "GroupName", "ops")
	w.must("CreateGroup", "GroupName", "taken")
	w.must("PutGroupPolicy", "GroupName", "ops", "PolicyName", "p", "PolicyDocument", allow("apigateway:GET", "*"))
	k := w.user("ann", "")
	w.must("AddUserToGroup", "GroupName", "ops", "UserName", "ann")
	if code, text := w.iam(w.root, "UpdateGroup", "GroupName", "ops", "NewGroupName", "Taken"); code != 409 {
		t.Errorf("renamed to a group that there is: %d %s", code, text)
	}
	w.must("UpdateGroup", "GroupName", "OPS", "NewGroupName", "Gate", "NewPath", "/deep/")
	if code, text := w.call(k, "apigateway", "GET", "/restapis", ""); code != 501 {
		t.Errorf("a member calls: %d %s", code, text)
	}
	if text := w.must("GetGroup", "GroupName", "gate"); !strings.Contains(text, "<Arn>arn:aws:iam::"+account+":group/deep/Gate</Arn>") || !strings.Contains(text, "<UserName>ann</UserName>") {
		t.Error(text)
	}
	if code, text := w.iam(w.root, "GetGroup", "GroupName", "ops"); code != 404 {
		t.Errorf("the old name: %d %s", code, text)
	}
	text := w.must("GetAccountSummary")
	for _, want := range []string{"<key>Users</key><value>1</value>", "<key>Groups</key><value>2</value>", "<key>Roles</key><value>0</value>", "<key>GroupsPerUserQuota</key><value>10</value>"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}

// AWS: aws-solutions/innovation-sandbox-on-aws#59; websocket-execution.md §9.
func TestConnectionsRefusal(t *testing.T) {
	w := newWorld(t)
	ann := w.user("ann", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:ManageConnections",
		"Resource":"arn:aws:execute-api:eu-west-1:`+account+`:api/prod/GET/@connections/*"}]}`)
	call := func(method string) error {
		return w.access.Authorize(t.Context(), &awsrpc.Call{Caller: awsrpc.Caller{Account: account, Region: "eu-west-1", AccessKey: ann.AccessKey, Host: "api.execute-api", Base: "/prod"},
			Service: "execute-api", API: "apigatewaymanagementapi", Method: method, Labels: map[string]string{"ConnectionId": "x"}})
	}
	if err := call("GET"); err != nil {
		t.Error(err)
	}
	var refused *awsrpc.Error
	if err := call("POST"); !errors.As(err, &refused) {
		t.Fatalf("got %v", err)
	}
	const want = "User: arn:aws:iam::" + account + ":user/team/ann is not authorized to perform: execute-api:ManageConnections on resource: " +
		"arn:aws:execute-api:eu-west-1:********3333:api/prod/POST/@connections/{connectionId} because no identity-based policy allows the execute-api:ManageConnections action"
	if refused.Code != "AccessDeniedException" || refused.MessageName != "Message" || refused.Message != want {
		t.Errorf("got %+v, want %s", refused, want)
	}
}
