package compile_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/function"
	"gatehouse/internal/record"
)

// guarded is a method whose callers an authorizer knows; it answers who they
// are.
func guarded(id string, change ...func(*api.Method)) api.Method {
	m := mock(`$context.authorizer.principalId $context.authorizer.who $!context.authorizer.claims.sub`, change...)
	m.AuthorizationType, m.AuthorizerId = new("CUSTOM"), &id
	return m
}

// gate is the authorizer that lets in whom the header A names, but not nobody.
func gate(calls *int) functions {
	return functions{functionPrefix + "gate": func(_ context.Context, in *function.Invocation) (*function.Result, error) {
		*calls++
		var event struct{ AuthorizationToken, MethodArn string }
		if err := json.Unmarshal(in.Payload, &event); err != nil {
			return nil, err
		}
		if event.AuthorizationToken == "nobody" {
			return &function.Result{Status: 200, Error: "Unhandled", Payload: []byte(`{"errorMessage":"Unauthorized"}`)}, nil
		}
		answer, err := json.Marshal(map[string]any{"principalId": event.AuthorizationToken, "context": map[string]any{"who": in.Source.ARN},
			"usageIdentifierKey": "key-of-" + event.AuthorizationToken,
			"policyDocument": map[string]any{"Version": "2012-10-17", "Statement": []any{
				map[string]any{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": strings.TrimSuffix(event.MethodArn, "pets") + "*"}}}})
		return &function.Result{Status: 200, Payload: answer}, err
	}}
}

func withGate(def *record.Definition, change ...func(*api.Authorizer)) *record.Definition {
	a := api.Authorizer{Id: new("gate"), Name: new("gate"), Type: new("TOKEN"), IdentitySource: new("method.request.header.A"),
		AuthorizerUri: new("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/" + functionPrefix + "${stageVariables.fn}/invocations")}
	for _, f := range change {
		f(&a)
	}
	def.Authorizers = map[string]api.Authorizer{"gate": a}
	return def
}

func gateVariable(st *record.Stage) { st.Variables = map[string]string{"fn": "gate"} }

func TestLambdaAuthorizer(t *testing.T) {
	calls := 0
	w := worldWith(t, gate(&calls))
	w.deploy("api1", "s", withGate(define(map[string]api.Method{"GET": guarded("gate")}, "/pets")), gateVariable)
	w.expect("me arn:aws:execute-api:eu-west-1:000000000000:api1/authorizers/gate ", "api1", "s", "/pets", "A: me")
	w.expect("me arn:aws:execute-api:eu-west-1:000000000000:api1/authorizers/gate ", "api1", "s", "/pets", "A: me")
	w.expect("401", "api1", "s", "/pets", "A: nobody")
	w.expect("401", "api1", "s", "/pets")
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
	// What is kept outlives a change of the stage, but neither a flush nor a
	// change of the authorizer.
	w.commit(w.putStage("api1", "s", "d1", gateVariable, func(st *record.Stage) { st.Description = new("changed") }))
	w.get("api1", "s", "/pets", "A: me")
	if calls != 2 {
		t.Errorf("%d calls after a change of the stage, want 2", calls)
	}
	w.c.FlushStageAuthorizers(testScope, "api1", "s")
	w.get("api1", "s", "/pets", "A: me")
	if calls != 3 {
		t.Errorf("%d calls after a flush, want 3", calls)
	}
	def := withGate(define(map[string]api.Method{"GET": guarded("gate")}, "/pets"), func(a *api.Authorizer) { a.AuthorizerResultTtlInSeconds = new(int32(60)) })
	w.commit(append(w.putDeployment("api1", "d2", def), w.putStage("api1", "s", "d2", gateVariable))...)
	w.get("api1", "s", "/pets", "A: me")
	if calls != 4 {
		t.Errorf("%d calls after a change of the authorizer, want 4", calls)
	}
}

// A method whose authorizer cannot be made is not served at all.
func TestNoAuthorizerNoStage(t *testing.T) {
	calls := 0
	w := worldWith(t, gate(&calls))
	bad := map[string]func(*api.Authorizer){
		"a1": func(a *api.Authorizer) { a.AuthorizerUri = new("arn:aws:lambda:f") },
		"a2": func(a *api.Authorizer) { a.IdentitySource = new("") },
		"a3": func(a *api.Authorizer) { a.IdentitySource = new("method.request.body") },
		"a4": func(a *api.Authorizer) { a.IdentityValidationExpression = new("(") },
		"a5": func(a *api.Authorizer) { a.AuthorizerCredentials = new("arn:aws:iam::1:role/r") },
		"a6": func(a *api.Authorizer) { a.Id, a.Type = new("gate"), new("COGNITO_USER_POOLS") },
	}
	for id, change := range bad {
		w.deploy(id, "s", withGate(define(map[string]api.Method{"GET": guarded("gate")}, "/pets"), change), gateVariable)
		w.expect("403", id, "s", "/pets", "A: me")
		if w.stage(id, "s") != nil {
			t.Errorf("%s is served", id)
		}
	}
	w.deploy("a7", "s", define(map[string]api.Method{"GET": guarded("gate")}, "/pets"), gateVariable)
	w.deploy("a8", "s", withGate(define(map[string]api.Method{"GET": guarded("gate", func(m *api.Method) { m.AuthorizationType = new("WHATEVER") })}, "/pets")), gateVariable)
	w.expect("403", "a7", "s", "/pets", "A: me")
}

// AWS: rest-execution.md §8: the key is the authorizer's, never the header's.
func TestKeyFromAuthorizer(t *testing.T) {
	calls := 0
	w := worldWith(t, gate(&calls))
	def := withGate(define(map[string]api.Method{"GET": guarded("gate", keyRequired)}, "/pets"))
	def.RestAPI.ApiKeySource = new("AUTHORIZER")
	w.deploy("api1", "s", def, gateVariable)
	w.commit(w.putKey("k1", "key-of-me", true), w.putPlan("p1", nil, api.ApiStage{ApiId: new("api1"), Stage: new("s")}), w.putMember("p1", "k1"))
	if got := w.get("api1", "s", "/pets", "A: me"); !strings.HasPrefix(got, "me ") {
		t.Errorf("with the key of the authorizer: %s", got)
	}
	w.expect("403", "api1", "s", "/pets", "A: you")
	w.expect("403", "api1", "s", "/pets", "A: you", "x-api-key: key-of-me")
}

// AWS: API reference of TestInvokeAuthorizer; authorizers.md §1.7.
func TestTestAuthorizer(t *testing.T) {
	calls := 0
	w := worldWith(t, gate(&calls))
	def := withGate(define(nil))
	ask := func(token, fn string) *api.TestInvokeAuthorizerResponse {
		t.Helper()
		out, err := w.c.TestAuthorizer(t.Context(), testScope, def, &api.TestInvokeAuthorizerInput{RestApiId: new("api1"), AuthorizerId: new("gate"),
			Headers: map[string]string{"A": token}, StageVariables: map[string]string{"fn": fn}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := ask("me", "gate")
	if *out.ClientStatus != 0 || *out.PrincipalId != "me" || !strings.Contains(*out.Policy, ":api1/ESTestInvoke-stage/GET/") ||
		!strings.Contains(*out.Log, "Successfully completed authorizer execution") {
		t.Errorf("%d %v %v\n%s", *out.ClientStatus, *out.PrincipalId, *out.Policy, *out.Log)
	}
	ask("me", "gate")
	if calls != 2 {
		t.Errorf("%d calls, want 2: nothing is kept", calls)
	}
	for _, tt := range []struct {
		token, fn string
		status    int32
		log       string
	}{{"nobody", "gate", 401, "Unauthorized request: "}, {"", "gate", 401, "Unauthorized request: "}, {"me", "missing", 500, "Function not found"}} {
		if out := ask(tt.token, tt.fn); *out.ClientStatus != tt.status || out.Policy != nil || out.PrincipalId != nil || !strings.Contains(*out.Log, tt.log) {
			t.Errorf("%v: %d\n%s", tt, *out.ClientStatus, *out.Log)
		}
	}
}
