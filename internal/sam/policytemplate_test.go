package sam

import (
	"encoding/json"
	"testing"
)

// TestPolicyTemplates are statements of policy templates: as AWS documents them.
func TestPolicyTemplates(t *testing.T) {
	tests := []struct{ in, want string }{
		{"SSMParameterWithSlashPrefixReadPolicy: {ParameterName: /a}", `[{"Action":["ssm:DescribeParameters"],"Effect":"Allow","Resource":"*"},` +
			`{"Action":["ssm:GetParameters","ssm:GetParameter","ssm:GetParametersByPath"],"Effect":"Allow",` +
			`"Resource":{"Fn::Sub":["arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${parameterName}",{"parameterName":"/a"}]}}]`},
		{"EFSWriteAccessPolicy: {FileSystem: f, AccessPoint: {Ref: A}}", `[{"Action":["elasticfilesystem:ClientMount","elasticfilesystem:ClientWrite"],` +
			`"Condition":{"StringEquals":{"elasticfilesystem:AccessPointArn":{"Fn::Sub":["arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}:access-point/${AccessPoint}",{"AccessPoint":{"Ref":"A"}}]}}},` +
			`"Effect":"Allow","Resource":{"Fn::Sub":["arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}:file-system/${FileSystem}",{"FileSystem":"f"}]}}]`},
		{"DynamoDBStreamReadPolicy: {TableName: t, StreamName: s}", `[{"Action":["dynamodb:DescribeStream","dynamodb:GetRecords","dynamodb:GetShardIterator"],"Effect":"Allow",` +
			`"Resource":{"Fn::Sub":["arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${tableName}/stream/${streamName}",{"streamName":"s","tableName":"t"}]}},` +
			`{"Action":["dynamodb:ListStreams"],"Effect":"Allow","Resource":{"Fn::Sub":["arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${tableName}/stream/*",{"tableName":"t"}]}}]`},
		{"AcmGetCertificatePolicy: {CertificateArn: c}", `[{"Action":["acm:GetCertificate"],"Effect":"Allow","Resource":{"Fn::Sub":["${certificateArn}",{"certificateArn":"c"}]}}]`},
	}
	for _, tt := range tests {
		out, err := Transform(template(t, "Resources: {F: {Type: AWS::Serverless::Function, Properties: {InlineCode: c, Policies: [{"+tt.in+"}]}}}"), Options{Partition: "aws"})
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		role := asObject(asObject(asObject(out["Resources"])["FRole"])["Properties"])
		got, err := json.Marshal(asObject(asObject(listed(role["Policies"])[0])["PolicyDocument"])["Statement"])
		if err != nil || string(got) != tt.want {
			t.Errorf("%s\n gave %s %v\n want %s", tt.in, got, err, tt.want)
		}
	}
	if len(policyTemplates())+len(morePolicyTemplates()) != 81 { // AWS: as many as it publishes
		t.Error("there are", len(policyTemplates()), "and", len(morePolicyTemplates()))
	}
}

// TestDeploymentPreference: one that is not enabled has no effect; one that is, or of
// which that cannot be told, is refused.
func TestDeploymentPreference(t *testing.T) {
	tests := []struct {
		preference string
		refused    bool
	}{
		{"{Enabled: false, Type: AllAtOnce}", false},
		{"{Enabled: 'False'}", false},
		{"{Enabled: {Ref: Off}}", false},
		{"{Enabled: {'Fn::FindInMap': [M, {Ref: Stage}, shift]}}", false},
		{"{}", false},
		{"{Enabled: true, Type: AllAtOnce}", true},
		{"{Enabled: {Ref: On}}", true},
		{"{Enabled: {Ref: Unknown}}", true},
		{"{Enabled: {'Fn::If': [C, false, true]}}", true},
		{"{Enabled: {'Fn::FindInMap': [M, prod, shift]}}", true},
		{"{Type: AllAtOnce}", true},
		{"text", true},
	}
	values := map[string]any{"Off": "false", "On": "true", "Stage": "dev"}
	for _, tt := range tests {
		doc := template(t, "Mappings: {M: {dev: {shift: false}, prod: {shift: true}}}\n"+
			"Resources: {F: {Type: AWS::Serverless::Function, Properties: {InlineCode: c, AutoPublishAlias: live, DeploymentPreference: "+tt.preference+"}}}")
		_, err := Transform(doc, Options{Partition: "aws", Values: values})
		if refused := err != nil; refused != tt.refused {
			t.Errorf("%s: %v", tt.preference, err)
		}
	}
}
