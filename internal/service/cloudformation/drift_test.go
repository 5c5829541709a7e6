package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	acmapi "gatehouse/internal/awsapi/acm"
	restapi "gatehouse/internal/awsapi/apigateway"
	httpapi "gatehouse/internal/awsapi/apigatewayv2"
	api "gatehouse/internal/awsapi/cloudformation"
	trailapi "gatehouse/internal/awsapi/cloudtrail"
	watchapi "gatehouse/internal/awsapi/cloudwatch"
	iamapi "gatehouse/internal/awsapi/iam"
	lambdaapi "gatehouse/internal/awsapi/lambda"
	logsapi "gatehouse/internal/awsapi/logs"
	mapapi "gatehouse/internal/awsapi/servicediscovery"
	ssmapi "gatehouse/internal/awsapi/ssm"
	xrayapi "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/function"
	"gatehouse/internal/record"
	"gatehouse/internal/seal"
	"gatehouse/internal/service/acm"
	rest "gatehouse/internal/service/apigateway"
	httpservice "gatehouse/internal/service/apigatewayv2"
	"gatehouse/internal/service/cloudtrail"
	"gatehouse/internal/service/cloudwatch"
	"gatehouse/internal/service/iam"
	"gatehouse/internal/service/lambda"
	"gatehouse/internal/service/logs"
	"gatehouse/internal/service/s3"
	"gatehouse/internal/service/servicediscovery"
	"gatehouse/internal/service/ssm"
	"gatehouse/internal/service/xray"
	"gatehouse/internal/store"
)

// A called is what log groups know of the rest of the server.
type called struct{}

// InvokeForLogs forgets.
func (called) InvokeForLogs(context.Context, string, string, []byte) error { return nil }

// PutMetric forgets.
func (called) PutMetric(string, string, logs.Metric) {}

// ExecutionLogs knows every stage.
func (called) ExecutionLogs(context.Context, record.Scope, string, string) (exists, on bool, err error) {
	return true, true, nil
}

// newWholeWorld is a world with all services whose resources drift.
func newWholeWorld(t *testing.T) *world {
	w := newWorld(t)
	st := store.Store(w.mortal)
	blobs := store.NewBlobs(st, "/")
	key, err := seal.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	buckets := s3.New(st, blobs, key)
	trails, err := cloudtrail.New(st, cloudtrail.Options{Dir: t.TempDir(), Buckets: buckets})
	if err != nil {
		t.Fatal(err)
	}
	h, err := awsrpc.NewHandler([]awsrpc.Mount{
		restapi.Mount(rest.New(st, blobs, rest.Options{Limits: rest.Limits{RestAPIs: 10, ResourcesPerAPI: 300, StagesPerAPI: 10}})),
		httpapi.Mount(httpservice.New(st, blobs, httpservice.Options{})),
		iamapi.Mount(iam.New(st)),
		acmapi.Mount(acm.New(st, blobs, nil)),
		mapapi.Mount(servicediscovery.New(st, servicediscovery.Options{DNS: true}, nil)),
		lambdaapi.Mount(lambda.New(st, blobs, lambda.Options{Dir: t.TempDir(), Unpack: function.Unpack})),
		logsapi.Mount(logs.New(st, logs.Options{Dir: t.TempDir(), Functions: called{}, Metrics: called{}, Stages: called{}, Buckets: buckets})),
		watchapi.Mount(cloudwatch.New(st, nil, cloudwatch.Options{})),
		trailapi.Mount(trails),
		xrayapi.Mount(xray.New(st, xray.Options{Dir: t.TempDir()})),
		ssmapi.Mount(ssm.New(st, key)),
		s3.Mount(buckets),
		api.Mount(w.Service),
	}, awsrpc.Options{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	w.api = h
	return w
}

// drift looks for the drift of a resource, and tells it in lines.
func (w *world) drift(logical string) []string {
	w.t.Helper()
	out, err := w.DetectStackResourceDrift(w.ctx, &api.DetectStackResourceDriftInput{StackName: new("s"), LogicalResourceId: &logical})
	if err != nil {
		w.t.Fatal(err)
	}
	lines := []string{str(out.StackResourceDrift.StackResourceDriftStatus)}
	for _, d := range out.StackResourceDrift.PropertyDifferences {
		lines = append(lines, strings.Join([]string{*d.PropertyPath, *d.DifferenceType, *d.ExpectedValue, *d.ActualValue}, " "))
	}
	if why := str(out.StackResourceDrift.DriftStatusReason); why != "" {
		lines = append(lines, why)
	}
	return lines
}

// named puts physical ids in the place of {X}, and attributes in that of {X.Y}.
func (w *world) named(text string) string {
	w.t.Helper()
	_, list, err := w.resourcesOf(w.ctx, w.tables(w.ctx), "s")
	if err != nil {
		w.t.Fatal(err)
	}
	var pairs []string
	for i := range list {
		pairs = append(pairs, "{"+list[i].Logical+"}", list[i].Physical)
		for name, v := range list[i].Attributes {
			attribute, _ := textOf(v)
			pairs = append(pairs, "{"+list[i].Logical+"."+name+"}", attribute)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// calls makes calls, a line each: service, operation and input.
func (w *world) calls(lines string) {
	w.t.Helper()
	for line := range strings.Lines(w.named(lines)) {
		parts := strings.SplitN(strings.TrimSpace(line), " ", 3)
		var in map[string]any
		if err := json.Unmarshal([]byte(parts[2]), &in); err != nil {
			w.t.Fatalf("%s: %v", line, err)
		}
		if body, ok := in["Body"].(string); ok {
			in["Body"] = []byte(body)
		}
		if _, err := w.api.Call(w.ctx, parts[0], parts[1], in); err != nil {
			w.t.Fatalf("%s: %v", line, err)
		}
		w.work()
	}
}

// reasons are those for which something failed.
func (w *world) reasons(stack string) []string {
	out, err := w.DescribeStackEvents(w.ctx, &api.DescribeStackEventsInput{StackName: &stack})
	if err != nil {
		w.t.Fatal(err)
	}
	var list []string
	for _, e := range out.StackEvents {
		if why := str(e.ResourceStatusReason); why != "" {
			list = append(list, str(e.LogicalResourceId)+": "+why)
		}
	}
	return list
}

// TestDrift: what of a resource was changed is told, what was put back is in sync,
// what was deleted is DELETED.
func TestDrift(t *testing.T) {
	for _, tt := range driftTests() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWholeWorld(t)
			id, err := w.create("s", tt.template)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.status("s"); got != "CREATE_COMPLETE" {
				w.t.Fatalf("the stack is %s: %v", got, w.reasons("s"))
			}
			if diff := cmp.Diff([]string{inSync}, w.drift("X")); diff != "" {
				t.Errorf("of what nobody has changed (-want +got):\n%s", diff)
			}
			if tt.change != "" {
				w.calls(tt.change)
				want := []string{modified}
				for _, line := range tt.want {
					want = append(want, w.named(line))
				}
				if diff := cmp.Diff(want, w.drift("X")); diff != "" {
					t.Errorf("of what was changed (-want +got):\n%s", diff)
				}
			}
			if tt.back != "" {
				w.calls(tt.back)
				if diff := cmp.Diff([]string{inSync}, w.drift("X")); diff != "" {
					t.Errorf("of what was put back (-want +got):\n%s", diff)
				}
			}
			w.calls(tt.end)
			if diff := cmp.Diff([]string{deleted}, w.drift("X")); diff != "" {
				t.Errorf("of what was deleted (-want +got):\n%s", diff)
			}
			// AWS: what is gone is deleted.
			if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new("s")}); err != nil {
				t.Fatal(err)
			}
			w.work()
			if got := w.status(id); got != "DELETE_COMPLETE" {
				t.Errorf("the stack is %s: %s", got, w.reasons(id))
			}
		})
	}
}

