package sam

import "strings"

// What a connector makes.
const (
	rolePolicy       = "AWS::IAM::ManagedPolicy"
	queuePolicy      = "AWS::SQS::QueuePolicy"
	topicPolicy      = "AWS::SNS::TopicPolicy"
	lambdaPermission = "AWS::Lambda::Permission"
)

// What waits for the policy of a connector.
const (
	waitsNobody  = ""
	waitsMapping = "mapping" // the event source mapping between the two
	waitsSource  = "source"
)

// A profile says how two types are connected. Its texts hold variables like
// %{Source.Arn}.
type profile struct {
	makes    string
	ofSource bool // what is made belongs to the source, not to the destination
	waits    string
	together [][]string // permissions that go together only, sorted
	access   []access
}

// An access is what one permission allows: statements of a policy, or the
// properties of a permission of Lambda.
type access struct {
	name       string
	statements []any
	permission object
}

func read(statements ...any) access  { return access{name: "Read", statements: statements} }
func write(statements ...any) access { return access{name: "Write", statements: statements} }

// allow is a statement that allows actions of a service.
func allow(service, actions string, resources ...any) object {
	list := []any{}
	for action := range strings.FieldsSeq(actions) {
		list = append(list, service+":"+action)
	}
	return object{"Effect": "Allow", "Action": list, "Resource": resources}
}

// asRole lets the role of the source act on the destination.
func asRole(all ...access) profile { return profile{makes: rolePolicy, ofSource: true, access: all} }

// invoked lets the source's service invoke the destination.
func invoked(service, arn string) profile {
	return profile{makes: lambdaPermission, access: []access{{name: "Write", permission: object{
		"Action": "lambda:InvokeFunction", "Principal": service + ".amazonaws.com", "SourceArn": arn,
	}}}}
}

// sent lets the source's service send to the destination.
func sent(makes, service, action string) profile {
	return profile{makes: makes, access: []access{write(object{
		"Effect": "Allow", "Principal": object{"Service": service + ".amazonaws.com"}, "Resource": toARN, "Action": action,
		"Condition": object{"ArnEquals": object{"aws:SourceArn": fromARN}},
	})}}
}

const (
	fromARN = "%{Source.Arn}"
	toARN   = "%{Destination.Arn}"

	accountARN = "${AWS::Region}:${AWS::AccountId}:"
	executions = "arn:${AWS::Partition}:states:" + accountARN + "execution:%{Destination.Name}:*"
	syncRule   = "arn:${AWS::Partition}:events:" + accountARN + "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
)

