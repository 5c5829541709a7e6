package cloudtrail

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/journal"
	"gatehouse/internal/record"
)

// Data events: what is done with things, not to them. They are recorded only
// while a trail wants events of their type, and kept until it has delivered them;
// they are not in the history. A call does not wait for its data event, and goes on
// where that finds no room.
//
// AWS: "Logging data events"; invocations of APIs are our own.

// The types of data events.
const (
	dataFunction = "AWS::Lambda::Function"
	dataObject   = "AWS::S3::Object"
	dataAPI      = "Gatehouse::ApiGateway::Api"

	categoryData = "Data"
)

// dataServices are the services in the ARNs of the types of data events.
func dataServices() map[string]string {
	return map[string]string{dataFunction: "lambda", dataObject: "s3", dataAPI: "execute-api"}
}

// An eventResource is what a data event is about.
type eventResource struct {
	Account string `json:"accountId,omitempty"`
	Type    string `json:"type"`
	ARN     string `json:"ARN"`
}

// wantsData reports whether data events of a type are recorded.
func (s *Service) wantsData(kind string) bool {
	wanted := s.wanted.Load()
	return wanted != nil && slices.Contains(*wanted, kind)
}

// refresh finds out which data events are wanted by the trails that are logging.
func (s *Service) refresh(ctx context.Context) {
	s.refreshing.Lock() // so that the newest state is what stays
	defer s.refreshing.Unlock()
	rows, err := s.trails().All(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.opt.Log.Warn("trails not read: data events are recorded as before", "error", err)
		}
		return
	}
	var list []string
	for _, row := range rows {
		if row.Value.Logging {
			list = append(list, row.Value.dataTypes()...)
		}
	}
	s.wanted.Store(&list)
	if s.opt.WatchAPIs != nil {
		s.opt.WatchAPIs(slices.Contains(list, dataAPI))
	}
}

// keepData appends a data event.
func (s *Service) keepData(e *event, about ...eventResource) {
	e.Management, e.Category, e.Resources = false, categoryData, about
	s.keep.data.Append(e.entry())
}

// dataCall records a call that is a data event, if that is wanted.
func (s *Service) dataCall(c *awsrpc.Call, o *awsrpc.Outcome) {
	switch {
	case c.API == "lambda" && strings.HasPrefix(c.Operation, "Invoke") && s.wantsData(dataFunction):
		e := newEvent(c, o)
		name, _ := e.RequestParameters["functionName"].(string)
		name = functionARN(name, &c.Caller)
		if e.RequestParameters != nil {
			e.RequestParameters["functionName"] = name
		}
		e.ReadOnly = false // AWS: the sample of Invoke in "Logging AWS Lambda API calls using AWS CloudTrail"
		s.keepData(e, eventResource{c.Caller.Account, dataFunction, unqualified(name)})
	case c.API == "s3" && isObjectCall(c.Operation) && s.wantsData(dataObject):
		e := newEvent(c, o)
		bucket, _ := e.RequestParameters["bucket"].(string)
		key, _ := e.RequestParameters["key"].(string)
		if bucket != "" {
			delete(e.RequestParameters, "bucket")
			e.RequestParameters["bucketName"] = bucket // AWS: as its records call it
		}
		of := "arn:aws:s3:::" + bucket
		s.keepData(e, eventResource{Type: dataObject, ARN: of + "/" + key}, eventResource{c.Caller.Account, "AWS::S3::Bucket", of})
	}
}

// functionARN is the ARN of a function by any of its names.
func functionARN(name string, c *awsrpc.Caller) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	if account, rest, ok := strings.Cut(name, ":function:"); ok && account == c.Account {
		name = rest
	}
	return arn.ARN{Partition: arn.Partition(c.Region), Service: "lambda", Region: c.Region, Account: c.Account, Resource: "function:" + name}.String()
}

