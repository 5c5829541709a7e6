package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	restapi "gatehouse/internal/awsapi/apigateway"
	httpapi "gatehouse/internal/awsapi/apigatewayv2"
	api "gatehouse/internal/awsapi/cloudformation"
	iamapi "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/awsrpc"
	rest "gatehouse/internal/service/apigateway"
	httpservice "gatehouse/internal/service/apigatewayv2"
	"gatehouse/internal/service/iam"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// A world is CloudFormation over the real services, worked by hand.
type world struct {
	*Service
	t    *testing.T
	ctx  context.Context
	stop context.CancelFunc // of the run at hand
	left atomic.Int64       // calls until the server stops; 0 or less: it does not
	api  API

	mortal *mortal
	urls   map[string]string // templates that are not made up
	refuse atomic.Value      // string: the operation that fails
}

// Call counts calls, and stops the server after some.
func (w *world) Call(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error) {
	if w.left.Add(-1) == 0 {
		w.stop()
	}
	if w.refuse.Load() == operation {
		return nil, awsrpc.Validation("not now")
	}
	return w.api.Call(ctx, service, operation, in)
}

// Template returns the template of a nested stack that is called like its URL: a
// resource that is replaced when the name changes, and one that is changed.
func (w *world) Template(_ context.Context, url string, _ int64) ([]byte, error) {
	if text, ok := w.urls[url]; ok {
		return []byte(text), nil
	}
	name := url[strings.LastIndexByte(url, '/')+1:]
	return fmt.Appendf(nil, `{"Parameters":{"Of":{"Type":"String"}},"Resources":{
		"Key":{"Type":"AWS::ApiGateway::ApiKey","Properties":{"Name":{"Fn::Sub":"${AWS::StackName}-%s"},"Enabled":true}},
		"Inner":{"Type":"AWS::ApiGateway::RestApi","Properties":{"Name":{"Ref":"Of"},"Description":"%[1]s"}}},
		"Outputs":{"Name":{"Value":"%[1]s","Export":{"Name":{"Fn::Sub":"${Of}-%[1]s"}}},"Id":{"Value":{"Ref":"Inner"}}}}`, name), nil
}

// Object is not asked for.
func (w *world) Object(context.Context, string, string, string, string, int64) ([]byte, error) {
	return nil, errors.New("no objects")
}

func newWorld(t *testing.T) *world {
	st := &mortal{Store: memstore.New(memstore.Options{})}
	st.left.Store(-1)
	t.Cleanup(func() { _ = st.Close() })
	w := &world{t: t, api: apisOf(t, st, nil), mortal: st}
	w.ctx = awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "123456789012", Region: "eu-west-1", Root: true})
	w.Service = New(st, Options{API: w, Templates: w})
	return w
}

// apisOf are the real services over st, for whom rules let in; nil: for everybody.
func apisOf(t *testing.T, st store.Store, rules awsrpc.Authorizer) API {
	t.Helper()
	blobs := store.NewBlobs(st, "/")
	h, err := awsrpc.NewHandler([]awsrpc.Mount{
		restapi.Mount(rest.New(st, blobs, rest.Options{Limits: rest.Limits{RestAPIs: 10, ResourcesPerAPI: 300, StagesPerAPI: 10, APIKeys: 100, UsagePlans: 10, UsagePlansPerKey: 10}})),
		httpapi.Mount(httpservice.New(st, blobs, httpservice.Options{})),
		iamapi.Mount(iam.New(st)),
	}, awsrpc.Options{Dev: true, Authorizer: rules})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// work works on what there is to do, to its end or until the server stops.
func (w *world) work() {
	for len(w.Service.work) > 0 {
		var ctx context.Context
		ctx, w.stop = context.WithCancel(context.Background())
		w.do(ctx, <-w.Service.work)
		w.stop()
	}
}

// restart does what the next start of the server does.
func (w *world) restart() {
	w.left.Store(0)
	jobs, err := w.unfinished(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, j := range jobs {
		w.do(context.Background(), j)
	}
}

func (w *world) status(name string) string {
	out, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: new(name)})
	if err != nil {
		return err.Error()
	}
	return *out.Stacks[0].StackStatus
}

func (w *world) create(name, template string) (id string, err error) {
	out, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new(name), TemplateBody: new(template), Capabilities: []string{"CAPABILITY_NAMED_IAM"}})
	if err != nil {
		return "", err
	}
	w.work()
	return *out.StackId, nil
}

func (w *world) update(name, template string) error {
	_, err := w.UpdateStack(w.ctx, &api.UpdateStackInput{StackName: new(name), TemplateBody: new(template), Capabilities: []string{"CAPABILITY_NAMED_IAM"}})
	w.work()
	return err
}

func (w *world) delete(name, id string) {
	w.t.Helper()
	if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new(name)}); err != nil {
		w.t.Fatal(err)
	}
	w.work()
	if got := w.status(id); got != "DELETE_COMPLETE" {
		w.t.Errorf("deleted stack %s is %s", name, got)
	}
}

