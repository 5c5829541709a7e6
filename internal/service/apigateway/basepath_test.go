package apigateway

import (
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// TestMixedMappings: a domain name that serves WebSocket APIs comes to serve no REST
// API, neither by a new mapping nor by one of those that there are.
func TestMixedMappings(t *testing.T) {
	c := newClient(t)
	id, _ := c.newDeployableAPI()
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
	domain := doc{"domainName": "api.example.com"}
	c.must("CreateDomainName", with(domain, "endpointConfiguration", doc{"types": []string{"REGIONAL"}}))
	tables := record.In(c.st, store.NewBlobs(c.st, "/"), record.Scope{Account: testAccount, Region: testRegion})
	for _, path := range []string{"chat", "news"} { // as API mappings make them
		err := store.Update(t.Context(), c.st, func(change *store.Change) error {
			store.Add(change, tables.APIs, store.ID(path), record.API{Scope: tables.Scope, Api: v2.Api{ApiId: new(path), ProtocolType: new(v2.ProtocolTypeWebsocket)}})
			store.Add(change, tables.BasePathMappings, store.ID("api.example.com", path), record.BasePathMapping{Scope: tables.Scope, DomainName: "api.example.com",
				BasePathMapping: api.BasePathMapping{BasePath: new(path), RestApiId: new(path)}})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const refusal = "BadRequestException: " + record.MixedKinds
	target := patch("replace", "/restApiId", id)
	c.fail("CreateBasePathMapping", with(domain, "restApiId", id, "stage", "prod"), refusal)
	c.fail("UpdateBasePathMapping", with(domain, "basePath", "chat", "patchOperations", target), refusal)
	c.must("DeleteBasePathMapping", with(domain, "basePath", "news"))
	c.must("UpdateBasePathMapping", with(domain, "basePath", "chat", "patchOperations", target)) // the only one
	c.must("CreateBasePathMapping", with(domain, "restApiId", id, "stage", "prod"))
}
