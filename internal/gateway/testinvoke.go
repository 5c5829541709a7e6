package gateway

import (
	"bytes"
	"io"
	"slices"
)

// What $context says of a test invocation, where it says something of its own.
//
// AWS: bodies of events in public issues and articles, 2017 to 2023.
const (
	TestStage    = "test-invoke-stage"
	testDomain   = "testPrefix.testDomainName"
	testSourceIP = "test-invoke-source-ip"
	testAPIKey   = "test-invoke-api-key"
	testAPIKeyID = "test-invoke-api-key-id"
)

// BeginTest prepares x, whose request is filled in, to be run through the plan
// of a route that need not be deployed. A path that is not the route's has no
// parameters, and is called all the same.
//
// AWS: LS api::test_invoke_test_method, …-bad-path.
func (g *Gateway) BeginTest(x *Exchange, st *Stage, rt *Route) {
	x.bodies = &g.Bodies
	x.begin()
	path := x.MethodRequest.Path
	x.Vars.Domain, x.Vars.Path, x.Vars.PathTail = testDomain, path, path
	x.Vars.APIKey, x.Vars.APIKeyID, x.Vars.TestInvoke = testAPIKey, testAPIKeyID, true
	x.Stage, x.Route, x.plan = st, rt, rt.Plan
	if _, params := st.Router.Match(x.Vars.HTTPMethod, path, x.Vars.Params[:0]); len(params) == len(rt.ParamNames) {
		x.Vars.Params = params
		return
	}
	x.Vars.Params = slices.Grow(x.Vars.Params[:0], len(rt.ParamNames))[:len(rt.ParamNames)]
	clear(x.Vars.Params)
}

// TestBody returns the body that the client would get: of one that is streamed, which
// has no limit for clients, as much as others may have.
func (x *Exchange) TestBody() ([]byte, error) {
	b := &x.MethodResponse.Body
	if b.Source == nil {
		return b.Bytes, nil
	}
	body, err := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(b.Bytes), b.Source), x.bodies.response()))
	_ = b.Source.Close() // what is left of it nobody wants
	b.Source = nil
	return body, err
}
