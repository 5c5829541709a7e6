package sdk_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"gatehouse/test/gatehousetest"
)

// signedAPI deploys a method that requires a signature and returns its URL.
func signedAPI(t *testing.T, s *gatehousetest.Server) string {
	t.Helper()
	c := newClient(t, s)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	api, err := c.CreateRestApi(t.Context(), &apigateway.CreateRestApiInput{Name: aws.String("signed")})
	must(err)
	proxy, err := c.CreateResource(t.Context(), &apigateway.CreateResourceInput{RestApiId: api.Id, ParentId: api.RootResourceId, PathPart: aws.String("{proxy+}")})
	must(err)
	any := aws.String("ANY")
	_, err = c.PutMethod(t.Context(), &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: proxy.Id, HttpMethod: any, AuthorizationType: aws.String("AWS_IAM")})
	must(err)
	_, err = c.PutMethodResponse(t.Context(), &apigateway.PutMethodResponseInput{RestApiId: api.Id, ResourceId: proxy.Id, HttpMethod: any, StatusCode: aws.String("200")})
	must(err)
	_, err = c.PutIntegration(t.Context(), &apigateway.PutIntegrationInput{
		RestApiId: api.Id, ResourceId: proxy.Id, HttpMethod: any, Type: types.IntegrationTypeMock,
		RequestTemplates:    map[string]string{"application/json": `{"statusCode":200}`, "text/plain": `{"statusCode":200}`},
		PassthroughBehavior: aws.String("WHEN_NO_MATCH"),
	})
	must(err)
	_, err = c.PutIntegrationResponse(t.Context(), &apigateway.PutIntegrationResponseInput{
		RestApiId: api.Id, ResourceId: proxy.Id, HttpMethod: any, StatusCode: aws.String("200"),
		ResponseTemplates: map[string]string{"application/json": `$context.identity.userArn`},
	})
	must(err)
	_, err = c.CreateDeployment(t.Context(), &apigateway.CreateDeploymentInput{RestApiId: api.Id, StageName: aws.String("prod")})
	must(err)
	return s.DataPlane() + "/_aws/execute-api/" + *api.Id + "/prod"
}

// What the signers of the SDKs make of difficult paths, queries and bodies is
// accepted.
func TestSignedRequests(t *testing.T) {
	s := start(t)
	base := signedAPI(t, s)
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	cred := aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}
	signer := v4.NewSigner()
	const want = "arn:aws:iam::000000000000:root"
	targets := []string{
		"/pets", "/pets/", "/a%20b/c", "/a+b", "/%7Etilde~/star*", "/caf%C3%A9", "/pets?b=2&a=1&a=0&c", "/pets?q=a%20b%2Fc&empty=", "/x:y@z!$'(),;=",
	}
	for _, target := range targets {
		for _, body := range []string{"", `{"n":1}`} {
			for _, presign := range []bool{false, true} {
				method := http.MethodGet
				if body != "" {
					method = http.MethodPost
				}
				req, err := http.NewRequestWithContext(t.Context(), method, base+target, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if body != "" {
					req.Header.Set("Content-Type", "application/json")
				}
				sum := sha256.Sum256([]byte(body))
				hash := hex.EncodeToString(sum[:])
				if presign {
					url, header, err := signer.PresignHTTP(t.Context(), cred, req, hash, "execute-api", region, time.Now())
					if err != nil {
						t.Fatal(err)
					}
					if req, err = http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader([]byte(body))); err != nil {
						t.Fatal(err)
					}
					req.Header = header
				} else if err := signer.SignHTTP(t.Context(), cred, req, hash, "execute-api", region, time.Now()); err != nil {
					t.Fatal(err)
				}
				if code, text := send(t, req); code != 200 || text != want {
					t.Errorf("%s %s (presigned %v) = %d %s", method, target, presign, code, text)
				}
			}
		}
	}
}

func send(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := new(http.Client).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// botocore signs differently in small things.
func TestSignedByBotocore(t *testing.T) {
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import botocore").Run() != nil {
		t.Skip("botocore is missing: install Debian's python3-botocore")
	}
	s := start(t)
	base := signedAPI(t, s)
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	const script = `
import sys, urllib.request
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
base, access, secret, region = sys.argv[1:]
for auth in (SigV4Auth, SigV4QueryAuth):
    for target in ("/pets", "/a%20b/c", "/pets?b=2&a=1&q=a%20b", "/caf%C3%A9/~"):
        for body in (None, b'{"n":1}'):
            r = AWSRequest("POST" if body else "GET", base + target, data=body, headers={"Content-Type": "application/json"})
            auth(Credentials(access, secret), "execute-api", region).add_auth(r)
            p = r.prepare()
            q = urllib.request.Request(p.url, data=body, headers=dict(p.headers), method=p.method)
            try:
                print(urllib.request.urlopen(q).read().decode())
            except urllib.error.HTTPError as e:
                print(auth.__name__, target, body, e.code, e.read().decode())
`
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, python, "-c", script, base, access, secret, region).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, want := string(out), strings.Repeat("arn:aws:iam::000000000000:root\n", 16); got != want {
		t.Errorf("got\n%s", got)
	}
}
