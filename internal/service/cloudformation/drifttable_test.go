package cloudformation

import (
	"encoding/base64"
	"slices"
)

// A driftTest is a stack with a resource X, and what somebody does to it.
type driftTest struct {
	name, template string
	change         string
	want           []string // what is told of X then: path, kind, expected, actual
	back           string   // empty: it cannot be
	end            string
}

const trust = `{Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}`

// aFunction is a function and its role.
const aFunction = `
  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: ` + trust + `}}
  F: {Type: AWS::Lambda::Function, Properties: {FunctionName: f, Runtime: nodejs20.x, Handler: index.handler, Role: !GetAtt Role.Arn, Code: {ZipFile: "exports.handler = async () => 1"}}}
`

// zipped is a zip file as text.
func zipped() string {
	content, err := zipOf(map[string]string{"a.txt": "a"})
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(content)
}

func driftTests() []driftTest {
	return slices.Concat(identityDrifts(), functionDrifts(), logDrifts(), watchDrifts(), storageDrifts(), mapDrifts())
}

func identityDrifts() []driftTest {
	const all = `{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}`
	return []driftTest{
		{
			name: "role", template: `Resources:
  X: {Type: AWS::IAM::Role, Properties: {RoleName: r, Description: d, MaxSessionDuration: "3600", AssumeRolePolicyDocument: ` + trust + `, Tags: [{Key: b, Value: 2}, {Key: a, Value: "1"}],
    ManagedPolicyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess", !Ref M], Policies: [{PolicyName: p, PolicyDocument: {Statement: {Effect: Allow, Action: ["s3:GetObject"], Resource: "*"}}}]}}
  M: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: ` + all + `}}
  Attached: {Type: AWS::IAM::ManagedPolicy, Properties: {Roles: [!Ref X], PolicyDocument: ` + all + `}}
  Inline: {Type: AWS::IAM::Policy, Properties: {Roles: [!Ref X], PolicyName: other, PolicyDocument: ` + all + `}}
`,
			change: `iam UpdateRole {"RoleName":"r","Description":"e","MaxSessionDuration":3600}
				iam TagRole {"RoleName":"r","Tags":[{"Key":"a","Value":"9"},{"Key":"c","Value":"3"}]}
				iam DetachRolePolicy {"RoleName":"r","PolicyArn":"{M}"}
				iam UpdateAssumeRolePolicy {"RoleName":"r","PolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":[\"lambda.amazonaws.com\",\"ec2.amazonaws.com\"]},\"Action\":\"sts:AssumeRole\"}]}"}
				iam PutRolePolicy {"RoleName":"r","PolicyName":"p","PolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":[\"s3:PutObject\"],\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"true\"}}}}"}
				iam PutRolePolicy {"RoleName":"r","PolicyName":"new","PolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}}"}`,
			want: []string{
				`/AssumeRolePolicyDocument/Statement/0/Principal/Service NOT_EQUAL lambda.amazonaws.com ["lambda.amazonaws.com","ec2.amazonaws.com"]`,
				`/Description NOT_EQUAL d e`,
				`/ManagedPolicyArns/1 REMOVE {M} null`,
				`/Policies/0/PolicyDocument/Statement/Action/0 NOT_EQUAL s3:GetObject s3:PutObject`,
				`/Policies/0/PolicyDocument/Statement/Condition ADD null {"Bool":{"aws:SecureTransport":"true"}}`,
				`/Policies/0 ADD null {"PolicyDocument":{"Statement":{"Action":"*","Effect":"Deny","Resource":"*"},"Version":"2012-10-17"},"PolicyName":"new"}`,
				`/Tags/1/Value NOT_EQUAL 1 9`,
				`/Tags/2 ADD null {"Key":"c","Value":"3"}`,
			},
			back: `iam UpdateRole {"RoleName":"r","Description":"d","MaxSessionDuration":3600}
				iam TagRole {"RoleName":"r","Tags":[{"Key":"a","Value":"1"}]}
				iam UntagRole {"RoleName":"r","TagKeys":["c"]}
				iam AttachRolePolicy {"RoleName":"r","PolicyArn":"{M}"}
				iam UpdateAssumeRolePolicy {"RoleName":"r","PolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":[\"lambda.amazonaws.com\"]},\"Action\":[\"sts:AssumeRole\"]}}"}
				iam PutRolePolicy {"RoleName":"r","PolicyName":"p","PolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":[\"*\"]}]}"}
				iam DeleteRolePolicy {"RoleName":"r","PolicyName":"new"}`,
			end: `iam DetachRolePolicy {"RoleName":"r","PolicyArn":"{M}"}
				iam DetachRolePolicy {"RoleName":"r","PolicyArn":"{Attached}"}
				iam DetachRolePolicy {"RoleName":"r","PolicyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}
				iam DeleteRolePolicy {"RoleName":"r","PolicyName":"p"}
				iam DeleteRolePolicy {"RoleName":"r","PolicyName":"other"}
				iam DeleteRole {"RoleName":"r"}`,
		},
		{
			name: "user", template: `Resources:
  X: {Type: AWS::IAM::User, Properties: {UserName: u, Path: /team/, PermissionsBoundary: !Ref M, Groups: [], Tags: [{Key: a, Value: b}], Policies: [{PolicyName: p, PolicyDocument: ` + all + `}]}}
  M: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: ` + all + `}}
`,
			change: `iam DeleteUserPermissionsBoundary {"UserName":"u"}
				iam DeleteUserPolicy {"UserName":"u","PolicyName":"p"}
				iam CreateGroup {"GroupName":"g"}
				iam AddUserToGroup {"UserName":"u","GroupName":"g"}
				iam UntagUser {"UserName":"u","TagKeys":["a"]}`,
			want: []string{
				`/Groups/0 ADD null g`,
				`/PermissionsBoundary REMOVE {M} null`,
				`/Policies/0 REMOVE {"PolicyDocument":{"Statement":[{"Action":"s3:*","Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"},"PolicyName":"p"} null`,
				`/Tags/0 REMOVE {"Key":"a","Value":"b"} null`,
			},
			back: `iam PutUserPermissionsBoundary {"UserName":"u","PermissionsBoundary":"{M}"}
				iam PutUserPolicy {"UserName":"u","PolicyName":"p","PolicyDocument":"{\"Statement\":[{\"Resource\":\"*\",\"Action\":\"s3:*\",\"Effect\":\"Allow\"}],\"Version\":\"2012-10-17\"}"}
				iam RemoveUserFromGroup {"UserName":"u","GroupName":"g"}
				iam TagUser {"UserName":"u","Tags":[{"Key":"a","Value":"b"}]}`,
			end: `iam DeleteUserPolicy {"UserName":"u","PolicyName":"p"}
				iam DeleteUser {"UserName":"u"}`,
		},
		{
			name: "managed policy", template: `Resources:
  X: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: m, Description: d, Roles: [], Users: [!Ref U], PolicyDocument: ` + all + `}}
  R: {Type: AWS::IAM::Role, Properties: {RoleName: r, ManagedPolicyArns: [!Ref X], AssumeRolePolicyDocument: ` + trust + `}}
  U: {Type: AWS::IAM::User}
  V: {Type: AWS::IAM::User, Properties: {UserName: v}}
`,
			change: `iam CreatePolicyVersion {"PolicyArn":"{X}","SetAsDefault":true,"PolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"}
				iam AttachUserPolicy {"UserName":"v","PolicyArn":"{X}"}
				iam DetachUserPolicy {"UserName":"{U}","PolicyArn":"{X}"}`,
			want: []string{`/PolicyDocument/Statement/0/Action NOT_EQUAL s3:* *`, `/Users/0 NOT_EQUAL {U} v`},
			back: `iam SetDefaultPolicyVersion {"PolicyArn":"{X}","VersionId":"v1"}
				iam DetachUserPolicy {"UserName":"v","PolicyArn":"{X}"}
				iam AttachUserPolicy {"UserName":"{U}","PolicyArn":"{X}"}`,
			end: `iam DetachRolePolicy {"RoleName":"r","PolicyArn":"{X}"}
				iam DetachUserPolicy {"UserName":"{U}","PolicyArn":"{X}"}
				iam DeletePolicyVersion {"PolicyArn":"{X}","VersionId":"v2"}
				iam DeletePolicy {"PolicyArn":"{X}"}`,
		},
	}
}