// connectorProfiles are the pairs of types that connectors connect, "source
// destination".
//
// AWS: SAM, "Supported source and destination resource types for connectors" and
// "IAM policies created by connectors".
func connectorProfiles() map[string]profile {
	invoke := asRole(write(allow("lambda", "InvokeAsync InvokeFunction", toARN)))
	put := asRole(write(allow("events", "PutEvents", toARN)))
	publish := asRole(write(allow("sns", "Publish", toARN)))
	table, bucket := tableProfile(), bucketProfile()
	s3 := invoked("s3", fromARN)
	s3.access[0].permission["SourceAccount"] = "${AWS::AccountId}"
	api := invoked("apigateway", "arn:${AWS::Partition}:execute-api:"+accountARN+"%{Source.ResourceId}/%{Source.Qualifier}")
	return map[string]profile{
		"AWS::Lambda::Function AWS::Lambda::Function": invoke,
		"AWS::Lambda::Function AWS::S3::Bucket":       bucket,
		"AWS::Lambda::Function AWS::DynamoDB::Table":  table,
		"AWS::Lambda::Function AWS::SQS::Queue": asRole(read(allow("sqs", "ReceiveMessage GetQueueAttributes", toARN)),
			write(allow("sqs", "DeleteMessage SendMessage ChangeMessageVisibility PurgeQueue", toARN))),
		"AWS::Lambda::Function AWS::SNS::Topic": publish,
		"AWS::Lambda::Function AWS::StepFunctions::StateMachine": asRole(
			write(allow("states", "StartExecution StartSyncExecution", toARN), allow("states", "StopExecution", executions)),
			read(allow("states", "DescribeStateMachine ListExecutions", toARN),
				allow("states", "DescribeExecution DescribeStateMachineForExecution GetExecutionHistory", executions))),
		"AWS::Lambda::Function AWS::Events::EventBus": put,
		"AWS::Lambda::Function AWS::Location::PlaceIndex": asRole(read(allow("geo",
			"DescribePlaceIndex GetPlace SearchPlaceIndexForPosition SearchPlaceIndexForSuggestions SearchPlaceIndexForText", toARN))),

		"AWS::ApiGateway::RestApi AWS::Lambda::Function": api,
		"AWS::ApiGatewayV2::Api AWS::Lambda::Function":   api,

		"AWS::S3::Bucket AWS::Lambda::Function": s3,
		"AWS::SNS::Topic AWS::Lambda::Function": invoked("sns", fromARN),
		"AWS::SNS::Topic AWS::SQS::Queue":       sent(queuePolicy, "sns", "sqs:SendMessage"),
		"AWS::SQS::Queue AWS::Lambda::Function": {
			makes: rolePolicy, waits: waitsMapping, together: [][]string{{"Read", "Write"}},
			access: []access{write(allow("sqs", "DeleteMessage", fromARN)), read(allow("sqs", "ReceiveMessage GetQueueAttributes", fromARN))},
		},
		"AWS::DynamoDB::Table AWS::Lambda::Function": {
			makes: rolePolicy, waits: waitsMapping,
			access: []access{read(allow("dynamodb", "DescribeStream GetRecords GetShardIterator ListStreams", fromARN+"/stream/*"))},
		},

		"AWS::Events::Rule AWS::Lambda::Function":                invoked("events", fromARN),
		"AWS::Events::Rule AWS::SNS::Topic":                      sent(topicPolicy, "events", "sns:Publish"),
		"AWS::Events::Rule AWS::SQS::Queue":                      sent(queuePolicy, "events", "sqs:SendMessage"),
		"AWS::Events::Rule AWS::Events::EventBus":                put,
		"AWS::Events::Rule AWS::StepFunctions::StateMachine":     asRole(write(allow("states", "StartExecution", toARN))),
		"AWS::StepFunctions::StateMachine AWS::Events::EventBus": put,
		"AWS::StepFunctions::StateMachine AWS::Lambda::Function": invoke,
		"AWS::StepFunctions::StateMachine AWS::SNS::Topic":       publish,
		"AWS::StepFunctions::StateMachine AWS::SQS::Queue":       asRole(write(allow("sqs", "SendMessage", toARN))),
		"AWS::StepFunctions::StateMachine AWS::S3::Bucket":       bucket,
		"AWS::StepFunctions::StateMachine AWS::DynamoDB::Table":  table,
		"AWS::StepFunctions::StateMachine AWS::StepFunctions::StateMachine": {
			makes: rolePolicy, ofSource: true, waits: waitsSource, together: [][]string{{"Read"}, {"Read", "Write"}},
			access: []access{
				read(allow("states", "DescribeExecution", executions), allow("events", "DescribeRule", syncRule)),
				write(allow("states", "StartExecution", toARN), allow("states", "StopExecution", executions), allow("events", "PutTargets PutRule", syncRule)),
			},
		},

		"AWS::AppSync::DataSource AWS::DynamoDB::Table":  table,
		"AWS::AppSync::DataSource AWS::Lambda::Function": asRole(write(allow("lambda", "InvokeAsync InvokeFunction", toARN, toARN+":*"))),
		"AWS::AppSync::DataSource AWS::Events::EventBus": put,
		"AWS::AppSync::GraphQLApi AWS::Lambda::Function": invoked("appsync", "arn:${AWS::Partition}:appsync:"+accountARN+"apis/%{Source.ResourceId}"),
	}
}

func tableProfile() profile {
	return asRole(
		read(allow("dynamodb", "GetItem Query Scan BatchGetItem ConditionCheckItem PartiQLSelect", toARN, toARN+"/index/*")),
		write(allow("dynamodb", "PutItem UpdateItem DeleteItem BatchWriteItem PartiQLDelete PartiQLInsert PartiQLUpdate", toARN, toARN+"/index/*")))
}

func bucketProfile() profile {
	return asRole(
		read(allow("s3", "GetObject GetObjectAcl GetObjectLegalHold GetObjectRetention GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionForReplication "+
			"GetObjectVersionTorrent ListBucket ListBucketMultipartUploads ListBucketVersions ListMultipartUploadParts", toARN, toARN+"/*")),
		write(allow("s3", "AbortMultipartUpload DeleteObject DeleteObjectVersion PutObject PutObjectLegalHold PutObjectRetention RestoreObject", toARN, toARN+"/*")))
}
