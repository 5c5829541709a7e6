package cloudformation

import (
	"context"
	"testing"
)

// TestPanic: what panics in a stack's run fails the stack, and neither ends the
// server nor waits for its next start.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	inner := w.api
	w.api = callFunc(func(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error) {
		if operation == "CreateModel" {
			panic("a fault of ours")
		}
		return inner.Call(ctx, service, operation, in)
	})
	const template = `{"Resources":{"Api":{"Type":"AWS::ApiGateway::RestApi","Properties":{"Name":"a"}},
		"Model":{"Type":"AWS::ApiGateway::Model","Properties":{"RestApiId":{"Ref":"Api"},"ContentType":"application/json","Schema":{}}}}}`
	if _, err := w.create("s", template); err != nil {
		t.Fatal(err)
	}
	if got := w.status("s"); got != "ROLLBACK_COMPLETE" {
		t.Errorf("stack is %s", got)
	}
	if left, err := w.unfinished(w.ctx); err != nil || left != nil {
		t.Errorf("unfinished: %v, %v", left, err)
	}
}

type callFunc func(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error)

func (f callFunc) Call(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error) {
	return f(ctx, service, operation, in)
}

// FuzzTemplate: no template panics or takes for ever, with values for whatever
// it refers to.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		`{"Resources":{"A":{"Type":"AWS::ApiGateway::RestApi","Properties":{"Name":{"Fn::Sub":[]}}}}}`,
		`{"Resources":{"A":{"Type":"AWS::ApiGateway::RestApi","Properties":{"Name":{"Fn::Sub":["${a}${!b}",{"a":{"Ref":"AWS::Region"}}]}}}}}`,
		`{"Parameters":{"P":{"Type":"CommaDelimitedList","Default":"a,b"}},"Conditions":{"C":{"Fn::Equals":[{"Fn::Select":[1,{"Ref":"P"}]},"b"]}},
			"Resources":{"A":{"Type":"AWS::ApiGateway::RestApi","Condition":"C","Properties":{"Name":{"Fn::If":["C",{"Fn::Join":["-",{"Ref":"P"}]},{"Ref":"AWS::NoValue"}]}}}}}`,
		"Mappings: {M: {k: {v: 1}}}\nResources:\n  A:\n    Type: AWS::ApiGateway::RestApi\n    Properties:\n      Name: !FindInMap [M, k, v]\n      Tags: !Split [',', !Base64 x]\n",
		`{"Resources":{"A":{"Type":"AWS::ApiGateway::RestApi","Properties":{"Name":{"Fn::Cidr":["10.0.0.0/8",2,"8"]},"B":{"Fn::GetAtt":["A",{"Fn::Length":[1]}]}}}}}`,
	} {
		f.Add(seed)
	}
	known := func(string) bool { return true }
	f.Fuzz(func(t *testing.T, body string) {
		tpl, err := parseTemplate(body, known)
		if err != nil {
			return
		}
		values, err := tpl.bind(nil, nil)
		if err != nil {
			return
		}
		of := stack{version: version{Values: values}}
		of.StackName, of.StackId = new("s"), new("arn:aws:cloudformation:eu-west-1:123456789012:stack/s/1")
		ev := newEvaluator(tpl, &of, tables{account: "123456789012", region: "eu-west-1"})
		ev.resource = func(name string) (*resource, bool) {
			return &resource{Logical: name, Physical: "p", Attributes: map[string]any{"Arn": "a"}}, true
		}
		for name := range tpl.Conditions {
			_, _ = ev.condition(name)
		}
		for _, d := range tpl.Resources {
			_, _ = ev.properties(d, new(Service).kindOf(d.Type))
		}
		for _, o := range tpl.Outputs {
			_, _ = ev.string(o["Value"], "Output")
		}
	})
}
