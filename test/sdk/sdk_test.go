// Package sdk_test runs the official AWS SDKs, unmodified, against the real
// binary.
package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/google/go-cmp/cmp"

	"gatehouse/test/gatehousetest"
)

const (
	root   = "../.."
	region = "eu-central-1"
)

// start builds and starts a server for one test.
func start(t *testing.T, args ...string) *gatehousetest.Server {
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

func newClient(t *testing.T, s *gatehousetest.Server) *apigateway.Client {
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	return apigateway.New(apigateway.Options{
		Region:           region,
		BaseEndpoint:     aws.String(s.Endpoint()),
		Credentials:      credentials.NewStaticCredentialsProvider(access, secret, ""),
		RetryMaxAttempts: 1,
	})
}

// newBackend answers every request with its path.
func newBackend(t *testing.T) string {
	b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	t.Cleanup(b.Close)
	return b.Listener.Addr().String()
}

// TestGo builds an API call by call, deploys it, calls it, changes it.
func TestGo(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := newClient(t, s)
	id := buildAPI(ctx, t, c, newBackend(t))

	got := call(t, s, id, "prod", "/pets/7")
	if want := "200 /animals/7"; got != want {
		t.Errorf("GET /pets/7 = %s, want %s", got, want)
	}

	_, err := c.UpdateStage(ctx, &apigateway.UpdateStageInput{
		RestApiId: &id, StageName: aws.String("prod"),
		PatchOperations: []types.PatchOperation{{Op: types.OpReplace, Path: aws.String("/variables/kind"), Value: aws.String("beasts")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := call(t, s, id, "prod", "/pets/7"), "200 /beasts/7"; got != want {
		t.Errorf("after the change GET /pets/7 = %s, want %s", got, want)
	}

	if _, err := c.DeleteRestApi(ctx, &apigateway.DeleteRestApiInput{RestApiId: &id}); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: &id})
	var notFound *types.NotFoundException
	if !errors.As(err, &notFound) {
		t.Errorf("GetRestApi after deletion: %v, want a NotFoundException", err)
	}
}

func buildAPI(ctx context.Context, t *testing.T, c *apigateway.Client, backend string) string {
	api, err := c.CreateRestApi(ctx, &apigateway.CreateRestApiInput{
		Name: aws.String("pets"), Description: aws.String("by the SDK"), Tags: map[string]string{"team": "zoo"},
	})
	if err != nil {
		t.Fatal(err)
	}
	pets, err := c.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: api.Id, ParentId: api.RootResourceId, PathPart: aws.String("pets")})
	if err != nil {
		t.Fatal(err)
	}
	pet, err := c.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: api.Id, ParentId: pets.Id, PathPart: aws.String("{id}")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.PutMethod(ctx, &apigateway.PutMethodInput{
		RestApiId: api.Id, ResourceId: pet.Id, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("NONE"),
		RequestParameters: map[string]bool{"method.request.path.id": true},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: api.Id, ResourceId: pet.Id, HttpMethod: aws.String("GET"),
		Type: types.IntegrationTypeHttpProxy, IntegrationHttpMethod: aws.String("GET"),
		Uri:               aws.String("http://" + backend + "/${stageVariables.kind}/{id}"),
		RequestParameters: map[string]string{"integration.request.path.id": "method.request.path.id"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{
		RestApiId: api.Id, StageName: aws.String("prod"), Variables: map[string]string{"kind": "animals"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *api.Id
}

func call(t *testing.T, s *gatehousetest.Server, api, stage, path string) string {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.DataPlane()+"/_aws/execute-api/"+api+"/"+stage+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := new(http.Client).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status[:3] + " " + string(body)
}

// TestGoPages lists more APIs than fit a page, with the SDK's paginator.
func TestGoPages(t *testing.T) {
	s := start(t)
	c := newClient(t, s)
	want := map[string]bool{}
	for i := range 7 {
		name := "api" + string(rune('a'+i))
		if _, err := c.CreateRestApi(t.Context(), &apigateway.CreateRestApiInput{Name: &name}); err != nil {
			t.Fatal(err)
		}
		want[name] = true
	}
	got := map[string]bool{}
	pages := 0
	for p := apigateway.NewGetRestApisPaginator(c, &apigateway.GetRestApisInput{Limit: aws.Int32(3)}); p.HasMorePages(); pages++ {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, api := range page.Items {
			got[*api.Name] = true
		}
	}
	if d := cmp.Diff(want, got); d != "" || pages != 3 {
		t.Errorf("%d pages, want 3; -want +got:\n%s", pages, d)
	}
}

// TestGoPresigned makes a call with the signature in the query, by the SDK's
// signer, and one with a wrong secret.
func TestGoPresigned(t *testing.T) {
	s := start(t)
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, tt := range []struct {
		name, secret string
		status       int
	}{{"right", secret, 200}, {"wrong", secret + "x", 403}} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint()+"/restapis?limit=2&X-Amz-Expires=60", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			cred := aws.Credentials{AccessKeyID: access, SecretAccessKey: tt.secret}
			url, _, err := v4.NewSigner().PresignHTTP(t.Context(), cred, req, emptyHash, "apigateway", region, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			req, err = http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := new(http.Client).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status {
				t.Errorf("status %d (%v), want %d: %s", resp.StatusCode, err, tt.status, body)
			}
		})
	}
}

// python is Debian's, which has Debian's boto3.
const python = "/usr/bin/python3"

// TestPython runs boto3.py with boto3.
func TestPython(t *testing.T) {
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		t.Skipf("%s has no boto3: install Debian's python3-boto3 (make test does so as root)", python)
	}
	s := start(t)
	facts, err := json.Marshal(map[string]string{
		"endpoint": s.Endpoint(), "dataPlane": s.DataPlane(), "backend": newBackend(t), "region": region,
		"petstore": filepath.Join(root, "examples", "petstore", "petstore.yaml"),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "boto3_client.py", string(facts))
	cmd.Env = append(os.Environ(), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.Data, "root-credential"), "AWS_EC2_METADATA_DISABLED=true")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
