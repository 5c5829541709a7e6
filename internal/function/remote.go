package function

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsclient"
	"gatehouse/internal/wire"
)

// A Remote calls functions through the Lambda API of another place: Amazon's, or
// a server that speaks it. Whether a call may be made is decided there.
type Remote struct {
	client *awsclient.Client
	name   func(region string) awsclient.Name
}

// NewRemote returns what calls functions at the client's endpoint called
// subdomain.lambda, or lambda if subdomain is empty.
func NewRemote(c *awsclient.Client, subdomain string) *Remote {
	return &Remote{client: c, name: func(region string) awsclient.Name {
		return awsclient.Name{Subdomain: subdomain, Service: "lambda", Region: region}
	}}
}

const (
	// maxAnswer bounds the answer of a function that is read whole. AWS: 6 MB, and
	// room for an error document.
	maxAnswer = 6<<20 + 64<<10

	// longestCall is how long a function may run, and a little more.
	longestCall = 15*time.Minute + 10*time.Second
)

// Invoke calls a function there.
func (r *Remote) Invoke(ctx context.Context, in *Invocation) (*Result, error) {
	name, qualifier := Split(in.Function)
	a, err := arn.Parse(name)
	if err != nil {
		return nil, NotFound(in.Function)
	}
	call := &awsclient.Call{
		Name: r.name(a.Region), Method: http.MethodPost, Path: "/2015-03-31/functions/" + url.QueryEscape(name) + "/invocations",
		Body: in.Payload, Timeout: longestCall,
	}
	if in.Stream {
		call.Path = "/2021-11-15/functions/" + url.QueryEscape(name) + "/response-streaming-invocations"
	}
	if qualifier != "" {
		call.Query = "Qualifier=" + url.QueryEscape(qualifier)
	}
	call.Header = remoteHeader(in)
	reply, err := r.client.Do(ctx, call)
	if err != nil {
		return nil, remoteFailure(ctx, err)
	}
	if in.Stream && reply.Status < http.StatusBadRequest {
		return streamed(reply), nil
	}
	defer reply.Body.Close() //nolint:errcheck // the body was read, or its error is returned
	payload, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, remoteFailure(ctx, err)
	case len(payload) > maxAnswer:
		return nil, Failure("the answer of " + in.Function + " is too large")
	case reply.Status >= http.StatusMultipleChoices:
		return nil, refusal(reply, payload)
	}
	res := head(reply)
	res.Payload = payload
	res.Log, _ = base64.StdEncoding.DecodeString(reply.Header.Get("X-Amz-Log-Result")) // a log that is none is left out
	return res, nil
}

// remoteHeader is what a call says besides its payload.
func remoteHeader(in *Invocation) []wire.Field {
	fields := []wire.Field{{Name: "Content-Type", Value: "application/json"}, {Name: "X-Amz-Invocation-Type", Value: in.Kind.String()}}
	if in.Tail {
		fields = append(fields, wire.Field{Name: "X-Amz-Log-Type", Value: "Tail"})
	}
	if in.ClientContext != "" {
		fields = append(fields, wire.Field{Name: "X-Amz-Client-Context", Value: in.ClientContext})
	}
	if in.TraceID != "" {
		fields = append(fields, wire.Field{Name: "X-Amzn-Trace-Id", Value: in.TraceID})
	}
	return fields
}

// head is the result that the head of a reply tells of.
func head(reply *awsclient.Reply) *Result {
	h := reply.Header
	return &Result{
		Status: reply.Status, Error: strings.Clone(h.Get("X-Amz-Function-Error")), RequestID: strings.Clone(h.Get("X-Amzn-RequestId")),
		Version: strings.Clone(h.Get("X-Amz-Executed-Version")),
	}
}

// remoteFailure is what a call that got no answer comes to.
func remoteFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, awsclient.ErrNoEndpoint) {
		return err
	}
	return fmt.Errorf("call of the Lambda API: %w", err)
}

// refusal is the exception that a reply tells of.
func refusal(reply *awsclient.Reply, body []byte) error {
	var doc struct{ Message, Type, Reason string }
	_ = json.Unmarshal(body, &doc, json.MatchCaseInsensitiveNames(true)) // else it says nothing
	name, _, _ := strings.Cut(reply.Header.Get("X-Amzn-ErrorType"), ":")
	if name == "" {
		return fmt.Errorf("the Lambda API answered %d", reply.Status)
	}
	return &Error{Name: strings.Clone(name), Status: reply.Status, Message: doc.Message, Type: doc.Type, Reason: doc.Reason}
}

// streamed is the result of a call whose answer comes as events.
func streamed(reply *awsclient.Reply) *Result {
	res := head(reply)
	s := &eventBody{from: reply.Body}
	s.done = func(e *completeEvent) {
		res.Log, _ = base64.StdEncoding.DecodeString(e.LogResult) // as above
	}
	res.Body, res.ContentType = s, "application/octet-stream"
	return res
}
