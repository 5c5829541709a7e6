package apigatewayv2

import (
	"sync"
	"testing"

	rest "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// domain puts a domain name into the store, without a service that keeps them.
func (c *client) domain(name string) {
	c.t.Helper()
	t := record.In(c.st, store.NewBlobs(c.st, "/"), record.Scope{Account: testAccount, Region: testRegion})
	op, err := t.DomainNames.Put(store.ID(name), record.DomainName{DomainName: rest.DomainName{DomainName: &name}, Scope: t.Scope})
	if err == nil {
		_, err = c.st.Commit(c.t.Context(), nil, []store.Op{op})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// socket makes a WebSocket API with a stage.
func (c *client) socket() (id string) {
	c.t.Helper()
	id = c.must("CreateApi", doc{"Name": "s", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"})["apiId"].(string)
	c.must("CreateStage", doc{"ApiId": id, "StageName": "s"})
	return id
}

// A domain name serves WebSocket APIs, or other ones.
func TestMixedMappings(t *testing.T) {
	c := newClient(t, nil)
	const name = "api.example.com"
	c.domain(name)
	http, socket := c.quick(), c.socket()
	web := doc{"DomainName": name, "ApiId": http, "Stage": "$default", "ApiMappingKey": "web"}
	chat := doc{"DomainName": name, "ApiId": socket, "Stage": "s", "ApiMappingKey": "chat"}
	const refusal = "BadRequestException: " + record.MixedKinds
	first := c.must("CreateApiMapping", web)["apiMappingId"]
	c.fail("CreateApiMapping", chat, refusal)
	second := c.must("CreateApiMapping", with(web, "ApiMappingKey", "more"))["apiMappingId"]
	one := doc{"DomainName": name, "ApiMappingId": first}
	c.fail("UpdateApiMapping", merge(one, doc{"ApiId": socket, "Stage": "s"}), refusal)
	c.must("DeleteApiMapping", doc{"DomainName": name, "ApiMappingId": second})
	c.must("UpdateApiMapping", merge(one, doc{"ApiId": socket, "Stage": "s"})) // the only one
	c.must("CreateApiMapping", chat)
	c.fail("CreateApiMapping", with(web, "ApiMappingKey", "x"), refusal)
}

// Of two that map APIs of both kinds at once only one does.
func TestMixedMappingsAtOnce(t *testing.T) {
	c := newClient(t, nil)
	const name = "api.example.com"
	c.domain(name)
	http, socket := c.quick(), c.socket()
	var both sync.WaitGroup
	both.Go(func() {
		c.do("CreateApiMapping", doc{"DomainName": name, "ApiId": http, "Stage": "$default", "ApiMappingKey": "web"})
	})
	both.Go(func() {
		c.do("CreateApiMapping", doc{"DomainName": name, "ApiId": socket, "Stage": "s", "ApiMappingKey": "chat"})
	})
	both.Wait()
	if list := c.must("GetApiMappings", doc{"DomainName": name})["items"].([]any); len(list) != 1 {
		t.Errorf("the mappings are %v", list)
	}
}

// A domain name has a bounded number of mappings.
func TestMappingsLimit(t *testing.T) {
	c := newClient(t, nil)
	c.svc.limits.Mappings = 1
	c.domain("api.example.com")
	in := doc{"DomainName": "api.example.com", "ApiId": c.quick(), "Stage": "$default"}
	c.must("CreateApiMapping", with(in, "ApiMappingKey", "a"))
	c.fail("CreateApiMapping", with(in, "ApiMappingKey", "b"), "BadRequestException: Maximum number of API mappings of a domain name has been reached")
}