func functionDrifts() []driftTest {
	return []driftTest{
		{
			name: "function", template: `Resources:
  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: ` + trust + `}}
  X: {Type: AWS::Lambda::Function, Properties: {FunctionName: f, Runtime: nodejs20.x, Handler: index.handler, Role: !GetAtt Role.Arn, Code: {ZipFile: "exports.handler = async () => 1"},
    Timeout: "5", MemorySize: 256, Environment: {Variables: {AA: 1}}, ReservedConcurrentExecutions: 3, Tags: [{Key: a, Value: b}]}}
`,
			change: `lambda UpdateFunctionConfiguration {"FunctionName":"f","Timeout":6,"Environment":{"Variables":{"AA":"1","BB":"2"}}}
				lambda PutFunctionConcurrency {"FunctionName":"f","ReservedConcurrentExecutions":4}
				lambda TagResource {"Resource":"{X.Arn}","Tags":{"c":"d"}}`,
			want: []string{
				`/Environment/Variables/BB ADD null 2`, `/ReservedConcurrentExecutions NOT_EQUAL 3 4`, `/Tags/1 ADD null {"Key":"c","Value":"d"}`, `/Timeout NOT_EQUAL 5 6`,
			},
			back: `lambda UpdateFunctionConfiguration {"FunctionName":"f","Timeout":5,"Environment":{"Variables":{"AA":"1"}}}
				lambda PutFunctionConcurrency {"FunctionName":"f","ReservedConcurrentExecutions":3}
				lambda UntagResource {"Resource":"{X.Arn}","TagKeys":["c"]}`,
			end: `lambda DeleteFunction {"FunctionName":"f"}`,
		},
		{
			name: "permission", template: `Resources:` + aFunction + `
  X: {Type: AWS::Lambda::Permission, Properties: {Action: "lambda:InvokeFunction", FunctionName: !Ref F, Principal: apigateway.amazonaws.com, SourceArn: "arn:aws:execute-api:eu-west-1:123456789012:a/*"}}
`,
			change: `lambda RemovePermission {"FunctionName":"f","StatementId":"{X}"}
				lambda AddPermission {"FunctionName":"f","StatementId":"{X}","Action":"lambda:*","Principal":"123456789012","SourceAccount":"123456789012"}`,
			want: []string{
				`/Action NOT_EQUAL lambda:InvokeFunction lambda:*`, `/Principal NOT_EQUAL apigateway.amazonaws.com arn:aws:iam::123456789012:root`,
				`/SourceArn REMOVE arn:aws:execute-api:eu-west-1:123456789012:a/* null`,
			},
			back: `lambda RemovePermission {"FunctionName":"f","StatementId":"{X}"}
				lambda AddPermission {"FunctionName":"f","StatementId":"{X}","Action":"lambda:InvokeFunction","Principal":"apigateway.amazonaws.com","SourceArn":"arn:aws:execute-api:eu-west-1:123456789012:a/*"}`,
			end: `lambda RemovePermission {"FunctionName":"f","StatementId":"{X}"}`,
		},
		{
			name: "permission of an account", template: `Resources:` + aFunction + `
  X: {Type: AWS::Lambda::Permission, Properties: {Action: "lambda:InvokeFunction", FunctionName: !Ref F, Principal: !Ref AWS::AccountId}}
`,
			change: `lambda RemovePermission {"FunctionName":"f","StatementId":"{X}"}
				lambda AddPermission {"FunctionName":"f","StatementId":"{X}","Action":"lambda:InvokeFunction","Principal":"*"}`,
			want: []string{`/Principal NOT_EQUAL 123456789012 *`},
			end:  `lambda DeleteFunction {"FunctionName":"f"}`,
		},
		{
			name: "version", template: `Resources:` + aFunction + `
  X: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref F, Description: one}}
`,
			end: `lambda DeleteFunction {"FunctionName":"f","Qualifier":"1"}`,
		},
		{
			name: "layer", template: `Resources:
  X: {Type: AWS::Lambda::LayerVersion, Properties: {LayerName: l, Description: d, LicenseInfo: MIT, CompatibleRuntimes: [python3.12, nodejs20.x], Content: {ZipFile: "` + zipped() + `"}}}
`,
			end: `lambda DeleteLayerVersion {"LayerName":"l","VersionNumber":1}`,
		},
		{
			name: "alias", template: `Resources:` + aFunction + `
  V: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref F, Description: one}}
  X: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !Ref F, Name: live, FunctionVersion: !GetAtt V.Version, Description: d, RoutingConfig: {AdditionalVersionWeights: []}}}
`,
			change: `lambda UpdateFunctionConfiguration {"FunctionName":"f","Timeout":9}
				lambda PublishVersion {"FunctionName":"f"}
				lambda UpdateAlias {"FunctionName":"f","Name":"live","Description":"e","RoutingConfig":{"AdditionalVersionWeights":{"2":0.25}}}`,
			want: []string{`/Description NOT_EQUAL d e`, `/RoutingConfig/AdditionalVersionWeights/0 ADD null {"FunctionVersion":"2","FunctionWeight":0.25}`},
			back: `lambda UpdateAlias {"FunctionName":"f","Name":"live","Description":"d","RoutingConfig":{"AdditionalVersionWeights":{}}}`,
			end:  `lambda DeleteAlias {"FunctionName":"f","Name":"live"}`,
		},
	}
}

