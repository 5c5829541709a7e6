package awsclient_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/sigv4"
	"gatehouse/internal/wire"
)

var rootKey = sigv4.Key{AccessKey: "AKIAROOTROOTROOTROOT", SecretKey: "root/secret+of/forty/characters/all/told"}

// verify proves the signature of a request as a strict server does, and
// returns the scope and the session token.
func verify(t *testing.T, r *http.Request, body []byte, secrets map[string]string) *sigv4.Signature {
	t.Helper()
	q := sigv4.FromHTTP(r)
	sig, err := sigv4.Parse(&q)
	if err != nil {
		t.Errorf("%s %s: %v", r.Method, r.RequestURI, err)
		return &sigv4.Signature{}
	}
	if err := sig.Verify(&q, body, secrets[sig.AccessKey], time.Now()); err != nil {
		t.Errorf("%s %s: %v", r.Method, r.RequestURI, err)
	}
	return sig
}

func newClient(t *testing.T, opt awsclient.Options) *awsclient.Client {
	t.Helper()
	c, err := awsclient.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func getenv(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		if name == "AWS_EC2_METADATA_DISABLED" {
			return "true"
		}
		return ""
	}
}

func TestEndpoint(t *testing.T) {
	c := newClient(t, awsclient.Options{
		Endpoints: map[string]string{
			"sqs": "http://127.0.0.1:9324", "sqs@eu-west-1": "https://queue.example/base/", "runtime.sagemaker": "https://models.example",
			"s3": "http://store.example:9000", "dynamodb": "aws", "iam": "aws", "iotdata": "aws", "apigateway": "self",
			"s3@eu-north-1": "https://{subdomain}.store.{region}.example", "ses": "aws", "email": "aws",
		},
		Self: func() string { return "http://127.0.0.1:4566" },
	})
	tests := []struct {
		name awsclient.Name
		want string // scheme://host:port path, Host, Region, signing name
	}{
		{awsclient.Name{Service: "sqs", Region: "us-east-1"}, "http 127.0.0.1 9324 /, 127.0.0.1:9324 us-east-1 sqs"},
		{awsclient.Name{Service: "sqs", Region: "eu-west-1"}, "https queue.example 443 /base/, queue.example eu-west-1 sqs"},
		{awsclient.Name{Subdomain: "runtime", Service: "sagemaker", Region: "us-east-1"}, "https models.example 443 /, models.example us-east-1 sagemaker"},
		{awsclient.Name{Subdomain: "photos", Service: "s3", Region: "us-east-1"}, "http store.example 9000 /photos/, store.example:9000 us-east-1 s3"},
		{awsclient.Name{Subdomain: "photos", Service: "s3", Region: "eu-north-1"}, "https photos.store.eu-north-1.example 443 /, photos.store.eu-north-1.example eu-north-1 s3"},
		{awsclient.Name{Service: "dynamodb", Region: "cn-north-1"}, "https dynamodb.cn-north-1.amazonaws.com.cn 443 /, dynamodb.cn-north-1.amazonaws.com.cn cn-north-1 dynamodb"},
		{awsclient.Name{Service: "iam", Region: "eu-west-1"}, "https iam.amazonaws.com 443 /, iam.amazonaws.com us-east-1 iam"},
		{awsclient.Name{Subdomain: "a1b2-ats", Service: "iotdata", Region: "eu-west-1"}, "https a1b2-ats.iot.eu-west-1.amazonaws.com 443 /, a1b2-ats.iot.eu-west-1.amazonaws.com eu-west-1 iotdata"},
		{awsclient.Name{Service: "email", Region: "eu-west-1"}, "https email.eu-west-1.amazonaws.com 443 /, email.eu-west-1.amazonaws.com eu-west-1 ses"},
		{awsclient.Name{Service: "apigateway", Region: "eu-west-1"}, "http 127.0.0.1 4566 /, 127.0.0.1:4566 eu-west-1 apigateway"},
	}
	for _, tt := range tests {
		e, err := c.Endpoint(tt.name)
		if err != nil {
			t.Errorf("%+v: %v", tt.name, err)
			continue
		}
		got := fmt.Sprintf("%s %s %d %s/, %s %s %s", e.Key.Scheme, e.Key.Host, e.Key.Port, e.Path, e.Authority, e.Scope.Region, e.Scope.Service)
		if got != tt.want {
			t.Errorf("%+v = %s, want %s", tt.name, got, tt.want)
		}
	}
	_, err := c.Endpoint(awsclient.Name{Service: "kinesis", Region: "us-east-1"})
	if !errors.Is(err, awsclient.ErrNoEndpoint) || !strings.Contains(err.Error(), "--service-endpoint kinesis=URL") {
		t.Errorf("unknown service: %v", err)
	}
}

