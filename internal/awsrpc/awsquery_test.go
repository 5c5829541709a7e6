package awsrpc_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/awsrpc"
)

// roles answers CreateRole with what it was asked.
type roles struct{ api.UnimplementedServer }

func (roles) CreateRole(_ context.Context, in *api.CreateRoleInput) (*api.CreateRoleResponse, error) {
	if *in.RoleName == "taken" {
		return nil, api.EntityAlreadyExists("Role with name <taken> already exists.")
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &api.CreateRoleResponse{Role: &api.Role{RoleName: in.RoleName, Description: in.Description, MaxSessionDuration: in.MaxSessionDuration, Tags: in.Tags, CreateDate: &at}}, nil
}

func (roles) DeleteRole(context.Context, *api.DeleteRoleInput) error { return nil }

func TestAWSQuery(t *testing.T) {
	h, err := awsrpc.NewHandler([]awsrpc.Mount{api.Mount(roles{})}, awsrpc.Options{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	const version = "&Version=2010-05-08"
	tests := []struct {
		name, form string
		code       int
		want       string
	}{
		{"members of every kind", "Action=CreateRole" + version + "&RoleName=r&AssumeRolePolicyDocument=d&MaxSessionDuration=3600&Description=" + url.QueryEscape("a<b>&\x01\"é") +
			"&Tags.member.2.Key=c&Tags.member.1.Key=a&Tags.member.1.Value=b+1&Tags.member.2.Value=", 200,
			`<CreateRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
<CreateRoleResult><Role><CreateDate>2026-01-02T03:04:05Z</CreateDate><RoleName>r</RoleName><Description>a&lt;b&gt;&amp;` + "\uFFFD" + `&#34;é</Description><MaxSessionDuration>3600</MaxSessionDuration>` +
				`<Tags><member><Key>a</Key><Value>b 1</Value></member><member><Key>c</Key><Value></Value></member></Tags></Role></CreateRoleResult>
<ResponseMetadata><RequestId>`},
		{"no output", "Action=DeleteRole" + version + "&RoleName=r", 200, "<DeleteRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n<DeleteRoleResult/>\n<ResponseMetadata>"},
		{"an error", "Action=CreateRole" + version + "&RoleName=taken&AssumeRolePolicyDocument=d", 409,
			`<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
<Error><Type>Sender</Type><Code>EntityAlreadyExists</Code><Message>Role with name &lt;taken&gt; already exists.</Message></Error>
<RequestId>`},
		{"a member is missing", "Action=CreateRole" + version + "&RoleName=r", 400,
			"<Code>ValidationError</Code><Message>1 validation error detected: Value null at &#39;assumeRolePolicyDocument&#39; failed to satisfy constraint: Member must not be null</Message>"},
		{"no number", "Action=CreateRole" + version + "&RoleName=r&AssumeRolePolicyDocument=d&MaxSessionDuration=x", 400, "<Code>MalformedQueryString</Code>"},
		{"unknown parameter", "Action=DeleteRole" + version + "&RoleName=r&Force=1", 400, "does not support the parameter Force of DeleteRole"},
		{"unknown action", "Action=Nothing" + version, 404, "<Code>InvalidAction</Code>"},
		{"another version", "Action=DeleteRole&Version=2000-01-01&RoleName=r", 404, "<Code>InvalidAction</Code>"},
		{"not implemented", "Action=UpdateGroup" + version + "&GroupName=g", 501, "<Type>Receiver</Type><Code>NotImplementedException</Code>"},
		{"not a form", "%zz", 404, "<Code>InvalidAction</Code>"},
		{"too many parameters", "Action=DeleteRole" + version + "&RoleName=r" + strings.Repeat("&a=1", 1<<16), 404, "<Code>InvalidAction</Code>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("%.500s = %d %s\nwant %d %s", tt.form, w.Code, w.Body, tt.code, tt.want)
			}
			if got := w.Header().Get("Content-Type"); got != "text/xml" {
				t.Errorf("Content-Type = %q", got)
			}
		})
	}
}
