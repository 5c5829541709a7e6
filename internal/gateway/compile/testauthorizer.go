package compile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/record"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// testAuthorizerStage is the name of the stage that tests of authorizers see.
//
// AWS: it is in the methodArn of such events.
const testAuthorizerStage = "ESTestInvoke-stage"

// TestAuthorizer asks an authorizer of a definition that need not be deployed
// about a request, and returns what it said. What is kept counts for nothing.
func (c *Compiler) TestAuthorizer(ctx context.Context, scope record.Scope, def *record.Definition, in *api.TestInvokeAuthorizerInput) (*api.TestInvokeAuthorizerResponse, error) {
	var out *api.TestInvokeAuthorizerResponse
	err := c.safely(func() (err error) {
		out, err = c.testAuthorizer(ctx, scope, def, in)
		return err
	})
	return out, err
}

func (c *Compiler) testAuthorizer(ctx context.Context, scope record.Scope, def *record.Definition, in *api.TestInvokeAuthorizerInput) (*api.TestInvokeAuthorizerResponse, error) {
	a, ok := def.Authorizers[str(in.AuthorizerId)]
	if !ok {
		return nil, fmt.Errorf("test of authorizer %s: there is none", str(in.AuthorizerId))
	}
	p := &planner{
		c: c, b: &built{clusters: make(map[upstream.Key]bool), decisions: make(map[cache.Key]bool), issuers: make(map[string]bool)},
		id: stageID{scope, str(in.RestApiId), testAuthorizerStage}, def: def, variables: in.StageVariables, test: true,
	}
	rt := &gateway.Route{ResourceID: "test-invoke-resource-id", ResourcePath: "/", Method: http.MethodGet, Plan: new(gateway.Plan)}
	router, err := gateway.NewRouter([]*gateway.Route{rt})
	if err != nil {
		return nil, err
	}
	st := &gateway.Stage{Account: scope.Account, Region: scope.Region, API: str(in.RestApiId), Name: testAuthorizerStage, Router: router, Variables: in.StageVariables}
	t := &test{c: c, p: p, stage: st, route: rt}
	x := &gateway.Exchange{Log: gateway.NewExecutionLog(gateway.LogInfo, true), Peer: &wire.Peer{Proto: "HTTP/1.1"}}
	t.fill(&x.MethodRequest, &api.TestInvokeMethodInput{Headers: in.Headers, MultiValueHeaders: in.MultiValueHeaders,
		PathWithQueryString: in.PathWithQueryString, Body: in.Body})
	c.gw.BeginTest(x, st, rt)
	defer c.gw.Finish(x, wire.Sent{})
	x.Log.Add("Starting authorizer: ", str(a.Id), " for request: ", x.Vars.RequestID)
	by, err := p.testedAuthorizer(&a, rt)
	if err == nil {
		err = by.Authorize(ctx, x)
	} else {
		err = gateway.NewFault(gateway.AuthorizerConfigurationError, err)
	}
	return authorizerResult(x, err), nil
}

// testedAuthorizer makes an authorizer that keeps nothing.
func (p *planner) testedAuthorizer(a *api.Authorizer, rt *gateway.Route) (gateway.Authorizer, error) {
	if str(a.Type) == api.AuthorizerTypeCognitoUserPools {
		one := *a
		one.AuthorizerResultTtlInSeconds = new(int32)
		u, err := p.newUserPools(&one)
		if err != nil {
			return nil, err
		}
		return u.For(nil), nil
	}
	l, err := p.newLambdaAuthorizer(a, false)
	if err != nil {
		return nil, err
	}
	return l.For(event.NewForm(rt, p.variables)), nil
}

// authorizerResult is what a test shows of an authorizer's decision.
//
// AWS: clientStatus is 0 if the authorizer succeeded, whatever its policy says
// (API reference of TestInvokeAuthorizer); lines by authorizers.md §1.7.
func authorizerResult(x *gateway.Exchange, err error) *api.TestInvokeAuthorizerResponse {
	out := &api.TestInvokeAuthorizerResponse{ClientStatus: new(int32)}
	a := x.Authorization
	if err != nil || a == nil {
		var f *gateway.Fault
		if !errors.As(err, &f) {
			f = gateway.NewFault(gateway.AuthorizerConfigurationError, err)
		}
		*out.ClientStatus = int32(f.StatusCode())
		if f.Type == gateway.Unauthorized {
			x.Log.Add("Unauthorized request: ", x.Vars.RequestID)
		} else {
			x.Log.Add("Execution failed due to configuration error: ", fmt.Sprint(f.Cause))
			x.Log.Add(f.ErrorTypeHeader())
		}
	} else {
		if principal, ok := a.Value("principalId"); ok {
			out.PrincipalId = new(strings.Clone(principal))
			x.Log.Add("Using valid authorizer policy for principal: ", hideAllBut(principal, 6))
		}
		if a.Policy != "" {
			out.Policy = new(a.Policy)
		}
		for _, c := range a.Claims {
			if out.Claims == nil {
				out.Claims = make(map[string]string)
			}
			out.Claims[c.Name] = c.Value
		}
		x.Log.Add("Successfully completed authorizer execution")
	}
	out.Log = new(string(x.Log.Append(nil, x.Vars.RequestID)))
	out.Latency = new(time.Since(x.Vars.Start).Milliseconds())
	return out
}

// hideAllBut shows no more than the last characters of a text.
func hideAllBut(text string, n int) string {
	return strings.Repeat("*", max(0, len(text)-n)) + text[max(0, len(text)-n):]
}
