package awsclient

// A Subtype is an operation of an AWS service that an HTTP API calls by itself:
// the integrationSubtype of an integration.
type Subtype struct {
	Name    string // as in integrationSubtype
	Service string // the name of the endpoint
	Host    string // in place of Service in the names of Amazon's hosts, if it has one of its own
	Target  string // X-Amz-Target; empty: the service has a REST protocol
	Version string // of the JSON protocol
	// Parameters are the requestParameters that it takes beside Region.
	Parameters []SubtypeParameter
}

// A SubtypeParameter is a parameter of a subtype.
type SubtypeParameter struct {
	Name     string
	Required bool
	Form     SubtypeForm
}

// A SubtypeForm says what a parameter's text becomes in the service's request.
type SubtypeForm uint8

// The forms of parameters.
const (
	SubtypeText     SubtypeForm = iota
	SubtypeNumber               // digits
	SubtypeTime                 // seconds since 1970, or ISO 8601
	SubtypeDocument             // JSON
	SubtypeList                 // a JSON list, or texts with commas between
)

// SubtypeRegion is the parameter that all subtypes take: where the service is
// called.
const SubtypeRegion = "Region"

// SubtypeOf returns the subtype with a name, or nil.
func SubtypeOf(name string) *Subtype {
	for i := range subtypes {
		if subtypes[i].Name == name {
			return &subtypes[i]
		}
	}
	return nil
}

// Parameter returns the parameter with a name, or nil.
func (s *Subtype) Parameter(name string) *SubtypeParameter {
	for i := range s.Parameters {
		if s.Parameters[i].Name == name {
			return &s.Parameters[i]
		}
	}
	return nil
}

func need(name string) SubtypeParameter { return SubtypeParameter{Name: name, Required: true} }

func may(name string, form SubtypeForm) SubtypeParameter {
	return SubtypeParameter{Name: name, Form: form}
}

// AWS: http-api-execution.md §7 ("Integration subtype reference"); protocols and
// targets are those of the service models.
var subtypes = [...]Subtype{
	{Name: "EventBridge-PutEvents", Service: "events", Target: "AWSEvents.PutEvents", Version: "1.1", Parameters: []SubtypeParameter{
		need("Detail"), need("DetailType"), need("Source"), may("Time", SubtypeTime), may("EventBusName", SubtypeText),
		may("Resources", SubtypeList), may("TraceHeader", SubtypeText)}},
	{Name: "SQS-SendMessage", Service: "sqs", Target: "AmazonSQS.SendMessage", Version: "1.0", Parameters: []SubtypeParameter{
		need("QueueUrl"), need("MessageBody"), may("DelaySeconds", SubtypeNumber), may("MessageAttributes", SubtypeDocument),
		may("MessageDeduplicationId", SubtypeText), may("MessageGroupId", SubtypeText), may("MessageSystemAttributes", SubtypeDocument)}},
	{Name: "SQS-ReceiveMessage", Service: "sqs", Target: "AmazonSQS.ReceiveMessage", Version: "1.0", Parameters: []SubtypeParameter{
		need("QueueUrl"), may("AttributeNames", SubtypeList), may("MaxNumberOfMessages", SubtypeNumber), may("MessageAttributeNames", SubtypeList),
		may("ReceiveRequestAttemptId", SubtypeText), may("VisibilityTimeout", SubtypeNumber), may("WaitTimeSeconds", SubtypeNumber)}},
	{Name: "SQS-DeleteMessage", Service: "sqs", Target: "AmazonSQS.DeleteMessage", Version: "1.0", Parameters: []SubtypeParameter{
		need("ReceiptHandle"), need("QueueUrl")}},
	{Name: "SQS-PurgeQueue", Service: "sqs", Target: "AmazonSQS.PurgeQueue", Version: "1.0", Parameters: []SubtypeParameter{need("QueueUrl")}},
	{Name: "AppConfig-GetConfiguration", Service: "appconfig", Parameters: []SubtypeParameter{
		need("Application"), need("Environment"), need("Configuration"), need("ClientId"), may("ClientConfigurationVersion", SubtypeText)}},
	{Name: "Kinesis-PutRecord", Service: "kinesis", Target: "Kinesis_20131202.PutRecord", Version: "1.1", Parameters: []SubtypeParameter{
		need("StreamName"), need("Data"), need("PartitionKey"), may("SequenceNumberForOrdering", SubtypeText), may("ExplicitHashKey", SubtypeText)}},
	{Name: "StepFunctions-StartExecution", Service: "states", Target: "AWSStepFunctions.StartExecution", Version: "1.0", Parameters: []SubtypeParameter{
		need("StateMachineArn"), may("Name", SubtypeText), may("Input", SubtypeText)}},
	{Name: "StepFunctions-StartSyncExecution", Service: "states", Host: "sync-states", Target: "AWSStepFunctions.StartSyncExecution", Version: "1.0",
		Parameters: []SubtypeParameter{need("StateMachineArn"), may("Name", SubtypeText), may("Input", SubtypeText), may("TraceHeader", SubtypeText)}},
	{Name: "StepFunctions-StopExecution", Service: "states", Target: "AWSStepFunctions.StopExecution", Version: "1.0", Parameters: []SubtypeParameter{
		need("ExecutionArn"), may("Cause", SubtypeText), may("Error", SubtypeText)}},
}