func logDrifts() []driftTest {
	return []driftTest{
		{
			name: "log group", template: `Resources:
  X: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /g, RetentionInDays: 7, Tags: [{Key: a, Value: b}]}}
`,
			change: `logs PutRetentionPolicy {"logGroupName":"/g","retentionInDays":14}
				logs TagLogGroup {"logGroupName":"/g","tags":{"a":"c"}}`,
			want: []string{`/RetentionInDays NOT_EQUAL 7 14`, `/Tags/0/Value NOT_EQUAL b c`},
			back: `logs PutRetentionPolicy {"logGroupName":"/g","retentionInDays":7}
				logs TagLogGroup {"logGroupName":"/g","tags":{"a":"b"}}`,
			end: `logs DeleteLogGroup {"logGroupName":"/g"}`,
		},
		{
			name: "delivery", template: `Resources:
  G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /g}}
  S: {Type: AWS::Logs::DeliverySource, Properties: {Name: s, LogType: EXECUTION_LOGS, ResourceArn: "arn:aws:apigateway:eu-west-1::/restapis/a/stages/prod"}}
  D: {Type: AWS::Logs::DeliveryDestination, Properties: {Name: d, DestinationResourceArn: !GetAtt G.Arn, OutputFormat: json}}
  X: {Type: AWS::Logs::Delivery, DependsOn: S, Properties: {DeliverySourceName: s, DeliveryDestinationArn: !GetAtt D.Arn, RecordFields: [event_timestamp, message]}}
`,
			change: `logs UpdateDeliveryConfiguration {"id":"{X}","recordFields":["message"]}`,
			want:   []string{`/RecordFields/0 REMOVE event_timestamp null`},
			end:    `logs DeleteDelivery {"id":"{X}"}`,
		},
		{
			name: "log stream", template: `Resources:
  G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /g}}
  X: {Type: AWS::Logs::LogStream, Properties: {LogGroupName: !Ref G, LogStreamName: one}}
  Y: {Type: AWS::Logs::LogStream, Properties: {LogGroupName: !Ref G, LogStreamName: one-more}}
`,
			end: `logs DeleteLogStream {"logGroupName":"/g","logStreamName":"one"}`,
		},
		{
			name: "delivery source", template: `Resources:
  X: {Type: AWS::Logs::DeliverySource, Properties: {Name: s, LogType: EXECUTION_LOGS, ResourceArn: "arn:aws:apigateway:eu-west-1::/restapis/a/stages/prod"}}
`,
			end: `logs DeleteDeliverySource {"name":"s"}`,
		},
		{
			name: "delivery destination", template: `Resources:
  G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /g}}
  H: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /h}}
  X: {Type: AWS::Logs::DeliveryDestination, Properties: {Name: d, DestinationResourceArn: !GetAtt G.Arn, OutputFormat: json}}
`,
			change: `logs PutDeliveryDestination {"name":"d","deliveryDestinationConfiguration":{"destinationResourceArn":"{H.Arn}"}}`,
			want:   []string{`/DestinationResourceArn NOT_EQUAL {G.Arn} {H.Arn}`},
			back:   `logs PutDeliveryDestination {"name":"d","deliveryDestinationConfiguration":{"destinationResourceArn":"{G.Arn}"}}`,
			end:    `logs DeleteDeliveryDestination {"name":"d"}`,
		},
		{
			name: "metric filter", template: `Resources:
  G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /g}}
  X: {Type: AWS::Logs::MetricFilter, Properties: {LogGroupName: !Ref G, FilterName: m, FilterPattern: "{$.a = *}", MetricTransformations: [{MetricName: n, MetricNamespace: s, MetricValue: "1", Dimensions: [{Key: a, Value: $.a}]}]}}
`,
			change: `logs PutMetricFilter {"logGroupName":"/g","filterName":"m","filterPattern":"{$.b = *}","metricTransformations":[{"metricName":"n","metricNamespace":"s","metricValue":"2","dimensions":{"a":"$.b"}}]}`,
			want:   []string{`/FilterPattern NOT_EQUAL {$.a = *} {$.b = *}`, `/MetricTransformations/0/Dimensions/0/Value NOT_EQUAL $.a $.b`, `/MetricTransformations/0/MetricValue NOT_EQUAL 1 2`},
			back:   `logs PutMetricFilter {"logGroupName":"/g","filterName":"m","filterPattern":"{$.a = *}","metricTransformations":[{"metricName":"n","metricNamespace":"s","metricValue":"1","dimensions":{"a":"$.a"}}]}`,
			end:    `logs DeleteMetricFilter {"logGroupName":"/g","filterName":"m"}`,
		},
		{
			name: "subscription filter", template: `Resources:
  G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /g}}
  X: {Type: AWS::Logs::SubscriptionFilter, Properties: {LogGroupName: !Ref G, FilterName: m, FilterPattern: "", DestinationArn: "arn:aws:lambda:eu-west-1:123456789012:function:f"}}
`,
			change: `logs PutSubscriptionFilter {"logGroupName":"/g","filterName":"m","filterPattern":"x","destinationArn":"arn:aws:lambda:eu-west-1:123456789012:function:g"}`,
			want:   []string{`/DestinationArn NOT_EQUAL arn:aws:lambda:eu-west-1:123456789012:function:f arn:aws:lambda:eu-west-1:123456789012:function:g`, `/FilterPattern NOT_EQUAL  x`},
			back:   `logs PutSubscriptionFilter {"logGroupName":"/g","filterName":"m","filterPattern":"","destinationArn":"arn:aws:lambda:eu-west-1:123456789012:function:f"}`,
			end:    `logs DeleteSubscriptionFilter {"logGroupName":"/g","filterName":"m"}`,
		},
	}
}

