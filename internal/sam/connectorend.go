package sam

import "strings"

// A connectorEnd is the source or the destination of a connector: what is known
// of it, nil where nothing is.
type connectorEnd struct {
	id, typ                                     string
	arn, role, url, resourceID, name, qualifier any
}

// end reads one end of a connector; other is the other one. What is wrong comes
// back as a text.
//
// AWS: model/connector/connector.py.
func (t *translator) end(v, other object) (*connectorEnd, string) {
	_, named := v["Id"]
	described := false
	for name := range v {
		described = described || name != "Id" && name != "Qualifier"
	}
	if named == described {
		return nil, "Must provide 'Id' (with optional 'Qualifier') or a supported combination of other properties."
	}
	id := v["Id"]
	if isEmpty(id) {
		typ := text(v["Type"])
		if typ == "" {
			return nil, "'Type' is missing or not a string."
		}
		return &connectorEnd{typ: transformedType(typ), arn: v["Arn"], role: v["RoleName"], url: v["QueueUrl"], resourceID: v["ResourceId"], name: v["Name"], qualifier: v["Qualifier"]}, ""
	}
	if text(id) == "" {
		return nil, "'Id' is missing or not a string."
	}
	return t.endByID(text(id), v, other)
}

// isEmpty tells what Python holds for false.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case int:
		return v == 0
	case float64:
		return v == 0
	case object:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// transformedType is what becomes of a type of SAM.
func transformedType(typ string) string {
	switch typ {
	case "AWS::Serverless::Function":
		return "AWS::Lambda::Function"
	case "AWS::Serverless::StateMachine":
		return "AWS::StepFunctions::StateMachine"
	case "AWS::Serverless::Api":
		return "AWS::ApiGateway::RestApi"
	case "AWS::Serverless::HttpApi":
		return "AWS::ApiGatewayV2::Api"
	case "AWS::Serverless::SimpleTable":
		return "AWS::DynamoDB::Table"
	}
	return typ
}

// endByID reads an end from the resource of the template that it is.
func (t *translator) endByID(id string, v, other object) (*connectorEnd, string) {
	res := t.connected(id)
	if res == nil {
		return nil, "Unable to find resource with logical ID '" + id + "'."
	}
	e := &connectorEnd{id: id, typ: text(res["Type"])}
	if e.typ == "" {
		return nil, "'Type' is missing or not a string."
	}
	var role any
	props := asObject(res["Properties"])
	switch e.typ {
	case "AWS::Lambda::Function":
		e.arn, role = getAtt(id, "Arn"), props["Role"]
	case "AWS::StepFunctions::StateMachine":
		e.arn, e.name, role = ref(id), getAtt(id, "Name"), props["RoleArn"]
	case "AWS::AppSync::DataSource":
		e.arn, role = ref(id), props["ServiceRoleArn"]
	case "AWS::AppSync::GraphQLApi":
		e.arn, e.resourceID = ref(id), getAtt(id, "ApiId")
	case "AWS::Events::Rule":
		e.arn, role = getAtt(id, "Arn"), ruleRole(props, other)
	case "AWS::SQS::Queue":
		e.arn, e.url = getAtt(id, "Arn"), ref(id)
	case "AWS::SNS::Topic":
		e.arn = ref(id)
	case "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Location::PlaceIndex", "AWS::Events::EventBus":
		e.arn = getAtt(id, "Arn")
	case "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api":
		e.arn, e.resourceID, e.qualifier = getAtt(id, "Arn"), ref(id), "*"
	}
	if name := referred(role); name != "" {
		e.role = ref(name)
	}
	if q, ok := v["Qualifier"]; ok {
		e.qualifier = q
	}
	return e, ""
}

// connected is the resource with a logical id: as it was made, or as it was
// written where nothing was made of it.
func (t *translator) connected(id string) object {
	if made := asObject(t.out[id]); made != nil {
		return made
	}
	if _, renamed := t.at[id]; renamed {
		return nil
	}
	return asObject(t.in[id])
}

// ruleRole is the role with which a rule of EventBridge calls the target that is
// the other end.
func ruleRole(props, other object) any {
	targets, _ := props["Targets"].([]any)
	for _, target := range targets {
		target := asObject(target)
		arn := target["Arn"]
		id := referred(arn)
		if id != "" && id == text(other["Id"]) || !isEmpty(other["Arn"]) && hash(arn) == hash(other["Arn"]) {
			return target["RoleArn"]
		}
	}
	return nil
}

// referred is the logical id that a Ref or Fn::GetAtt names.
func referred(v any) string {
	call := asObject(v)
	if len(call) != 1 {
		return ""
	}
	if id, ok := call["Ref"].(string); ok {
		return id
	}
	switch att := call["Fn::GetAtt"].(type) {
	case []any:
		if len(att) == 2 {
			return text(att[0])
		}
	case string:
		if id, attribute, ok := strings.Cut(att, "."); ok && !strings.Contains(attribute, ".") {
			return id
		}
	}
	return ""
}
