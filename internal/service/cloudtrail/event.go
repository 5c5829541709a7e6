package cloudtrail

import (
	"encoding/json"
	"errors"
	"hash/fnv"
	"maps"
	"net"
	"net/url"
	"strings"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
)

// An event is a record of a call, as CloudTrail writes it.
//
// AWS: "CloudTrail record contents for management, data, and network activity
// events".
type event struct {
	Version           string            `json:"eventVersion"`
	Identity          userIdentity      `json:"userIdentity"`
	Time              string            `json:"eventTime"`
	Source            string            `json:"eventSource"`
	Name              string            `json:"eventName"`
	Region            string            `json:"awsRegion"`
	SourceIP          string            `json:"sourceIPAddress"`
	UserAgent         string            `json:"userAgent,omitempty"`
	ErrorCode         string            `json:"errorCode,omitempty"`
	ErrorMessage      string            `json:"errorMessage,omitempty"`
	RequestParameters map[string]any    `json:"requestParameters"`
	ResponseElements  map[string]any    `json:"responseElements"`
	Additional        map[string]string `json:"additionalEventData,omitempty"`
	Details           map[string]any    `json:"serviceEventDetails,omitempty"` // of what nobody called for
	Resources         []eventResource   `json:"resources,omitempty"`           // of data events
	RequestID         string            `json:"requestID,omitempty"`
	ID                string            `json:"eventID"`
	ReadOnly          bool              `json:"readOnly"`
	Type              string            `json:"eventType"`
	Management        bool              `json:"managementEvent"`
	Recipient         string            `json:"recipientAccountId"`
	Category          string            `json:"eventCategory"`

	at time.Time
}

const (
	categoryManagement = "Management"

	// eventVersion is that of the published record contents.
	eventVersion = "1.11"
	// maxEvent is how large a record may be. AWS: 256 KB; larger fields are
	// left out, requestParameters and responseElements first.
	maxEvent = 256 << 10
	// mostAgent is how much of a User-Agent is kept.
	mostAgent = 1024
)

// newEvent makes the record of a call; o is nil before it acts.
func newEvent(c *awsrpc.Call, o *awsrpc.Outcome) *event {
	now := time.Now().UTC()
	e := &event{
		Version: eventVersion, Identity: identityOf(&c.Caller), Time: now.Format(time.RFC3339), at: now,
		Source: c.Service + ".amazonaws.com", Name: eventName(c.API, c.Operation), Region: regionOf(c),
		SourceIP: c.RemoteAddr, UserAgent: c.UserAgent, RequestID: c.Caller.RequestID, ID: eventID(c),
		ReadOnly: !c.Mutates(), Type: "AwsApiCall", Management: true, Category: categoryManagement, Recipient: c.Caller.Account,
	}
	if host, _, err := net.SplitHostPort(c.RemoteAddr); err == nil {
		e.SourceIP = host
	}
	if c.Caller.Via != "" { // AWS: the name of the service stands for its address
		e.SourceIP, e.UserAgent = c.Caller.Via, c.Caller.Via
	}
	if len(e.UserAgent) > mostAgent {
		e.UserAgent = e.UserAgent[:mostAgent]
	}
	r := &redaction{api: c.API, operation: c.Operation}
	e.RequestParameters = r.document(parametersOf(c))
	if o == nil {
		return e
	}
	if o.Output != nil {
		e.ResponseElements = r.document(lowerNames(o.Output))
	}
	if o.Err != nil {
		e.ErrorCode, e.ErrorMessage = failure(o)
		e.ErrorMessage = r.scrub(e.ErrorMessage)
		if c.API == "apigatewayv2" && !o.Refused {
			e.answerMessage()
		}
	}
	return e
}

// answerMessage has the message of an error stand in the answer.
//
// AWS: recorded (logging-metrics.md §5, cloudtrail_deployed): events of API Gateway V2
// have no errorMessage.
func (e *event) answerMessage() {
	if !e.ReadOnly {
		e.ResponseElements = map[string]any{"message": e.ErrorMessage}
	}
	e.ErrorMessage = ""
}