// TestDriftTypes: the types of which drift is found are those that AWS can read.
func TestDriftTypes(t *testing.T) {
	var not []string
	for name, k := range kinds() {
		if !k.detects() {
			not = append(not, name)
		}
	}
	slices.Sort(not)
	// AWS: none of them has a handler to read it, or is in the list of "Resource type
	// support".
	want := []string{"AWS::ApiGatewayV2::ApiGatewayManagedOverrides", "AWS::CDK::Metadata", "AWS::CloudFormation::CustomResource", "AWS::CloudFormation::WaitConditionHandle", "AWS::IAM::Policy"}
	if diff := cmp.Diff(want, not); diff != "" {
		t.Errorf("types whose drift is not found (-want +got):\n%s", diff)
	}
}

// TestDriftOfSecrets: neither what a parameter with NoEcho is, nor what a nested
// stack was made with, shows in drift; a deleted resource does not show it either.
func TestDriftOfSecrets(t *testing.T) {
	const template = `
Parameters: {Secret: {Type: String, NoEcho: true}}
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {Description: !Ref Secret, AssumeRolePolicyDocument: ` + trust + `, Policies: [{PolicyName: p, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*", Condition: {StringEquals: {"aws:UserAgent": !Ref Secret}}}]}}]}}
  F: {Type: AWS::Lambda::Function, Properties: {FunctionName: f, Runtime: nodejs20.x, Handler: index.handler, Role: !GetAtt Role.Arn, Environment: {Variables: {PASSWORD: !Ref Secret}}, Code: {ZipFile: !Sub "// ${Secret}"}}}
  P: {Type: AWS::SSM::Parameter, Properties: {Name: /p, Type: String, Value: !Sub "<${Secret}>"}}
  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://s3.amazonaws.com/b/one", Parameters: {Of: !Ref Secret}}}
`
	w := newWholeWorld(t)
	if _, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: new(template), Capabilities: []string{"CAPABILITY_IAM"},
		Parameters: []api.Parameter{{ParameterKey: new("Secret"), ParameterValue: new("hush")}}}); err != nil {
		t.Fatal(err)
	}
	w.work()
	if got := w.status("s"); got != "CREATE_COMPLETE" {
		t.Fatalf("the stack is %s: %v", got, w.reasons("s"))
	}
	w.calls(`iam UpdateRole {"RoleName":"{Role}","Description":"hushhush","MaxSessionDuration":3600}
		iam PutRolePolicy {"RoleName":"{Role}","PolicyName":"p","PolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\",\"Condition\":{\"StringEquals\":{\"aws:UserAgent\":\"not hush\"}}}]}"}
		lambda UpdateFunctionConfiguration {"FunctionName":"f","Environment":{"Variables":{"PASSWORD":"known","OTHER":"hush"}}}
		ssm DeleteParameter {"Name":"/p"}`)
	if _, err := w.DetectStackDrift(w.ctx, &api.DetectStackDriftInput{StackName: new("s")}); err != nil {
		t.Fatal(err)
	}
	all, err := w.DescribeStackResourceDrifts(w.ctx, &api.DescribeStackResourceDriftsInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	if text := marshalText(all); strings.Contains(text, "hush") {
		t.Errorf("a secret shows: %s", text)
	}
	for logical, want := range map[string][]string{
		"F": {modified, "/Environment/Variables/OTHER ADD null ****", "/Environment/Variables/PASSWORD NOT_EQUAL **** known"},
		"P": {deleted}, "N": {inSync},
		"Role": {modified, "/Description NOT_EQUAL **** ********", "/Policies/0/PolicyDocument/Statement/0/Condition/StringEquals/aws:UserAgent NOT_EQUAL **** not ****",
			"/Policies/0/PolicyDocument/Statement/0/Effect NOT_EQUAL Allow Deny"},
	} {
		got := w.drift(logical)
		slices.Sort(got[1:])
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", logical, diff)
		}
	}
}