// unqualified is the ARN of a function without version or alias.
func unqualified(name string) string {
	parts := strings.Split(name, ":")
	return strings.Join(parts[:min(len(parts), 7)], ":")
}

// dataEvent is a data event that no call of an AWS API is.
func dataEvent(at time.Time, source, name, account, region string) *event {
	at = at.UTC()
	return &event{
		Version: eventVersion, Time: at.Format(time.RFC3339), at: at, Source: source, Name: name, Region: region,
		ID: record.NewUUID(), Type: "AwsApiCall", Recipient: account,
	}
}

// A FunctionCall is a function that a service called.
type FunctionCall struct {
	Function  string // ARN
	Service   string // such as apigateway.amazonaws.com
	Event     bool   // asynchronous
	RequestID string
	Err       error // of what kept the call from the function
}

// FunctionCalled records that a service called a function, if that is wanted.
func (s *Service) FunctionCalled(c *FunctionCall) {
	if !s.wantsData(dataFunction) {
		return
	}
	a, err := arn.Parse(c.Function)
	if err != nil {
		return // it was not called
	}
	e := dataEvent(time.Now(), "lambda.amazonaws.com", "Invoke", a.Account, a.Region)
	e.Identity = userIdentity{Type: "AWSService", InvokedBy: c.Service}
	e.SourceIP, e.UserAgent, e.RequestID = c.Service, c.Service, c.RequestID
	e.RequestParameters = map[string]any{"functionName": c.Function, "invocationType": "RequestResponse"}
	if c.Event {
		e.RequestParameters["invocationType"] = "Event"
	}
	if c.Err != nil {
		e.ErrorCode, e.ErrorMessage = failure(&awsrpc.Outcome{Err: c.Err})
	}
	s.keepData(e, eventResource{a.Account, dataFunction, unqualified(c.Function)})
}

// An APICall is a request to an API.
type APICall struct {
	At                             time.Time
	Account, Region, API, Stage    string
	Route, Method, Path            string
	SourceIP, UserAgent, RequestID string
	Caller                         awsrpc.Caller // who signed; zero: nobody did
	Status                         int
	Fault, Message                 string
}

// APICalled records a request to an API. It is called only while that is wanted:
// see Options.WatchAPIs.
func (s *Service) APICalled(c *APICall) {
	e := dataEvent(c.At, "execute-api.amazonaws.com", "Invoke", c.Account, c.Region)
	e.Identity = userIdentity{Type: "Anonymous", AccountID: c.Account}
	if c.Caller.PrincipalARN != "" {
		e.Identity = identityOf(&c.Caller)
	}
	e.SourceIP, e.UserAgent, e.RequestID = c.SourceIP, c.UserAgent, c.RequestID
	if len(e.UserAgent) > mostAgent {
		e.UserAgent = e.UserAgent[:mostAgent]
	}
	e.ReadOnly = c.Method == http.MethodGet || c.Method == http.MethodHead || c.Method == http.MethodOptions
	e.RequestParameters = map[string]any{"apiId": c.API, "stage": c.Stage, "httpMethod": c.Method, "path": c.Path}
	if c.Route != "" {
		e.RequestParameters["route"] = c.Route
	}
	e.ResponseElements = map[string]any{"status": c.Status}
	e.ErrorCode, e.ErrorMessage = c.Fault, c.Message
	// AWS: "Control access to an API with IAM policies": the ARN that execute-api:Invoke is about.
	s.keepData(e, eventResource{c.Account, dataAPI, arn.ARN{
		Partition: arn.Partition(c.Region), Service: "execute-api", Region: c.Region, Account: c.Account,
		Resource: c.API + "/" + c.Stage + "/" + c.Method + c.Path,
	}.String()})
}

// openData makes the journal of data events.
func (k *keeper) openData(set *journal.Set) (err error) {
	k.dataSet = set
	if k.data, err = set.Open(dataName); err == nil {
		k.data.SetMaxAge(dataAge)
	}
	return err
}