func TestOthersAreNamedExplicitly(t *testing.T) {
	c := newClient(t, awsclient.Options{Endpoints: map[string]string{"*": "http://{service}.{region}.internal"}})
	e, err := c.Endpoint(awsclient.Name{Service: "kinesis", Region: "eu-west-1"})
	if err != nil || e.Key.Host != "kinesis.eu-west-1.internal" {
		t.Errorf("endpoint = %+v, %v", e, err)
	}
}

func TestBadOptions(t *testing.T) {
	tests := []struct {
		opt  awsclient.Options
		want string
	}{
		{awsclient.Options{Endpoints: map[string]string{"s3": "localhost:9000"}}, "s3: \"localhost:9000\" is not an endpoint"},
		{awsclient.Options{Endpoints: map[string]string{"S3": "http://h"}}, "is not the name of a service"},
		{awsclient.Options{Endpoints: map[string]string{"s3": "http://user:secret@h"}}, "has no user"},
		{awsclient.Options{Endpoints: map[string]string{"s3": "http://h:99999"}}, "99999 is not a port"},
		{awsclient.Options{Credentials: "guess"}, "is no source of credentials"},
		{awsclient.Options{Credentials: "root"}, "there is no root credential"},
		{awsclient.Options{Roles: map[string]string{"arn:aws:iam::1:role/r": "x"}}, "arn:aws:iam::1:role/r: \"x\" is no source"},
	}
	for _, tt := range tests {
		if _, err := awsclient.New(tt.opt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.opt, err, tt.want)
		}
	}
}

