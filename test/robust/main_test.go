package robust_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"

	"gatehouse/test/gatehousetest"
)

// root is the root of the repository.
const root = "../.."

// repeats is how often a test repeats: what the environment variable says, or
// less where the test is one among many.
func repeats(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return usual
}

// newEcho answers every request with its path.
func newEcho(t *testing.T) string {
	b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	t.Cleanup(b.Close)
	return b.Listener.Addr().String()
}

// definition is an API with one route, which answers with the stage variable v
// in the path.
func definition(name, backend string) []byte {
	return fmt.Appendf(nil, `{"openapi":"3.0.1","info":{"title":%q,"version":"1"},"paths":{"/v":{"get":{"responses":{},
		"x-amazon-apigateway-integration":{"type":"http_proxy","httpMethod":"GET","uri":"http://%s/${stageVariables.v}"}}}}}`, name, backend)
}

// importAPI makes an API and returns its id and that of its root resource.
func importAPI(ctx context.Context, api *gatehousetest.Client, doc []byte) (id, rootResource string, err error) {
	var out struct{ ID, RootResourceID string }
	err = api.Call(ctx, http.MethodPost, "/restapis?mode=import", doc, &out)
	return out.ID, out.RootResourceID, err
}

// deploy makes a deployment to the stage prod with v in its variable.
func deploy(ctx context.Context, api *gatehousetest.Client, id, v string) (deployment string, err error) {
	var out struct{ ID string }
	err = api.Call(ctx, http.MethodPost, "/restapis/"+id+"/deployments", map[string]any{
		"stageName": "prod", "variables": map[string]string{"v": v},
	}, &out)
	return out.ID, err
}

// fetch calls the route and returns status and body.
func fetch(ctx context.Context, client *http.Client, base, id string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/_aws/execute-api/"+id+"/prod/v", http.NoBody)
	if err != nil {
		return 0, "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}