// records are all keys but those of blobs, which a sweep takes away, and of
// what is told of stacks that are gone, and the counter of exports.
func (w *world) records() []string {
	page, err := w.st.List(w.ctx, "", "", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var keys []string
	for _, kv := range page.KVs {
		if !strings.Contains(kv.Key, "/blob") && !strings.Contains(kv.Key, "/cloudformation/stack/") && !strings.Contains(kv.Key, "/cloudformation/event/") && !strings.Contains(kv.Key, "/cloudformation/exportguard/") {
			keys = append(keys, kv.Key)
		}
	}
	return keys
}

// of makes a template of an API with so many paths; bad has a resource that
// cannot be made.
func of(paths int, description string, bad bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Resources:\n  Api:\n    Type: AWS::ApiGateway::RestApi\n    Properties: {Name: a, Description: %q}\n", description)
	for i := range paths {
		fmt.Fprintf(&b, "  P%d:\n    Type: AWS::ApiGateway::Resource\n    Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: p%d}\n", i, i)
		fmt.Fprintf(&b, "  M%d:\n    Type: AWS::ApiGateway::Method\n    Properties: {RestApiId: !Ref Api, ResourceId: !Ref P%d, HttpMethod: GET, Integration: {Type: MOCK}}\n", i, i)
	}
	b.WriteString("  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      Policies: [{PolicyName: p, PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: 's3:*', Resource: '*'}]}}]\n" +
		"      AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}]}\n")
	b.WriteString("  Key:\n    Type: AWS::ApiGateway::ApiKey\n    Properties: {Enabled: true}\n")
	b.WriteString("  Http:\n    Type: AWS::ApiGatewayV2::Api\n    Properties: {Name: h, ProtocolType: HTTP}\n")
	fmt.Fprintf(&b, "  Nested:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: 'https://s3.amazonaws.com/b/%s', Parameters: {Of: !Ref 'AWS::StackName'}}\n", description)
	b.WriteString("  After:\n    Type: AWS::ApiGateway::ApiKey\n    Properties: {Description: !GetAtt Nested.Outputs.Name}\n")
	if bad {
		b.WriteString("  Bad:\n    Type: AWS::ApiGateway::Resource\n    DependsOn: [P0, Role, Nested]\n    Properties: {RestApiId: !Ref Api, ParentId: nowhere, PathPart: x}\n")
	}
	return b.String()
}

// TestNothingIsLeft makes, changes, fails and deletes stacks, and counts records.
func TestNothingIsLeft(t *testing.T) {
	w := newWorld(t)
	before := w.records()
	for i := range 6 {
		name := fmt.Sprintf("s%d", i)
		id, err := w.create(name, of(i%3+1, "one", i%2 == 1))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"CREATE_COMPLETE", "ROLLBACK_COMPLETE"}[i%2]
		if got := w.status(name); got != want {
			out, _ := w.DescribeStackEvents(w.ctx, &api.DescribeStackEventsInput{StackName: new(name)})
			for _, e := range out.StackEvents {
				t.Log(str(e.LogicalResourceId), str(e.ResourceStatus), str(e.ResourceStatusReason))
			}
			t.Fatalf("stack %d is %s, want %s", i, got, want)
		}
		if i%2 == 0 {
			was := w.records()
			if err := w.update(name, of(4, "two", true)); err != nil {
				t.Fatal(err)
			}
			if got := w.status(name); got != "UPDATE_ROLLBACK_COMPLETE" {
				t.Errorf("after a failed update: %s", got)
			}
			if now := w.records(); !slices.Equal(was, now) {
				t.Errorf("a failed update changed the records:\nwas %q\nnow %q", was, now)
			}
			if err := w.update(name, of(2, "three", false)); err != nil {
				t.Fatal(err)
			}
			if got := w.status(name); got != "UPDATE_COMPLETE" {
				t.Errorf("after an update: %s", got)
			}
		}
		w.delete(name, id)
	}
	if after := w.records(); !slices.Equal(before, after) {
		t.Errorf("left over: %q", after)
	}
}

// TestStop stops the server after each call in turn: what was made before is
// taken away at the next start.
func TestStop(t *testing.T) {
	for calls := 1; calls <= 8; calls++ {
		w := newWorld(t)
		before := w.records()
		w.left.Store(int64(calls))
		id, err := w.create("s", of(2, "one", false))
		if err != nil {
			t.Fatal(err)
		}
		w.restart()
		if got := w.status("s"); got != "ROLLBACK_COMPLETE" && got != "CREATE_COMPLETE" {
			t.Errorf("stopped after %d calls: %s", calls, got)
		}
		w.delete("s", id)
		if after := w.records(); !slices.Equal(before, after) {
			t.Errorf("stopped after %d calls, left over: %q", calls, after)
		}
	}
}

