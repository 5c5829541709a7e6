package gateway

import "slices"

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
func (x *Exchange) BeginTest(st *Stage, rt *Route) {
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