func watchDrifts() []driftTest {
	return []driftTest{
		{
			name: "alarm", template: `Resources:
  X: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: a, Namespace: n, MetricName: m, Dimensions: [{Name: b, Value: 2}, {Name: a, Value: 1}], Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: "5",
    ComparisonOperator: GreaterThanThreshold, Tags: [{Key: a, Value: b}]}}
`,
			change: `cloudwatch PutMetricAlarm {"AlarmName":"a","Namespace":"n","MetricName":"m","Dimensions":[{"Name":"a","Value":"1"}],"Statistic":"Sum","Period":60,"EvaluationPeriods":1,"Threshold":6.5,"ComparisonOperator":"GreaterThanThreshold"}
				cloudwatch TagResource {"ResourceARN":"{X.Arn}","Tags":[{"Key":"a","Value":"c"}]}`,
			want: []string{`/Dimensions/0 REMOVE {"Name":"b","Value":2} null`, `/Tags/0/Value NOT_EQUAL b c`, `/Threshold NOT_EQUAL 5 6.5`},
			back: `cloudwatch PutMetricAlarm {"AlarmName":"a","Namespace":"n","MetricName":"m","Dimensions":[{"Name":"a","Value":"1"},{"Name":"b","Value":"2"}],"Statistic":"Sum","Period":60,"EvaluationPeriods":1,"Threshold":5,"ComparisonOperator":"GreaterThanThreshold"}
				cloudwatch TagResource {"ResourceARN":"{X.Arn}","Tags":[{"Key":"a","Value":"b"}]}`,
			end: `cloudwatch DeleteAlarms {"AlarmNames":["a"]}`,
		},
		{
			name: "alarm of an expression", template: `Resources:
  X: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: a, EvaluationPeriods: 1, Threshold: 5, ComparisonOperator: GreaterThanThreshold, Metrics: [
    {Id: n, ReturnData: false, MetricStat: {Metric: {Namespace: n, MetricName: m}, Period: 60, Stat: Sum}}, {Id: r, Expression: n * 2, ReturnData: true}]}}
`,
			change: `cloudwatch PutMetricAlarm {"AlarmName":"a","EvaluationPeriods":1,"Threshold":5,"ComparisonOperator":"GreaterThanThreshold","Metrics":[{"Id":"n","ReturnData":false,"MetricStat":{"Metric":{"Namespace":"n","MetricName":"m"},"Period":120,"Stat":"Sum"}},{"Id":"r","Expression":"n * 3","ReturnData":true}]}`,
			want:   []string{`/Metrics/0/MetricStat/Period NOT_EQUAL 60 120`, `/Metrics/1/Expression NOT_EQUAL n * 2 n * 3`},
			end:    `cloudwatch DeleteAlarms {"AlarmNames":["a"]}`,
		},
		{
			name: "composite alarm", template: `Resources:
  A: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: a, Namespace: n, MetricName: m, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 5, ComparisonOperator: GreaterThanThreshold}}
  X: {Type: AWS::CloudWatch::CompositeAlarm, DependsOn: A, Properties: {AlarmName: c, AlarmRule: ALARM(a), ActionsEnabled: "true"}}
`,
			change: `cloudwatch PutCompositeAlarm {"AlarmName":"c","AlarmRule":"OK(a)","ActionsEnabled":false}`,
			want:   []string{`/ActionsEnabled NOT_EQUAL true false`, `/AlarmRule NOT_EQUAL ALARM(a) OK(a)`},
			back:   `cloudwatch PutCompositeAlarm {"AlarmName":"c","AlarmRule":"ALARM(a)"}`,
			end:    `cloudwatch DeleteAlarms {"AlarmNames":["c"]}`,
		},
		{
			name: "group of traces", template: `Resources:
  X: {Type: AWS::XRay::Group, Properties: {GroupName: g, FilterExpression: "responsetime > 5", InsightsConfiguration: {InsightsEnabled: false}, Tags: [{Key: a, Value: b}]}}
`,
			change: `xray UpdateGroup {"GroupARN":"{X}","FilterExpression":"responsetime > 6"}`,
			want:   []string{`/FilterExpression NOT_EQUAL responsetime > 5 responsetime > 6`},
			back:   `xray UpdateGroup {"GroupARN":"{X}","FilterExpression":"responsetime > 5"}`,
			end:    `xray DeleteGroup {"GroupARN":"{X}"}`,
		},
		{
			name: "sampling rule", template: `Resources:
  X: {Type: AWS::XRay::SamplingRule, Properties: {SamplingRule: {RuleName: r, Version: 1, Priority: 5, FixedRate: "0.50", ReservoirSize: 1, ServiceName: "*", ServiceType: "*", Host: "*", HTTPMethod: GET, URLPath: /a, ResourceARN: "*", Attributes: {k: v}}}}
`,
			change: `xray UpdateSamplingRule {"SamplingRuleUpdate":{"RuleARN":"{X}","FixedRate":0.75,"Attributes":{"k":"v","l":"w"}}}`,
			want:   []string{`/SamplingRule/Attributes/l ADD null w`, `/SamplingRule/FixedRate NOT_EQUAL 0.50 0.75`},
			back:   `xray UpdateSamplingRule {"SamplingRuleUpdate":{"RuleARN":"{X}","FixedRate":0.5,"Attributes":{"k":"v"}}}`,
			end:    `xray DeleteSamplingRule {"RuleARN":"{X}"}`,
		},
		{
			name: "trail", template: `Resources:
  B: {Type: AWS::S3::Bucket, Properties: {BucketName: trails}}
  X: {Type: AWS::CloudTrail::Trail, Properties: {TrailName: events, S3BucketName: !Ref B, IsLogging: true, EnableLogFileValidation: true, Tags: [{Key: a, Value: b}], EventSelectors: [{ReadWriteType: WriteOnly}]}}
`,
			change: `cloudtrail StopLogging {"Name":"events"}
				cloudtrail UpdateTrail {"Name":"events","EnableLogFileValidation":false}
				cloudtrail PutEventSelectors {"TrailName":"events","EventSelectors":[{"ReadWriteType":"All"}]}
				cloudtrail AddTags {"ResourceId":"{X.Arn}","TagsList":[{"Key":"c","Value":"d"}]}`,
			want: []string{`/EnableLogFileValidation NOT_EQUAL true false`, `/EventSelectors/0/ReadWriteType NOT_EQUAL WriteOnly All`, `/IsLogging NOT_EQUAL true false`, `/Tags/1 ADD null {"Key":"c","Value":"d"}`},
			back: `cloudtrail StartLogging {"Name":"events"}
				cloudtrail UpdateTrail {"Name":"events","EnableLogFileValidation":true}
				cloudtrail PutEventSelectors {"TrailName":"events","EventSelectors":[{"ReadWriteType":"WriteOnly"}]}
				cloudtrail RemoveTags {"ResourceId":"{X.Arn}","TagsList":[{"Key":"c","Value":"d"}]}`,
			end: `cloudtrail DeleteTrail {"Name":"events"}`,
		},
	}
}

