package sam

import (
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is made into the golden files")

// TestGolden transforms the templates of testdata. Their facts are those of the
// public fixtures of AWS's translator that each file names; the ids of deployments
// end with a hash of our own there.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			golden(t, file)
		})
	}
}

func golden(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil || len(a.Files) == 0 {
		t.Fatal(err)
	}
	out, err := Transform(template(t, string(a.Files[0].Data)), Options{Partition: "aws", Region: "eu-west-1", Values: map[string]any{"Stage": "beta"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(out["Resources"], "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		a.Files = append(a.Files[:1], txtar.File{Name: "out.json", Data: got})
		if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.Files) != 2 || string(a.Files[1].Data) != string(got) {
		t.Errorf("made\n%s", got)
	}
}

func template(t *testing.T, text string) map[string]any {
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestLogicalIDs: the ids that AWS's translator gives: those of its fixtures, or by
// its rules (logical_id_generator.py).
func TestLogicalIDs(t *testing.T) {
	const function = "{Type: AWS::Serverless::Function, Properties: {Handler: a, Runtime: b, CodeUri: 's3://sam-demo-bucket/hello.zip', "
	tests := []struct{ in, want string }{
		{"MinimalFunction: " + function + "AutoPublishAlias: live}}", "MinimalFunction MinimalFunctionAliaslive MinimalFunctionRole MinimalFunctionVersion640128d35d"},
		{"F: " + function + "Role: r, Events: {E: {Type: HttpApi}}}}", "F FEPermission ServerlessHttpApi ServerlessHttpApiApiGatewayDefaultStage"},
		{"A: {Type: AWS::Serverless::Api, Properties: {StageName: Prod, DefinitionBody: {swagger: '2.0', paths: {}}, Domain: {DomainName: api-example.com, CertificateArn: c}}}",
			"A ABasePathMapping ADeployment AProdStage ApiGatewayDomainName23cdccdf9c"},
		{"A: {Type: AWS::Serverless::Api, Properties: {StageName: {Ref: S}, Auth: {UsagePlan: {CreateUsagePlan: PER_API}}}}",
			"A AApiKey ADeployment AStage AUsagePlan AUsagePlanKey"},
		{"W: {Type: AWS::Serverless::WebSocketApi, Properties: {RouteSelectionExpression: $request.body.action, Routes: {$connect: {FunctionArn: f}, sendMessage: {FunctionArn: f}}}}",
			"W WConnectIntegration WConnectPermission WConnectRoute WDefaultStage WSendmessageIntegration WSendmessagePermission WSendmessageRoute"},
	}
	for _, tt := range tests {
		out, err := Transform(template(t, "Resources:\n  "+tt.in+"\n"), Options{Partition: "aws"})
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		var ids []string
		for id := range asObject(out["Resources"]) {
			if before, _, ok := strings.Cut(id, "Deployment"); ok {
				id = before + "Deployment"
			}
			ids = append(ids, id)
		}
		slices.Sort(ids)
		if got := strings.Join(ids, " "); got != tt.want {
			t.Errorf("%s\n made %s\n want %s", tt.in, got, tt.want)
		}
	}
}

// TestFaults: what cannot be made is refused, by name.
func TestFaults(t *testing.T) {
	const function = "F: {Type: AWS::Serverless::Function, Properties: {Handler: a, Runtime: b, InlineCode: c, "
	tests := []struct{ in, want string }{
		{"T: {Type: AWS::Serverless::StateMachine}", "Resource with id [T] is invalid. Gatehouse does not support the type AWS::Serverless::StateMachine."},
		{function + "FunctionUrlConfig: {AuthType: NONE}}}", "Gatehouse does not support the property FunctionUrlConfig"},
		{function + "Runtme: b}}", "property Runtme not defined for resource of type AWS::Serverless::Function"},
		{function + "Policies: [{NoSuchPolicy: {}}]}}", "Gatehouse does not know the policy template 'NoSuchPolicy'."},
		{function + "Events: {E: {Type: IoTRule}}}}", "Event with id [E] is invalid. Gatehouse does not support events of type IoTRule."},
		{function + "Events: {E: {Type: Api, Properties: {RestApiId: {Ref: Gone}, Path: /, Method: get}}}}}", "RestApiId must be a valid reference to an 'AWS::Serverless::Api' resource in same template."},
		{function + "Events: {E: {Type: Api, Properties: {Path: /, Method: get, Auth: {Authorizer: X}}}}}}", "Unable to set Authorizer [X] on API method [get] for path [/] because the related API does not define any Authorizers."},
		{function + "Events: {E: {Type: Api, Properties: {Path: /, Method: get}}, G: {Type: Api, Properties: {Path: /, Method: GET}}}}}", `API method "get" defined multiple times for path "/".`},
		{"A: {Type: AWS::Serverless::Api, Properties: {}}", "Missing required property 'StageName'."},
		{"A: {Type: AWS::Serverless::Api, Properties: {StageName: p, Auth: {DefaultAuthorizer: X}}}", "Unable to set DefaultAuthorizer because 'X' was not defined in 'Authorizers'."},
		{"A: {Type: AWS::Serverless::Api, Properties: {StageName: p, Cors: {AllowCredentials: true}}}", "'AllowCredentials' can not be true when 'AllowOrigin' is \"'*'\" or not set"},
		{"B: {Type: AWS::S3::Bucket, Connectors: {C: {Properties: {Destination: {Id: B}, Permissions: [Read]}}}}",
			"Resource with id [BC] is invalid. Unable to create connector from AWS::S3::Bucket to AWS::S3::Bucket; it's not supported or the template is invalid."},
		{"B: {Type: AWS::S3::Bucket, Connectors: {C: {Properties: {Destination: {Type: AWS::Lambda::Function, Arn: a}, Permissions: [Read]}}}}",
			"Unsupported 'Permissions' provided for connector from AWS::S3::Bucket to AWS::Lambda::Function; valid values are: Write."},
		{"Q: {Type: AWS::SQS::Queue, Connectors: {C: {Properties: {Destination: {Type: AWS::Lambda::Function, RoleName: a}, Permissions: [Read]}}}}", "valid combinations are: Read + Write."},
		{"B: {Type: AWS::S3::Bucket, Connectors: {C: {Properties: {SourceReference: {Id: F}}}}}", "Resource with id [C] is invalid. 'Id' shouldn't be defined in 'SourceReference'."},
		{"C: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: G}, Destination: {Id: G}, Permissions: [Read]}}", "Unable to find resource with logical ID 'G'."},
		{"C: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: G}, Destination: {Id: G, Arn: a}, Permissions: [Read]}}", "Must provide 'Id' (with optional 'Qualifier')"},
		{"C: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: G}, Destination: {Id: G}}}", "Missing required property 'Permissions'."},
		{"C: {Type: AWS::Serverless::Connector, Properties: {Source: {Type: AWS::Lambda::Function, Arn: a}, Destination: {Type: AWS::S3::Bucket, Arn: a}, Permissions: [Read]}}", "Unable to get IAM role name from 'Source' resource."},
		{"{A: &b {Type: AWS::S3::Bucket, Connectors: {BC: &c {Properties: {Destination: {Type: AWS::Lambda::Function, Arn: a}, Permissions: [Write]}}}}, AB: {Type: AWS::S3::Bucket, Connectors: {C: *c}}}",
			`Transforming resource with id [AB] attempts to create a new resource with id [ABC] and type "AWS::Serverless::Connector".`},
		{"C: {Type: AWS::Serverless::Connector, Properties: {Source: {Type: AWS::Lambda::Function, RoleName: r}, Destination: {Type: AWS::SNS::Topic, Arn: a}, Permissions: [Write]}}\n  CPolicy: {Type: AWS::S3::Bucket}",
			`Transforming resource with id [C] attempts to create a new resource with id [CPolicy] and type "AWS::IAM::ManagedPolicy".`},
		{"A: {Type: AWS::Serverless::Connector, Properties: {Source: {Type: AWS::SNS::Topic, Arn: a}, Destination: {Type: AWS::SQS::Queue, Arn: q, QueueUrl: u}, Permissions: [Write]}}\n" +
			"  AQueue: {Type: AWS::Serverless::Connector, Properties: {Source: {Type: AWS::Lambda::Function, RoleName: r}, Destination: {Type: AWS::SNS::Topic, Arn: a}, Permissions: [Write]}}",
			`Transforming resource with id [AQueue] attempts to create a new resource with id [AQueuePolicy] and type "AWS::IAM::ManagedPolicy".`},
	}
	for _, tt := range tests {
		_, err := Transform(template(t, "Resources:\n  "+tt.in+"\n"), Options{Partition: "aws"})
		var e *Error
		if !errors.As(err, &e) || len(e.Faults) != 1 || !strings.Contains(e.Error(), tt.want) {
			t.Errorf("%s\n gave %v\n want %s", tt.in, err, tt.want)
		}
	}
}

// TestInputIsLeftAlone: the template that is given is the one that GetTemplate
// shows.
func TestInputIsLeftAlone(t *testing.T) {
	const text = "Resources: {F: {Type: AWS::Serverless::Function, Properties: {InlineCode: c, Events: {E: {Type: Api, Properties: {Path: /, Method: get}}}}}}"
	doc := template(t, text)
	if _, err := Transform(doc, Options{Partition: "aws"}); err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(doc, template(t, text), func(a, b any) bool { return hash(a) == hash(b) }) {
		t.Error("the input was changed")
	}
}
