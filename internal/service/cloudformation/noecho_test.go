package cloudformation

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
)

// TestDriftHidesSecrets: drift is told without the values of parameters with NoEcho.
func TestDriftHidesSecrets(t *testing.T) {
	const template = `{"Parameters":{"One":{"Type":"String","NoEcho":true},"Many":{"Type":"CommaDelimitedList","NoEcho":"true"},"Open":{"Type":"String","Default":"seen"}},"Resources":{
		"Kept":{"Type":"AWS::ApiGateway::RestApi","Properties":{"Name":"kept","Description":{"Fn::Sub":"<${One}\">"}}},
		"Turned":{"Type":"AWS::ApiGateway::RestApi","Properties":{"Name":{"Fn::Sub":"${Open}"},"Description":{"Fn::Select":[1,{"Ref":"Many"}]}}}}}`
	w := newWorld(t)
	in := &api.CreateStackInput{StackName: new("s"), TemplateBody: new(template), Parameters: []api.Parameter{
		{ParameterKey: new("One"), ParameterValue: new("hush")}, {ParameterKey: new("Many"), ParameterValue: new("hush, hush-hush")},
	}}
	if _, err := w.CreateStack(w.ctx, in); err != nil {
		t.Fatal(err)
	}
	w.work()
	res, err := w.DescribeStackResource(w.ctx, &api.DescribeStackResourceInput{StackName: new("s"), LogicalResourceId: new("Turned")})
	if err != nil {
		t.Fatal(err)
	}
	change := map[string]any{"restApiId": *res.StackResourceDetail.PhysicalResourceId, "patchOperations": []any{map[string]any{"op": "replace", "path": "/description", "value": "public"}}}
	if _, err := w.Call(w.ctx, "apigateway", "UpdateRestApi", change); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DetectStackDrift(w.ctx, &api.DetectStackDriftInput{StackName: new("s")}); err != nil {
		t.Fatal(err)
	}
	one, err := w.DetectStackResourceDrift(w.ctx, &api.DetectStackResourceDriftInput{StackName: new("s"), LogicalResourceId: new("Turned")})
	if err != nil {
		t.Fatal(err)
	}
	all, err := w.DescribeStackResourceDrifts(w.ctx, &api.DescribeStackResourceDriftsInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	if text := marshalText(all) + marshalText(one); strings.Contains(text, "hush") {
		t.Errorf("secrets show: %s", text)
	}
	want := map[string]string{"Kept": inSync + `{"Description":"<****\">","Name":"kept"}`, "Turned": modified + `{"Description":"****","Name":"seen"}`}
	for _, d := range all.StackResourceDrifts {
		if got := *d.StackResourceDriftStatus + *d.ExpectedProperties; got != want[*d.LogicalResourceId] {
			t.Errorf("%s is %s, want %s", *d.LogicalResourceId, got, want[*d.LogicalResourceId])
		}
		delete(want, *d.LogicalResourceId)
	}
	if d := one.StackResourceDrift.PropertyDifferences; len(want) > 0 || len(d) != 1 || *d[0].ExpectedValue != "****" || *d[0].ActualValue != "public" {
		t.Errorf("differences %s, not told of %v", marshalText(d), want)
	}
}

// TestEventsHideSecrets: events tell properties, and why resources failed, without the
// values of parameters with NoEcho: those of now and, in an update, those of before.
func TestEventsHideSecrets(t *testing.T) {
	const template = `{"Parameters":{"P":{"Type":"String","NoEcho":true}},"Resources":{
		"Api":{"Type":"AWS::ApiGateway::RestApi","Properties":{"Name":"a","Description":{"Ref":"P"}}},
		"Key":{"Type":"AWS::ApiGateway::ApiKey","DependsOn":"Api","Properties":{"Description":{"Fn::Sub":"of ${P}"}}}}}`
	w := newWorld(t)
	inner := w.api
	w.api = callFunc(func(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error) {
		if operation == "UpdateApiKey" {
			return nil, awsrpc.Validation("no key with " + marshalText(in))
		}
		return inner.Call(ctx, service, operation, in)
	})
	with := func(value string) []api.Parameter {
		return []api.Parameter{{ParameterKey: new("P"), ParameterValue: &value}}
	}
	if _, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: new(template), Parameters: with("hush")}); err != nil {
		t.Fatal(err)
	}
	w.work()
	if _, err := w.UpdateStack(w.ctx, &api.UpdateStackInput{StackName: new("s"), UsePreviousTemplate: new(true), Parameters: with("quiet")}); err != nil {
		t.Fatal(err)
	}
	w.work()
	if got := w.status("s"); got != "UPDATE_ROLLBACK_FAILED" && got != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("the update is %s", got)
	}
	events, err := w.DescribeStackEvents(w.ctx, &api.DescribeStackEventsInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	resources, err := w.DescribeStackResources(w.ctx, &api.DescribeStackResourcesInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	text := marshalText(events) + marshalText(resources)
	for _, secret := range []string{"hush", "quiet"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q shows: %s", secret, text)
		}
	}
	for _, want := range []string{`{\"Description\":\"****\",\"Name\":\"a\"}`, `no key with`, `of ****`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// TestAnswersAreHidden: what a custom resource has answered with NoEcho is told neither
// by events nor by drift, nor is what it answers after that. Resources get it, and
// Outputs tell it.
func TestAnswersAreHidden(t *testing.T) {
	const template = `{"Parameters":{"V":{"Type":"String"}},"Resources":{
		"Thing":{"Type":"Custom::Thing","Properties":{"ServiceToken":"arn:aws:lambda:eu-west-1:123456789012:function:f","V":{"Ref":"V"}}},
		"Api":{"Type":"AWS::ApiGateway::RestApi","Properties":{"Name":"a","Description":{"Fn::Sub":"<${Thing.Secret}>"}}},
		"Key":{"Type":"AWS::ApiGateway::ApiKey","DependsOn":"Api","Properties":{"Name":"k","Description":{"Fn::Sub":"${Thing.Number} is ${Thing.Open}"}}}},
		"Outputs":{"Secret":{"Value":{"Fn::GetAtt":["Thing","Secret"]}}}}`
	answers := map[string]string{
		"one":   `{"NoEcho":true,"Data":{"Secret":"hush-hush","Number":98765432104711,"Open":true}}`,
		"two":   `{"Data":{"Secret":"be-quiet","Number":98765432104712,"Open":true}}`,
		"three": `{"NoEcho":"true","Data":{"Secret":"so-silent","Number":98765432104713,"Open":true}}`,
	}
	answer := func(in *customRequest) string {
		var more map[string]any
		if err := json.Unmarshal([]byte(answers[textIn(asMembers(in.ResourceProperties), "V")]), &more); err != nil {
			t.Error(err)
		}
		return answerTo(in, "SUCCESS", more)
	}
	w := newWorld(t)
	w.opt.AnswersAt = "http://gatehouse"
	inner, descriptions := w.api, []string{}
	w.api = &provider{to: w.Service, answers: map[string]func(in *customRequest) string{"Create": answer, "Update": answer, "Delete": answer},
		API: callFunc(func(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error) {
			text := marshalText(in)
			if operation == "UpdateApiKey" && strings.Contains(text, "98765432104713") {
				return nil, awsrpc.Validation("no key with " + text)
			}
			if operation == "CreateRestApi" || operation == "UpdateRestApi" {
				descriptions = append(descriptions, text)
			}
			return inner.Call(ctx, service, operation, in)
		})}
	with := func(value string) []api.Parameter {
		return []api.Parameter{{ParameterKey: new("V"), ParameterValue: &value}}
	}
	if _, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: new(template), Parameters: with("one")}); err != nil {
		t.Fatal(err)
	}
	w.work()
	for _, tt := range []struct{ value, status, output string }{
		{"", "CREATE_COMPLETE", "hush-hush"}, {"two", "UPDATE_COMPLETE", "be-quiet"}, {"three", "UPDATE_ROLLBACK_COMPLETE", "be-quiet"},
	} {
		if tt.value != "" {
			if _, err := w.UpdateStack(w.ctx, &api.UpdateStackInput{StackName: new("s"), UsePreviousTemplate: new(true), Parameters: with(tt.value)}); err != nil {
				t.Fatal(err)
			}
			w.work()
		}
		out, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: new("s")})
		if err != nil {
			t.Fatal(err)
		}
		if st := out.Stacks[0]; *st.StackStatus != tt.status || *st.Outputs[0].OutputValue != tt.output {
			t.Errorf("%s: %s with the output %s, want %s with %s", tt.value, *st.StackStatus, *st.Outputs[0].OutputValue, tt.status, tt.output)
		}
	}
	text := w.shown("s")
	for _, secret := range []string{"hush-hush", "be-quiet", "so-silent", "98765432104711", "98765432104712", "98765432104713"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q shows: %s", secret, text)
		}
	}
	for _, want := range []string{`<****>`, `**** is true`, `no key with`, `\"V\":\"three\"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if len(descriptions) == 0 || !strings.Contains(descriptions[0], "hush-hush") {
		t.Errorf("the API got %q", descriptions)
	}
}

// shown is what is told of a stack's resources: their events, what they are, and drift.
func (w *world) shown(name string) string {
	w.t.Helper()
	if _, err := w.DetectStackDrift(w.ctx, &api.DetectStackDriftInput{StackName: &name}); err != nil {
		w.t.Fatal(err)
	}
	events, err := w.DescribeStackEvents(w.ctx, &api.DescribeStackEventsInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	resources, err := w.DescribeStackResources(w.ctx, &api.DescribeStackResourcesInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	drifts, err := w.DescribeStackResourceDrifts(w.ctx, &api.DescribeStackResourceDriftsInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return marshalText(events) + marshalText(resources) + marshalText(drifts)
}