// TestRefusals are templates that are refused, in AWS's words.
func TestRefusals(t *testing.T) {
	tests := []struct{ name, template, want string }{
		{"no resources", `{"Resources":{}}`, "Template format error: At least one Resources member must be defined."},
		{"unknown type", `{"Resources":{"A":{"Type":"AWS::Foo::Bar"}}}`, "Template format error: Unrecognized resource types: [AWS::Foo::Bar]"},
		{"cycle", "Resources:\n  A: {Type: AWS::IAM::User, DependsOn: B}\n  B: {Type: AWS::IAM::User, DependsOn: A}\n", "Circular dependency between resources: [A, B]"},
		{"missing", "Resources:\n  A: {Type: AWS::IAM::User, Properties: {UserName: !Ref Nobody}}\n",
			"Template format error: Unresolved resource dependencies [Nobody] in the Resources block of the template"},
		{"section", `{"Foo":1,"Resources":{"A":{"Type":"AWS::IAM::User"}}}`, "Invalid template property or properties [Foo]"},
		{"macro", "Transform: Mine\nResources:\n  A: {Type: AWS::IAM::User}\n", "No transform named Mine found."},
		{"expand", "Transform: AWS::Serverless-2016-10-31\nResources:\n  A: {Type: AWS::IAM::User}\n", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"},
		{"parameter", "Parameters: {P: {Type: String}}\nResources:\n  A: {Type: AWS::IAM::User}\n", "Parameters: [P] must have values"},
		{"capability", "Resources:\n  A: {Type: AWS::IAM::User}\n", "Requires capabilities : [CAPABILITY_IAM]"},
		{"bomb", "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
			"Template format error: the template holds more than can be taken: 100000 values, 8388608 bytes of text, or 100 levels"},
	}
	w := newWorld(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: new(tt.template)})
			var e *awsrpc.Error
			if !errors.As(err, &e) || e.Message != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestFunctions evaluates each intrinsic function.
func TestFunctions(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{"Ref":"P"}`, `"x"`},
		{`{"Fn::Join":["-",["a",{"Ref":"P"}]]}`, `"a-x"`},
		{`{"Fn::Sub":"${P}-${AWS::Region}-${!P}"}`, `"x-eu-west-1-${P}"`},
		{`{"Fn::Sub":["${P}${Q}",{"Q":"q"}]}`, `"xq"`},
		{`{"Fn::Select":["1",["a","b"]]}`, `"b"`},
		{`{"Fn::Split":[",","a,b"]}`, `["a","b"]`},
		{`{"Fn::FindInMap":["M","k","v"]}`, `"found"`},
		{`{"Fn::If":["Yes","y","n"]}`, `"y"`},
		{`{"Fn::If":["No","y",{"Ref":"AWS::NoValue"}]}`, `{}`},
		{`{"a":{"Ref":"AWS::NoValue"},"b":[{"Ref":"AWS::NoValue"}]}`, `{"b":[]}`},
		{`{"Fn::Base64":"hi"}`, `"aGk="`},
		{`{"Fn::Length":[1,2]}`, `2`},
		{`{"Fn::ToJsonString":{"a":[1,{"Ref":"P"}]}}`, `"{\"a\":[1,\"x\"]}"`},
		{`{"Fn::Cidr":["10.0.0.0/16",2,8]}`, `["10.0.0.0/24","10.0.1.0/24"]`},
		{`{"Fn::GetAtt":["A","Odd"]}`, `{"Ref":"P"}`}, // what a provider answered
		{`{"Statement":{"Condition":{"StringEquals":{"a":"b"}}}}`, `{"Statement":{"Condition":{"StringEquals":{"a":"b"}}}}`},
	}
	tpl, err := parseTemplate(`{"Parameters":{"P":{"Type":"String"}},"Mappings":{"M":{"k":{"v":"found"}}},
		"Conditions":{"Yes":{"Fn::Equals":[{"Ref":"P"},"x"]},"No":{"Fn::Not":[{"Condition":"Yes"}]},"Both":{"Fn::And":[{"Condition":"Yes"},{"Fn::Or":[{"Condition":"No"},{"Condition":"Yes"}]}]}},
		"Resources":{"A":{"Type":"AWS::IAM::User"}}}`, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	st := &stack{version: version{Values: map[string]string{"P": "x"}}}
	for _, tt := range tests {
		ev := newEvaluator(tpl, st, tables{account: "1", region: "eu-west-1"})
		ev.resource = func(string) (*resource, bool) {
			return &resource{Attributes: map[string]any{"Odd": map[string]any{"Ref": "P"}}}, true
		}
		doc, err := parseDocument(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ev.value(doc)
		if text := marshalText(got); err != nil || text != tt.want {
			t.Errorf("%s = %s, %v, want %s", tt.in, text, err, tt.want)
		}
	}
}