func storageDrifts() []driftTest {
	return []driftTest{
		{
			name: "bucket", template: `Resources:
  X:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: assets
      AccessControl: Private
      VersioningConfiguration: {Status: Enabled}
      OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}
      BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: "true"}
      LifecycleConfiguration: {Rules: [{Id: old, Status: Enabled, Prefix: a/, NoncurrentVersionExpirationInDays: 30, ExpirationInDays: "9"}, {Id: parts, Status: Enabled, AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}}]}
      Tags: [{Key: a, Value: b}]
`,
			change: `s3 PutBucketVersioning {"Bucket":"assets","Body":"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"}
				s3 PutBucketEncryption {"Bucket":"assets","Body":"<ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"}
				s3 DeletePublicAccessBlock {"Bucket":"assets"}
				s3 PutBucketTagging {"Bucket":"assets","Body":"<Tagging><TagSet><Tag><Key>a</Key><Value>c</Value></Tag></TagSet></Tagging>"}
				s3 PutBucketLifecycleConfiguration {"Bucket":"assets","Body":"<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>a/</Prefix></Filter><NoncurrentVersionExpiration><NoncurrentDays>31</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>"}`,
			want: []string{
				`/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/SSEAlgorithm NOT_EQUAL AES256 aws:kms`,
				`/LifecycleConfiguration/Rules/0/ExpirationInDays REMOVE 9 null`,
				`/LifecycleConfiguration/Rules/0/NoncurrentVersionExpirationInDays NOT_EQUAL 30 31`,
				`/LifecycleConfiguration/Rules/1 REMOVE {"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":1},"Id":"parts","Status":"Enabled"} null`,
				`/PublicAccessBlockConfiguration REMOVE {"BlockPublicAcls":true,"BlockPublicPolicy":"true"} null`,
				`/Tags/0/Value NOT_EQUAL b c`,
				`/VersioningConfiguration/Status NOT_EQUAL Enabled Suspended`,
			},
			back: `s3 PutBucketVersioning {"Bucket":"assets","Body":"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"}
				s3 DeleteBucketEncryption {"Bucket":"assets"}
				s3 PutPublicAccessBlock {"Bucket":"assets","Body":"<PublicAccessBlockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><BlockPublicAcls>true</BlockPublicAcls><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>"}
				s3 PutBucketTagging {"Bucket":"assets","Body":"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"}
				s3 PutBucketLifecycleConfiguration {"Bucket":"assets","Body":"<LifecycleConfiguration><Rule><ID>parts</ID><Status>Enabled</Status><Filter/><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule><Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>a/</Prefix></Filter><Expiration><Days>9</Days></Expiration><NoncurrentVersionExpiration><NoncurrentDays>30</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>"}`,
			end: `s3 DeleteBucket {"Bucket":"assets"}`,
		},
		{
			name: "bucket policy", template: `Resources:
  B: {Type: AWS::S3::Bucket, Properties: {BucketName: assets}}
  X: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: !Ref B, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Deny, Principal: "*", Action: "s3:*", Resource: "arn:aws:s3:::assets/*"}]}}}
`,
			change: `s3 PutBucketPolicy {"Bucket":"assets","Body":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":[\"s3:PutObject\",\"s3:GetObject\"],\"Resource\":\"arn:aws:s3:::assets/*\"}]}"}`,
			want:   []string{`/PolicyDocument/Statement/0/Action NOT_EQUAL s3:* ["s3:PutObject","s3:GetObject"]`},
			back:   `s3 PutBucketPolicy {"Bucket":"assets","Body":"{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":[\"s3:*\"],\"Resource\":\"arn:aws:s3:::assets/*\"}, \"Version\":\"2012-10-17\"}"}`,
			end:    `s3 DeleteBucketPolicy {"Bucket":"assets"}`,
		},
		{
			name: "parameter", template: `Resources:
  X: {Type: AWS::SSM::Parameter, Properties: {Name: /p, Type: String, Value: 1, Description: d, Tags: {a: b}}}
`,
			change: `ssm PutParameter {"Name":"/p","Value":"2","Description":"e","Overwrite":true}`,
			want:   []string{`/Value NOT_EQUAL 1 2`},
			back:   `ssm PutParameter {"Name":"/p","Value":"1","Overwrite":true}`,
			end:    `ssm DeleteParameter {"Name":"/p"}`,
		},
	}
}

