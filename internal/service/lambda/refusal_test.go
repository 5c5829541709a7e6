package lambda

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

// TestRefusals holds what clients are told. Texts with AWS: in the code they come
// from are recorded as errors.go says.
func TestRefusals(t *testing.T) {
	const (
		namePattern = `Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
		rolePattern = `Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`
		unsupported = "400 InvalidParameterValueException: Gatehouse does not support "
		later       = " yet (see COVERAGE.md)"
	)
	role := "r1"
	tests := []struct {
		name, method, path string
		body               any
		want               string
	}{
		{"exists", "POST", functionsPath, newFunction(nil), "409 ResourceConflictException: Function already exist: hello"},
		{"role", "POST", functionsPath, newFunction(doc{"Role": role}), "400 ValidationException: 1 validation error detected: Value 'r1' at 'role' failed to satisfy constraint: " + rolePattern},
		{"two at once", "POST", functionsPath, newFunction(doc{"MemorySize": 127, "Timeout": 901}),
			"400 ValidationException: 2 validation errors detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900; " +
				"Value '127' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"},
		{"long name", "POST", functionsPath, newFunction(doc{"FunctionName": strings.Repeat("a", 65)}),
			"400 InvalidParameterValueException: 1 validation error detected: Value '" + strings.Repeat("a", 65) + "' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"bad zip", "POST", functionsPath, newFunction(doc{"FunctionName": "other", "Code": doc{"ZipFile": []byte("no zip")}}),
			"400 InvalidParameterValueException: Could not unzip uploaded file. Please check your file, then try to upload again."},
		{"no code", "POST", functionsPath, newFunction(doc{"FunctionName": "other", "Code": doc{}}), "400 InvalidParameterValueException: Please provide a source for function code."},
		{"S3 without endpoint", "POST", functionsPath, newFunction(doc{"FunctionName": "other", "Code": doc{"S3Bucket": "b", "S3Key": "k"}}),
			"400 InvalidParameterValueException: Gatehouse knows no S3 to read code from: start it with --service-endpoint s3=URL, or send the code as ZipFile"},
		{"no handler", "POST", functionsPath, doc{"FunctionName": "other", "Runtime": "python3.12", "Role": "arn:aws:iam::111111111111:role/r", "Code": doc{}},
			"400 InvalidParameterValueException: Runtime and Handler are mandatory parameters for functions created with deployment packages."},
		{"runtime that does not run here", "POST", functionsPath, newFunction(doc{"Runtime": "java21"}), unsupported + "Runtime 'java21' of Function" + later},
		{"image", "POST", functionsPath, newFunction(doc{"PackageType": "Image"}), unsupported + "PackageType, ImageUri, ImageConfig of Function" + later},
		{"VPC", "PUT", helloPath + "/configuration", doc{"VpcConfig": doc{"SubnetIds": []string{"s"}}}, unsupported + "VpcConfig of Function" + later},
		{"storage", "PUT", helloPath + "/configuration", doc{"EphemeralStorage": doc{"Size": 511}},
			"400 ValidationException: 1 validation error detected: Value '511' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value greater than or equal to 512"},
		{"reserved variable", "PUT", helloPath + "/configuration", doc{"Environment": doc{"Variables": doc{"AWS_REGION": "x"}}},
			"400 InvalidParameterValueException: Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION"},
		{"large environment", "PUT", helloPath + "/configuration", doc{"Environment": doc{"Variables": doc{"LONG": strings.Repeat("x", 5000)}}},
			"400 InvalidParameterValueException: Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit."},
		{"stale revision", "PUT", helloPath + "/configuration", doc{"RevisionId": "old"},
			"412 PreconditionFailedException: The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"},
		{"no function", "GET", functionsPath + "/nope/configuration", nil, "404 ResourceNotFoundException: Function not found: " + testPrefix + "nope"},
		{"no version", "GET", helloPath + "?Qualifier=7", nil, "404 ResourceNotFoundException: Function not found: " + testPrefix + "hello:7"},
		{"bad name", "GET", functionsPath + "/a%20b", nil, "400 ValidationException: 1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: " + namePattern},
		{"bad qualifier", "GET", helloPath + "?Qualifier=a%20b", nil,
			"400 ValidationException: 1 validation error detected: Value 'a b' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)"},
		{"other Region", "GET", functionsPath + "/" + escape("arn:aws:lambda:us-east-1:111111111111:function:hello"), nil,
			"404 ResourceNotFoundException: Functions from 'us-east-1' are not reachable in this region ('eu-west-1')"},
		{"two qualifiers", "GET", functionsPath + "/" + escape(testPrefix+"hello:1") + "?Qualifier=2", nil,
			"400 InvalidParameterValueException: The derived qualifier from the function name does not match the specified qualifier."},
		{"$LATEST stays", "DELETE", helloPath + "?Qualifier=%24LATEST", nil, "400 InvalidParameterValueException: $LATEST version cannot be deleted without deleting the function."},
		{"function URLs", "POST", "/2021-10-31/functions/hello/url", doc{"AuthType": "NONE"}, "501 NotImplementedException: Gatehouse does not implement CreateFunctionUrlConfig yet (see COVERAGE.md)"},
		{"tags of an alias", "POST", "/2017-03-31/tags/" + escape(testPrefix+"hello:live"), doc{"Tags": doc{"a": "b"}},
			"400 InvalidParameterValueException: Tags on function aliases and versions are not supported. Please specify a function ARN."},
		{"no tags", "POST", "/2017-03-31/tags/" + escape(testPrefix+"hello"), doc{"Tags": doc{}}, "400 InvalidParameterValueException: An error occurred and the request cannot be processed."},
		{"concurrency of a version", "PUT", "/2017-10-31/functions/hello:1/concurrency", doc{"ReservedConcurrentExecutions": 1},
			"400 InvalidParameterValueException: This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN."},
		{"all concurrency", "PUT", "/2017-10-31/functions/hello/concurrency", doc{"ReservedConcurrentExecutions": 901},
			"400 InvalidParameterValueException: Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."},
		{"no event settings", "GET", "/2019-09-25/functions/hello/event-invoke-config", nil,
			"404 ResourceNotFoundException: The function " + testPrefix + "hello:$LATEST doesn't have an EventInvokeConfig"},
		{"empty event settings", "PUT", "/2019-09-25/functions/hello/event-invoke-config", doc{},
			"400 InvalidParameterValueException: You must specify at least one of error handling or destination setting."},
		{"queue as destination", "PUT", "/2019-09-25/functions/hello/event-invoke-config", doc{"DestinationConfig": doc{"OnFailure": doc{"Destination": "arn:aws:sqs:eu-west-1:111111111111:q"}}},
			unsupported + "DestinationConfig 'arn:aws:sqs:eu-west-1:111111111111:q' of EventInvokeConfig" + later},
		{"own destination", "PUT", "/2019-09-25/functions/hello/event-invoke-config", doc{"DestinationConfig": doc{"OnFailure": doc{"Destination": testPrefix + "hello"}}},
			"400 InvalidParameterValueException: You can't specify the function as a destination for itself."},
		{"no policy", "GET", helloPath + "/policy", nil, "404 ResourceNotFoundException: The resource you requested does not exist."},
		{"nothing to take back", "DELETE", helloPath + "/policy/s", nil, "404 ResourceNotFoundException: No policy is associated with the given resource."},
		{"bad principal", "POST", helloPath + "/policy", doc{"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "somebody"},
			"400 InvalidParameterValueException: The provided principal was invalid. Please check the principal and try again."},
		{"bad action", "POST", helloPath + "/policy", doc{"StatementId": "s", "Action": "s3:Get", "Principal": "*"},
			"400 ValidationException: 1 validation error detected: Value 's3:Get' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])"},
		{"policy of $LATEST", "POST", helloPath + "/policy?Qualifier=%24LATEST", doc{"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"},
			"400 InvalidParameterValueException: We currently do not support adding policies for $LATEST."},
		{"no such layer", "PUT", helloPath + "/configuration", doc{"Layers": []string{"arn:aws:lambda:eu-west-1:111111111111:layer:l:1"}},
			"400 InvalidParameterValueException: Layer version arn:aws:lambda:eu-west-1:111111111111:layer:l:1 does not exist."},
		{"layer version 0", "GET", "/2018-10-31/layers/l/versions/0", nil, "400 InvalidParameterValueException: Layer Version Cannot be less than 1"},
	}
	c := newClient(t)
	c.must("POST", functionsPath, newFunction(nil))
	before := c.must("GET", helloPath+"/configuration", nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			c.fail(tt.method, tt.path, tt.body, tt.want)
		})
	}
	c.t = t
	after := c.must("GET", helloPath+"/configuration", nil)
	if a, b := jsonOf(before), jsonOf(after); a != b {
		t.Errorf("refused calls changed the function:\n%s\n%s", a, b)
	}
}

func jsonOf(v any) string {
	b, _ := json.Marshal(v) // of what was decoded
	return string(b)
}

// Errors carry whose fault they are, and the message under the model's name.
func TestErrorDocument(t *testing.T) {
	c := newClient(t)
	_, out := c.do("GET", functionsPath+"/nope", nil)
	if out["Type"] != "User" || out["Message"] == nil || out["message"] != nil {
		t.Errorf("ResourceNotFoundException = %v, want Type and Message", out)
	}
	_, out = c.do("POST", functionsPath, newFunction(doc{"Runtime": "x"}))
	if out["Type"] != "User" || out["message"] == nil {
		t.Errorf("InvalidParameterValueException = %v, want Type and message", out)
	}
	if want := "Value x at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: ["; !strings.HasPrefix(out["message"].(string), want) {
		t.Errorf("message = %v, want %s…", out["message"], want)
	}
}

// Lists come in pages.
func TestPages(t *testing.T) {
	c := newClient(t)
	for i := range 5 {
		c.must("POST", functionsPath, newFunction(doc{"FunctionName": "f" + strconv.Itoa(i)}))
	}
	var got []string
	marker := ""
	for range 5 {
		out := c.must("GET", functionsPath+"/?MaxItems=2&Marker="+marker, nil)
		for _, f := range out["Functions"].([]any) {
			got = append(got, f.(doc)["FunctionName"].(string))
		}
		next, ok := out["NextMarker"].(string)
		if !ok {
			break
		}
		marker = next
	}
	if want := "f0 f1 f2 f3 f4"; strings.Join(got, " ") != want {
		t.Errorf("pages = %v, want %s", got, want)
	}
	c.fail("GET", functionsPath+"/?Marker=!", nil, "400 InvalidParameterValueException: Invalid Marker")
}