func TestDo(t *testing.T) {
	long := strings.Repeat("a long answer ", 10_000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sig := verify(t, r, body, map[string]string{rootKey.AccessKey: rootKey.SecretKey})
		w.Header().Set("X-Scope", sig.Scope.Region+"/"+sig.Scope.Service)
		w.Header().Set("X-Hash", r.Header.Get("X-Amz-Content-Sha256"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.RequestURI+" "+string(body)+long)
	}))
	defer srv.Close()
	c := newClient(t, awsclient.Options{Endpoints: map[string]string{"*": srv.URL + "/base"}, Credentials: "root", Root: rootKey})
	tests := []struct{ service, path, query, scope, hash string }{
		{"lambda", "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations", "a=b%20c&Q", "eu-west-1/lambda", ""},
		// What every service but S3 signs twice escaped, S3 signs once.
		{"s3", "/bucket/a//b%2Fc/./d%20(e)*", "list-type=2&prefix=", "eu-west-1/s3", sigv4.HashPayload([]byte("body"))},
	}
	for _, tt := range tests {
		reply, err := c.Do(t.Context(), &awsclient.Call{
			Name: awsclient.Name{Service: tt.service, Region: "eu-west-1"}, Method: "POST", Path: tt.path, Query: tt.query,
			Header: []wire.Field{{Name: "Content-Type", Value: "text/plain"}}, Body: []byte("body"),
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(reply.Body)
		if err != nil || reply.Body.Close() != nil {
			t.Fatal(err)
		}
		if want := "/base" + tt.path + "?" + tt.query + " body" + long; string(got) != want || reply.Status != http.StatusTeapot {
			t.Errorf("%d %.200s, want %.200s", reply.Status, got, want)
		}
		if reply.Header.Get("X-Scope") != tt.scope || reply.Header.Get("X-Hash") != tt.hash {
			t.Errorf("signed for %s with hash %q", reply.Header.Get("X-Scope"), reply.Header.Get("X-Hash"))
		}
	}
}

// A sts is a server that gives credentials to roles, as STS does.
type sts struct {
	*httptest.Server
	calls  atomic.Int32
	life   time.Duration
	refuse atomic.Bool
}

func newSTS(t *testing.T, life time.Duration) *sts {
	s := &sts{life: life}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n := s.calls.Add(1)
		form, _ := url.ParseQuery(string(body))
		action := form.Get("Action")
		switch {
		case s.refuse.Load():
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>`)
			return
		case action == "AssumeRoleWithWebIdentity":
			if form.Get("WebIdentityToken") != "the.web.token" || r.Header.Get("Authorization") != "" {
				t.Errorf("web identity: token %q, signature %q", form.Get("WebIdentityToken"), r.Header.Get("Authorization"))
			}
		default:
			if sig := verify(t, r, body, map[string]string{"AKID": "secret", rootKey.AccessKey: rootKey.SecretKey}); sig.Scope.Service != "sts" {
				t.Errorf("signed for %s", sig.Scope.Service)
			}
		}
		fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>%[2]s#%[3]d</AccessKeyId>`+
			`<SecretAccessKey>role secret</SecretAccessKey><SessionToken>%[4]s</SessionToken><Expiration>%[5]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`,
			action, form.Get("RoleArn"), n, form.Get("RoleSessionName"), time.Now().Add(s.life).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(s.Close)
	return s
}

func TestRole(t *testing.T) {
	s := newSTS(t, time.Hour)
	c := newClient(t, awsclient.Options{
		Endpoints: map[string]string{"sts": s.URL}, Credentials: "root", Root: rootKey,
		Roles:  map[string]string{"arn:aws:iam::1:role/local": "aws"},
		Getenv: getenv("AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "secret"),
	})
	for range 3 {
		src, err := c.Role("arn:aws:iam::1:role/r", "1", "eu-west-1")
		if err != nil {
			t.Fatal(err)
		}
		cred, err := src.Credentials(t.Context())
		if err != nil || cred.Key.AccessKey != "arn:aws:iam::1:role/r#1" || cred.Key.SessionToken != "BackplaneAssumeRoleSession" {
			t.Fatalf("credentials = %v, %v", cred, err)
		}
	}
	if n := s.calls.Load(); n != 1 {
		t.Errorf("STS was asked %d times", n)
	}
	src, err := c.Role("arn:aws:iam::1:role/local", "1", "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	if cred, err := src.Credentials(t.Context()); err != nil || cred.Key.AccessKey != "AKID" || s.calls.Load() != 1 {
		t.Errorf("role with a source of its own: %v, %v", cred, err)
	}
}

func TestRoleRefused(t *testing.T) {
	s := newSTS(t, time.Hour)
	s.refuse.Store(true)
	c := newClient(t, awsclient.Options{Endpoints: map[string]string{"sts": s.URL}, Credentials: "root", Root: rootKey})
	src, err := c.Role("arn:aws:iam::1:role/r", "1", "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = src.Credentials(t.Context())
		if !errors.Is(err, awsclient.ErrCredentials) || !strings.Contains(err.Error(), "403 AccessDenied: not you") {
			t.Errorf("error = %v", err)
		}
	}
	if n := s.calls.Load(); n != 1 {
		t.Errorf("STS was asked %d times within a second", n)
	}
	c = newClient(t, awsclient.Options{Credentials: "root", Root: rootKey})
	src, _ = c.Role("arn:aws:iam::1:role/r", "1", "eu-west-1")
	if _, err = src.Credentials(t.Context()); !errors.Is(err, awsclient.ErrNoEndpoint) {
		t.Errorf("without STS: %v", err)
	}
}

func TestChain(t *testing.T) {
	s := newSTS(t, time.Hour)
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document := func(key string) {
			_ = json.NewEncoder(w).Encode(map[string]any{"Code": "Success", "AccessKeyId": key, "SecretAccessKey": "s", "Token": "t", "Expiration": time.Now().Add(time.Hour)})
		}
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") != "":
			_, _ = io.WriteString(w, "imds token")
		case r.URL.Path == "/creds" && r.Header.Get("Authorization") == "container token":
			document("CONTAINER")
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "imds token":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/latest/meta-data/iam/security-credentials/":
			_, _ = io.WriteString(w, "my-role")
		case r.URL.Path == "/latest/meta-data/iam/security-credentials/my-role":
			document("INSTANCE")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer metadata.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	token := write("token", "the.web.token\n")
	files := []string{"AWS_CONFIG_FILE", write("config", `
[default]
region = eu-north-1
[profile  key]
aws_access_key_id = FROMCONFIG
aws_secret_access_key = x
s3 =
  aws_access_key_id = nested
[profile role]
role_arn = arn:aws:iam::1:role/a
source_profile = base
role_session_name = me
[profile web]
role_arn = arn:aws:iam::1:role/w
web_identity_token_file = `+token+`
[profile env]
role_arn = arn:aws:iam::1:role/e
credential_source = Environment
[profile loop]
role_arn = arn:aws:iam::1:role/e
source_profile = loop
[profile sso]
sso_session = corp
[profile mfa]
role_arn = arn:aws:iam::1:role/e
source_profile = base
mfa_serial = arn:aws:iam::1:mfa/me
`), "AWS_SHARED_CREDENTIALS_FILE", write("credentials", `
# keys
[key]
aws_access_key_id=FROMCREDENTIALS
aws_secret_access_key=y
aws_session_token=z
[base]
aws_access_key_id=AKID
aws_secret_access_key=secret
`)}
	env := []string{"AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "secret"}
	tests := []struct {
		name   string
		source string
		env    []string
		want   string // access key, without a number; or the error
	}{
		{"environment first", "", append([]string{"AWS_PROFILE", "key"}, env...), "AKID"},
		{"half an environment", "", env[:2], "must be set together"},
		{"credentials file wins", "", []string{"AWS_PROFILE", "key"}, "FROMCREDENTIALS"},
		{"named in the configuration", "profile:key", env, "FROMCREDENTIALS"},
		{"role of another profile", "profile:role", nil, "arn:aws:iam::1:role/a"},
		{"role of web identity", "profile:web", nil, "arn:aws:iam::1:role/w"},
		{"role of the environment", "profile:env", env, "arn:aws:iam::1:role/e"},
		{"profiles in a circle", "profile:loop", nil, "more than 5 profiles in a row"},
		{"sso", "profile:sso", nil, "sso_session is not supported"},
		{"mfa", "profile:mfa", nil, "mfa_serial"},
		{"no such profile", "", []string{"AWS_PROFILE", "nobody"}, "profile nobody: there is none"},
		{"web identity", "", []string{"AWS_WEB_IDENTITY_TOKEN_FILE", token, "AWS_ROLE_ARN", "arn:aws:iam::1:role/pod"}, "arn:aws:iam::1:role/pod"},
		{"container", "", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", metadata.URL + "/creds", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "container token"}, "CONTAINER"},
		{"container elsewhere", "", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/creds"}, "neither this machine nor HTTPS"},
		{"instance", "", []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.URL, "AWS_EC2_METADATA_DISABLED", "false"}, "INSTANCE"},
		{"nothing", "", nil, "found none"},
		{"none", "none", env, "aws-credentials: none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, awsclient.Options{
				Endpoints: map[string]string{"sts": s.URL}, Credentials: tt.source, Getenv: getenv(append(tt.env, files...)...),
			})
			cred, err := c.Own().Credentials(t.Context())
			got := cred.Key.AccessKey
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) || got == "" {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	cred := awsclient.Credentials{Key: sigv4.Key{AccessKey: "AKID", SecretKey: "hush", SessionToken: "hushed"}}
	text, _ := json.Marshal(cred)
	for _, s := range []string{fmt.Sprint(cred), fmt.Sprintf("%+v", cred), fmt.Sprintf("%#v", cred), string(text)} {
		if strings.Contains(s, "hush") {
			t.Errorf("printed as %s", s)
		}
	}
}