// TestDriftOfUnreadable: what cannot be read is UNKNOWN, never in sync or deleted, and
// fails the detection.
func TestDriftOfUnreadable(t *testing.T) {
	w := newWholeWorld(t)
	if _, err := w.create("s", `{"Resources":{"X":{"Type":"AWS::SSM::Parameter","Properties":{"Name":"/p","Type":"String","Value":"{{resolve:ssm:/q}}"}},
		"G":{"Type":"AWS::Logs::LogGroup","Properties":{"LogGroupName":"/g","RetentionInDays":7}}}}`); err != nil {
		t.Fatal(err)
	}
	if got := w.status("s"); got != "ROLLBACK_COMPLETE" {
		t.Fatalf("without the parameter the stack is %s", got)
	}
	var refused *awsrpc.Error
	if _, err := w.DetectStackDrift(w.ctx, &api.DetectStackDriftInput{StackName: new("s")}); !errors.As(err, &refused) || !strings.Contains(refused.Message, "ROLLBACK_COMPLETE") {
		t.Errorf("a stack that was rolled back: %v", err)
	}
	if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new("s")}); err != nil {
		t.Fatal(err)
	}
	w.work()
	if _, err := w.api.Call(w.ctx, "ssm", "PutParameter", map[string]any{"Name": "/q", "Value": "v", "Type": "String"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.create("s", `{"Resources":{"X":{"Type":"AWS::SSM::Parameter","Properties":{"Name":"/p","Type":"String","Value":"{{resolve:ssm:/q}}"}},
		"G":{"Type":"AWS::Logs::LogGroup","Properties":{"LogGroupName":"/g","RetentionInDays":7}}}}`); err != nil {
		t.Fatal(err)
	}
	w.calls(`ssm DeleteParameter {"Name":"/q"}`)
	w.refuse.Store("DescribeLogGroups")
	for _, logical := range []string{"X", "G"} {
		if got := w.drift(logical); got[0] != unknown || len(got) != 2 {
			t.Errorf("%s is %q, want %s and why", logical, got, unknown)
		}
	}
	out, err := w.DetectStackDrift(w.ctx, &api.DetectStackDriftInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	status, err := w.DescribeStackDriftDetectionStatus(w.ctx, &api.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: out.StackDriftDetectionId})
	if err != nil || *status.DetectionStatus != "DETECTION_FAILED" {
		t.Errorf("the detection is %s, %v", marshalText(status), err)
	}
}

// TestDriftOfTagged: the tags that resources have of their stack are no drift.
func TestDriftOfTagged(t *testing.T) {
	for _, tt := range driftTests() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWholeWorld(t)
			if _, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: &tt.template, Capabilities: []string{"CAPABILITY_NAMED_IAM"},
				Tags: []api.Tag{{Key: new("of"), Value: new("stack")}}}); err != nil {
				t.Fatal(err)
			}
			w.work()
			if got := w.status("s"); got != "CREATE_COMPLETE" {
				t.Fatalf("the stack is %s: %v", got, w.reasons("s"))
			}
			if diff := cmp.Diff([]string{inSync}, w.drift("X")); diff != "" {
				t.Errorf("of what nobody has changed (-want +got):\n%s", diff)
			}
		})
	}
}
