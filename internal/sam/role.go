package sam

import (
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
