package sam

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// role makes the role that a function runs as.
func (t *translator) role(r *resource) {
	id := r.id + "Role"
	managed := []any{t.managedPolicy("service-role/AWSLambdaBasicExecutionRole")}
	if r.props["Tracing"] != nil {
		// AWS: xray_utils.py; the other partitions have the newer name only.
		name := "AWSXRayDaemonWriteAccess"
		if t.opt.Partition == "aws" {
			name = "AWSXrayWriteOnlyAccess"
		}
		managed = append(managed, t.managedPolicy(name))
	}
	if r.props["VpcConfig"] != nil {
		managed = append(managed, t.managedPolicy("service-role/AWSLambdaVPCAccessExecutionRole"))
	}
	inline := []any{}
	if q := asObject(r.props["DeadLetterQueue"]); q != nil {
		action := "sqs:SendMessage"
		if q["Type"] == "SNS" {
			action = "sns:Publish"
		}
		inline = append(inline, object{"PolicyName": "DeadLetterQueuePolicy", "PolicyDocument": document(object{"Effect": "Allow", "Action": action, "Resource": q["TargetArn"]})})
	}
	for i, p := range listed(r.props["Policies"]) {
		name := id + "Policy" + strconv.Itoa(i)
		switch p := p.(type) {
		case string:
			arn := t.managedARN(p)
			if !slices.Contains(managed, any(arn)) {
				managed = append(managed, arn)
			}
		case object:
			switch {
			case p["Statement"] != nil:
				inline = append(inline, object{"PolicyName": name, "PolicyDocument": p})
			case isIntrinsic(p):
				managed = append(managed, p)
			default:
				doc, ok := t.policyTemplate(r, p)
				if !ok {
					return
				}
				inline = append(inline, object{"PolicyName": name, "PolicyDocument": doc})
			}
		default:
			t.fault(r.id, "Policy at index "+strconv.Itoa(i)+" in the 'Policies' property is not valid.")
		}
	}
	props := object{"ManagedPolicyArns": managed, "AssumeRolePolicyDocument": r.props["AssumeRolePolicyDocument"],
		"Tags": append([]any{object{"Key": "lambda:createdBy", "Value": "SAM"}}, tagList(r.props["Tags"])...)}
	if props["AssumeRolePolicyDocument"] == nil {
		props["AssumeRolePolicyDocument"] = document(object{"Action": []any{"sts:AssumeRole"}, "Effect": "Allow", "Principal": object{"Service": []any{"lambda.amazonaws.com"}}})
	}
	if len(inline) > 0 {
		props["Policies"] = inline
	}
	if v := r.props["PermissionsBoundary"]; v != nil {
		props["PermissionsBoundary"] = v
	}
	if v := r.props["RolePath"]; v != nil {
		props["Path"] = v
	}
	t.add(id, "AWS::IAM::Role", props, r.passed())
}

// document is a policy of statements.
func document(statements ...object) object {
	list := make([]any, len(statements))
	for i, s := range statements {
		list[i] = s
	}
	return object{"Version": "2012-10-17", "Statement": list}
}