// parametersOf are the parameters of a call as its record shows them.
//
// AWS: recorded (logging-metrics.md §5, cloudtrail_deployed): of API Gateway V1 those
// of the body stand in a member of their own, and template beside them; of V2 what
// updates have in their path is escaped.
func parametersOf(c *awsrpc.Call) map[string]any {
	switch c.API {
	case "apigateway":
		m := map[string]any{"template": false}
		maps.Copy(m, lowerNames(c.InAddress()))
		if body := lowerNames(c.InBody()); body != nil {
			m[lowerFirst(c.Operation)+inputSuffix] = body
		}
		return m
	case "apigatewayv2":
		m := lowerNames(c.Parameters())
		if strings.HasPrefix(c.Operation, "Update") {
			for name, v := range lowerNames(c.InAddress()) {
				if text, ok := v.(string); ok {
					m[name] = strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
				}
			}
		}
		return m
	}
	return lowerNames(c.Parameters())
}

// inputSuffix ends the name of what has the parameters of a body.
const inputSuffix = "Input"

// failure is how a record names an error.
//
// AWS: refusals for want of permission are AccessDenied in records, whatever the
// service calls them.
func failure(o *awsrpc.Outcome) (code, message string) {
	var e *awsrpc.Error
	if !errors.As(o.Err, &e) {
		return "InternalFailure", "Internal server error"
	}
	if o.Refused && (e.Code == "AccessDeniedException" || e.Code == "AccessDenied") {
		return "AccessDenied", e.Message
	}
	return e.Code, e.Message
}

// regionOf is the Region that a record says.
//
// AWS: events of IAM, a global service, are of us-east-1.
func regionOf(c *awsrpc.Call) string {
	if c.Service == "iam" {
		return "us-east-1"
	}
	return c.Caller.Region
}

// eventID is a UUID that the record of a call has before and after it acted.
func eventID(c *awsrpc.Call) string {
	if c.Record == "" {
		c.Record = record.NewUUID()
	}
	return c.Record
}

// text is the record in JSON, within maxEvent.
func (e *event) text() []byte {
	b, err := json.Marshal(e)
	if err == nil && len(b) <= maxEvent {
		return b
	}
	// AWS: fields that do not fit say so.
	small := *e
	omitted := map[string]any{"omitted": true, "originalSize": len(b), "reason": "The event is larger than 256 KB"}
	if small.RequestParameters != nil {
		small.RequestParameters = omitted
	}
	if small.ResponseElements != nil {
		small.ResponseElements = omitted
	}
	if len(small.ErrorMessage) > 1024 {
		small.ErrorMessage = small.ErrorMessage[:1024]
	}
	b, _ = json.Marshal(&small) // of texts alone
	return b
}

// source is the number under which the records of an account and a Region stand
// in the journal.
func source(account, region string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(account + "/" + region))
	return h.Sum32()
}

// lowerNames makes the names of members begin in lower case, as records have
// them. The keys of maps do not change.
func lowerNames(m map[string]any) map[string]any {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[lowerFirst(k)] = lowerValue(v)
	}
	return out
}

func lowerValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return lowerNames(v)
	case awsrpc.Map:
		for k := range v {
			v[k] = lowerValue(v[k])
		}
		return v
	case []any:
		for i := range v {
			v[i] = lowerValue(v[i])
		}
		return v
	}
	return v
}

// lowerFirst lowers the first letter, or the letters of an abbreviation that a
// name begins with: SSEAlgorithm is sseAlgorithm.
func lowerFirst(s string) string {
	n := 0
	for n < len(s) && s[n] >= 'A' && s[n] <= 'Z' {
		n++
	}
	if n > 1 && n < len(s) {
		n--
	}
	return strings.ToLower(s[:n]) + s[n:]
}

// eventName is how records name an operation.
//
// AWS: records of Lambda carry the version of the API ("Logging AWS Lambda API
// calls using AWS CloudTrail").
func eventName(service, operation string) string {
	if service != "lambda" {
		return operation
	}
	switch operation {
	case "CreateFunction", "DeleteFunction", "ListFunctions", "CreateEventSourceMapping", "CreateAlias", "UpdateAlias", "DeleteAlias",
		"GetAlias", "ListAliases", "PublishVersion", "ListVersionsByFunction":
		return operation + "20150331"
	case "UpdateFunctionCode", "UpdateFunctionConfiguration", "AddPermission", "RemovePermission", "GetFunction", "GetFunctionConfiguration", "GetPolicy":
		return operation + "20150331v2"
	case "TagResource", "UntagResource":
		return operation + "20170331v2"
	case "ListTags":
		return operation + "20170331"
	case "PutFunctionConcurrency", "DeleteFunctionConcurrency":
		return operation + "20171031"
	}
	return operation
}