func mapDrifts() []driftTest {
	return []driftTest{
		{
			name: "namespace", template: `Resources:
  X: {Type: AWS::ServiceDiscovery::HttpNamespace, Properties: {Name: prod, Description: d, Tags: [{Key: a, Value: b}]}}
`,
			change: `servicediscovery UpdateHttpNamespace {"Id":"{X}","Namespace":{"Description":"e"}}
				servicediscovery TagResource {"ResourceARN":"{X.Arn}","Tags":[{"Key":"a","Value":"c"}]}`,
			want: []string{`/Description NOT_EQUAL d e`, `/Tags/0/Value NOT_EQUAL b c`},
			back: `servicediscovery UpdateHttpNamespace {"Id":"{X}","Namespace":{"Description":"d"}}
				servicediscovery TagResource {"ResourceARN":"{X.Arn}","Tags":[{"Key":"a","Value":"b"}]}`,
			end: `servicediscovery DeleteNamespace {"Id":"{X}"}`,
		},
		{
			name: "service of Cloud Map", template: `Resources:
  N: {Type: AWS::ServiceDiscovery::HttpNamespace, Properties: {Name: prod}}
  X: {Type: AWS::ServiceDiscovery::Service, Properties: {Name: orders, NamespaceId: !Ref N, Description: d, HealthCheckCustomConfig: {FailureThreshold: 1}, ServiceAttributes: {k: v}}}
`,
			change: `servicediscovery UpdateService {"Id":"{X}","Service":{"Description":"e"}}
				servicediscovery UpdateServiceAttributes {"ServiceId":"{X}","Attributes":{"k":"w","l":"m"}}`,
			want: []string{`/Description NOT_EQUAL d e`, `/ServiceAttributes/k NOT_EQUAL v w`, `/ServiceAttributes/l ADD null m`},
			back: `servicediscovery UpdateService {"Id":"{X}","Service":{"Description":"d"}}
				servicediscovery UpdateServiceAttributes {"ServiceId":"{X}","Attributes":{"k":"v"}}
				servicediscovery DeleteServiceAttributes {"ServiceId":"{X}","Attributes":["l"]}`,
			end: `servicediscovery DeleteService {"Id":"{X}"}`,
		},
		{
			name: "namespace of DNS", template: `Resources:
  X: {Type: AWS::ServiceDiscovery::PrivateDnsNamespace, Properties: {Name: example.internal, Vpc: vpc-1, Properties: {DnsProperties: {SOA: {TTL: "60"}}}}}
`,
			change: `servicediscovery UpdatePrivateDnsNamespace {"Id":"{X}","Namespace":{"Properties":{"DnsProperties":{"SOA":{"TTL":61}}}}}`,
			want:   []string{`/Properties/DnsProperties/SOA/TTL NOT_EQUAL 60 61`},
			back:   `servicediscovery UpdatePrivateDnsNamespace {"Id":"{X}","Namespace":{"Properties":{"DnsProperties":{"SOA":{"TTL":60}}}}}`,
			end:    `servicediscovery DeleteNamespace {"Id":"{X}"}`,
		},
		{
			name: "service of DNS", template: `Resources:
  N: {Type: AWS::ServiceDiscovery::PublicDnsNamespace, Properties: {Name: example.com}}
  X: {Type: AWS::ServiceDiscovery::Service, Properties: {Name: orders, DnsConfig: {NamespaceId: !Ref N, DnsRecords: [{Type: A, TTL: 60}]}}}
`,
			change: `servicediscovery UpdateService {"Id":"{X}","Service":{"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":300}]}}}`,
			want:   []string{`/DnsConfig/DnsRecords/0/TTL NOT_EQUAL 60 300`},
			back:   `servicediscovery UpdateService {"Id":"{X}","Service":{"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":60}]}}}`,
			end:    `servicediscovery DeleteService {"Id":"{X}"}`,
		},
		{
			name: "instance of Cloud Map", template: `Resources:
  N: {Type: AWS::ServiceDiscovery::HttpNamespace, Properties: {Name: prod}}
  S: {Type: AWS::ServiceDiscovery::Service, Properties: {Name: orders, NamespaceId: !Ref N}}
  X: {Type: AWS::ServiceDiscovery::Instance, Properties: {ServiceId: !Ref S, InstanceId: i, InstanceAttributes: {AWS_INSTANCE_IPV4: 10.0.0.1, AWS_INSTANCE_PORT: 80}}}
`,
			change: `servicediscovery RegisterInstance {"ServiceId":"{S}","InstanceId":"i","Attributes":{"AWS_INSTANCE_IPV4":"10.0.0.1","AWS_INSTANCE_PORT":"81","zone":"b"}}`,
			want:   []string{`/InstanceAttributes/AWS_INSTANCE_PORT NOT_EQUAL 80 81`, `/InstanceAttributes/zone ADD null b`},
			back:   `servicediscovery RegisterInstance {"ServiceId":"{S}","InstanceId":"i","Attributes":{"AWS_INSTANCE_IPV4":"10.0.0.1","AWS_INSTANCE_PORT":"80"}}`,
			end:    `servicediscovery DeregisterInstance {"ServiceId":"{S}","InstanceId":"i"}`,
		},
		{
			name: "certificate", template: `Resources:
  X: {Type: AWS::CertificateManager::Certificate, Properties: {DomainName: a.example.com, SubjectAlternativeNames: [b.example.com], KeyAlgorithm: RSA_2048, ValidationMethod: DNS, DomainValidationOptions: [{DomainName: a.example.com, HostedZoneId: Z}], Tags: [{Key: a, Value: b}]}}
`,
			change: `acm AddTagsToCertificate {"CertificateArn":"{X}","Tags":[{"Key":"a","Value":"c"}]}`,
			want:   []string{`/Tags/0/Value NOT_EQUAL b c`},
			back:   `acm AddTagsToCertificate {"CertificateArn":"{X}","Tags":[{"Key":"a","Value":"b"}]}`,
			end:    `acm DeleteCertificate {"CertificateArn":"{X}"}`,
		},
		{
			name: "access association", template: `Resources:
  D: {Type: AWS::ApiGateway::DomainNameV2, Properties: {DomainName: private.example.com, EndpointConfiguration: {Types: [PRIVATE]}, Policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: "*", Action: "execute-api:Invoke", Resource: ["execute-api:/*"]}]}}}
  X: {Type: AWS::ApiGateway::DomainNameAccessAssociation, Properties: {DomainNameArn: !GetAtt D.DomainNameArn, AccessAssociationSource: vpce-0123456789abcdef0, AccessAssociationSourceType: VPCE}}
`,
			end: `apigateway DeleteDomainNameAccessAssociation {"domainNameAccessAssociationArn":"{X}"}`,
		},
		{
			name: "nested stack", template: `Resources:
  X: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://s3.amazonaws.com/b/one", Parameters: {Of: name}, Tags: [{Key: a, Value: b}]}}
`,
			change: `cloudformation UpdateStack {"StackName":"{X}","UsePreviousTemplate":true,"Parameters":[{"ParameterKey":"Of","ParameterValue":"other"}],"Tags":[{"Key":"a","Value":"b"},{"Key":"c","Value":"d"}]}`,
			want:   []string{`/Parameters/Of NOT_EQUAL name other`, `/Tags/1 ADD null {"Key":"c","Value":"d"}`},
			back:   `cloudformation UpdateStack {"StackName":"{X}","UsePreviousTemplate":true,"Parameters":[{"ParameterKey":"Of","ParameterValue":"name"}],"Tags":[{"Key":"a","Value":"b"}]}`,
			end:    `cloudformation DeleteStack {"StackName":"{X}"}`,
		},
	}
}
