package apigateway

import (
	"fmt"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
)

// BenchmarkEdit changes one integration response of an API with 300 resources
// and as many methods: what an edit costs beside the store's commit.
func BenchmarkEdit(b *testing.B) {
	c := newClient(b)
	var paths []string
	for i := range 300 {
		paths = append(paths, fmt.Sprintf("/r%03d", i))
	}
	ctx := caller(b.Context())
	out, err := c.svc.ImportRestApi(ctx, &api.ImportRestApiInput{Body: []byte(petsAPI("1", paths...))})
	if err != nil {
		b.Fatal(err)
	}
	list, err := c.svc.GetResources(ctx, &api.GetResourcesInput{RestApiId: out.Id, Limit: new(int32(1))})
	if err != nil {
		b.Fatal(err)
	}
	next, err := c.svc.GetResources(ctx, &api.GetResourcesInput{RestApiId: out.Id, Position: list.Position})
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		i++
		_, err := c.svc.UpdateIntegrationResponse(ctx, &api.UpdateIntegrationResponseInput{
			RestApiId: out.Id, ResourceId: next.Items[0].Id, HttpMethod: new("GET"), StatusCode: new("200"),
			PatchOperations: []api.PatchOperation{{Op: new("replace"), Path: new("/selectionPattern"), Value: new(strings.Repeat("x", i%7))}},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