// listed makes a list of what may be one thing or many.
func listed(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func (t *translator) managedPolicy(name string) string {
	return "arn:" + t.opt.Partition + ":iam::aws:policy/" + name
}

// managedARN is the ARN of a policy that AWS keeps, by its name; an ARN is itself.
//
// AWS: the names whose path is not "/" are those of service roles.
func (t *translator) managedARN(name string) string {
	switch {
	case strings.HasPrefix(name, "arn:"):
		return name
	case strings.HasPrefix(name, "AWSLambda") && strings.HasSuffix(name, "Role"), name == "AWSLambdaENIManagementAccess", name == "AmazonAPIGatewayPushToCloudWatchLogs":
		return t.managedPolicy("service-role/" + name)
	}
	return t.managedPolicy(name)
}

// A policyTemplate is one of SAM's policies with gaps: what it allows on what.
type policyTemplate struct {
	parameters string
	allow      []grant
}

// A grant is a statement of a policy template: actions of one service, and ARNs
// with parameters as {Name}.
type grant struct {
	service, actions string
	resources        []string
}

// policyTemplates are those of SAM's policy templates that this gateway's functions
// have a use for, by name.
//
// AWS: SAM, "Policy template list".
func policyTemplates() map[string]policyTemplate {
	const here = "${AWS::Region}:${AWS::AccountId}:"
	one := func(parameter, service, actions string, resources ...string) policyTemplate {
		return policyTemplate{parameter, []grant{{service, actions, resources}}}
	}
	table := []string{"dynamodb:" + here + "table/{TableName}", "dynamodb:" + here + "table/{TableName}/index/*"}
	bucket := []string{"s3:::{BucketName}", "s3:::{BucketName}/*"}
	queue, topic, stream := "sqs:"+here+"{QueueName}", "sns:"+here+"{TopicName}", "kinesis:"+here+"stream/{StreamName}"
	return map[string]policyTemplate{
		"AWSSecretsManagerGetSecretValuePolicy": one("SecretArn", "secretsmanager", "GetSecretValue", "{SecretArn}"),
		"CloudFormationDescribeStacksPolicy":    one("", "cloudformation", "DescribeStacks", "cloudformation:"+here+"stack/*"),
		"CloudWatchDescribeAlarmHistoryPolicy":  one("", "cloudwatch", "DescribeAlarmHistory", "*"),
		"CloudWatchPutMetricPolicy":             one("", "cloudwatch", "PutMetricData", "*"),
		"DynamoDBCrudPolicy": one("TableName", "dynamodb", "GetItem DeleteItem PutItem Scan Query UpdateItem BatchWriteItem BatchGetItem DescribeTable ConditionCheckItem",
			table...),
		"DynamoDBReadPolicy":           one("TableName", "dynamodb", "GetItem Scan Query BatchGetItem DescribeTable", table...),
		"DynamoDBReconfigurePolicy":    one("TableName", "dynamodb", "UpdateTable", table[0]),
		"DynamoDBWritePolicy":          one("TableName", "dynamodb", "PutItem UpdateItem BatchWriteItem", table...),
		"EC2DescribePolicy":            one("", "ec2", "DescribeRegions DescribeInstances", "*"),
		"EventBridgePutEventsPolicy":   one("EventBusName", "events", "PutEvents", "events:"+here+"event-bus/{EventBusName}"),
		"FilterLogEventsPolicy":        one("LogGroupName", "logs", "FilterLogEvents", "logs:"+here+"log-group:{LogGroupName}:log-stream:*"),
		"KMSDecryptPolicy":             one("KeyId", "kms", "Decrypt", "kms:"+here+"key/{KeyId}"),
		"KMSEncryptPolicy":             one("KeyId", "kms", "Encrypt", "kms:"+here+"key/{KeyId}"),
		"KinesisStreamReadPolicy":      {"StreamName", []grant{{"kinesis", "ListStreams DescribeLimits", []string{"kinesis:" + here + "stream/*"}}, {"kinesis", "DescribeStream DescribeStreamSummary GetRecords GetShardIterator", []string{stream}}}},
		"LambdaInvokePolicy":           one("FunctionName", "lambda", "InvokeFunction", "lambda:"+here+"function:{FunctionName}*"),
		"S3CrudPolicy":                 one("BucketName", "s3", "GetObject ListBucket GetBucketLocation GetObjectVersion PutObject PutObjectAcl GetLifecycleConfiguration PutLifecycleConfiguration DeleteObject", bucket...),
		"S3FullAccessPolicy":           {"BucketName", []grant{{"s3", "GetObject GetObjectAcl GetObjectVersion PutObject PutObjectAcl DeleteObject DeleteObjectTagging DeleteObjectVersionTagging GetObjectTagging GetObjectVersionTagging PutObjectTagging PutObjectVersionTagging", bucket[1:]}, {"s3", "ListBucket GetBucketLocation GetLifecycleConfiguration PutLifecycleConfiguration", bucket[:1]}}},
		"S3ReadPolicy":                 one("BucketName", "s3", "GetObject ListBucket GetBucketLocation GetObjectVersion GetLifecycleConfiguration", bucket...),
		"S3WritePolicy":                one("BucketName", "s3", "PutObject PutObjectAcl PutLifecycleConfiguration", bucket...),
		"SESSendBouncePolicy":          one("IdentityName", "ses", "SendBounce", "ses:"+here+"identity/{IdentityName}"),
		"SNSPublishMessagePolicy":      one("TopicName", "sns", "Publish", topic),
		"SQSPollerPolicy":              one("QueueName", "sqs", "ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch GetQueueAttributes ReceiveMessage", queue),
		"SQSSendMessagePolicy":         one("QueueName", "sqs", "SendMessage*", queue),
		"SSMParameterReadPolicy":       {"ParameterName", []grant{{"ssm", "DescribeParameters", []string{"*"}}, {"ssm", "GetParameters GetParameter GetParametersByPath", []string{"ssm:" + here + "parameter/{ParameterName}"}}}},
		"StepFunctionsExecutionPolicy": one("StateMachineName", "states", "StartExecution", "states:"+here+"stateMachine:{StateMachineName}"),
		"VPCAccessPolicy":              one("", "ec2", "CreateNetworkInterface DeleteNetworkInterface DescribeNetworkInterfaces DetachNetworkInterface", "*"),
	}
}

// policyTemplate fills in a policy template.
func (t *translator) policyTemplate(r *resource, p object) (object, bool) {
	names := slices.Sorted(maps.Keys(p))
	if len(names) != 1 {
		t.fault(r.id, "Must specify valid parameter values for policy template.")
		return nil, false
	}
	tpl, ok := policyTemplates()[names[0]]
	if !ok {
		t.fault(r.id, "Gatehouse does not know the policy template '"+names[0]+"'.")
		return nil, false
	}
	values := asObject(p[names[0]])
	for name := range strings.FieldsSeq(tpl.parameters) {
		if values[name] == nil {
			t.fault(r.id, "Following required parameters of template '"+names[0]+"' don't have values: ['"+name+"']")
			return nil, false
		}
	}
	statements := make([]object, len(tpl.allow))
	for i, g := range tpl.allow {
		statements[i] = g.statement(values)
	}
	doc := document(statements...)
	delete(doc, "Version") // AWS: these say no version, which stands for 2008-10-17
	return doc, true
}

func (g grant) statement(values object) object {
	actions := []any{}
	for a := range strings.FieldsSeq(g.actions) {
		actions = append(actions, g.service+":"+a)
	}
	resources := []any{}
	for _, r := range g.resources {
		resources = append(resources, gap(r, values))
	}
	var on any = resources
	if len(resources) == 1 {
		on = resources[0]
	}
	return object{"Effect": "Allow", "Action": actions, "Resource": on}
}

// gap fills the gap of an ARN.
func gap(pattern string, values object) any {
	if pattern == "*" {
		return pattern
	}
	before, rest, has := strings.Cut(pattern, "{")
	for has && strings.HasSuffix(before, "$") { // a pseudo parameter
		more, after, again := strings.Cut(rest, "{")
		before, rest, has = before+"{"+more, after, again
	}
	name, after, _ := strings.Cut(rest, "}")
	arn := "arn:${AWS::Partition}:"
	if before == "" && has {
		arn = ""
	}
	if !has {
		return sub(arn + pattern)
	}
	variable := strings.ToLower(name[:1]) + name[1:]
	return subWith(arn+before+"${"+variable+"}"+after, object{variable: values[name]})
}
