package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A custom resource is what a function of the template's author makes of it. The
// function is called without waiting for its answer, and puts that to a URL which it
// is given.
//
// AWS: "Custom resource request types", "Custom resource response objects".

const (
	customType   = "AWS::CloudFormation::CustomResource"
	customPrefix = "Custom::"
	// maxCustomTime is how long a custom resource may take. AWS: ServiceTimeout.
	maxCustomTime = time.Hour
)

func customKind() *kind {
	return &kind{Type: customType, props: "*", makes: makeCustom, turns: turnCustom, ends: endCustom}
}

// A statedError is why a resource failed, in words that are told as they are.
type statedError string

// Error is what events tell.
func (e statedError) Error() string { return string(e) }

// A customRequest is what the function gets.
type customRequest struct {
	RequestType           string
	ServiceToken          string
	ResponseURL           string
	StackId               string
	RequestId             string
	LogicalResourceId     string
	PhysicalResourceId    string `json:",omitempty"`
	ResourceType          string
	ResourceProperties    any
	OldResourceProperties any `json:",omitempty"`
}

// A customAnswer is what it puts to the URL.
type customAnswer struct {
	Status, Reason, PhysicalResourceId, StackId, RequestId, LogicalResourceId string

	Data   map[string]any
	NoEcho any
}

// into gives a resource what the function tells of it.
func (a *customAnswer) into(w *worker) {
	secret, _ := textOf(a.NoEcho)
	w.attributes, w.noEcho = a.Data, strings.EqualFold(secret, "true")
}

func makeCustom(ctx context.Context, w *worker) error {
	// Before it has an id: there is nothing to delete.
	if _, err := w.checkCustom(); err != nil {
		return err
	}
	// Whoever fails before it has said what it made is asked to delete this.
	w.id = w.physicalName(1024)
	if err := store.Update(ctx, w.s.st, func(c *store.Change) error { w.keep(c); return nil }); err != nil {
		return err
	}
	answer, err := w.ask(ctx, "Create")
	if answer != nil && answer.PhysicalResourceId != "" {
		w.id = answer.PhysicalResourceId
	}
	if err != nil {
		return err
	}
	if answer.PhysicalResourceId == "" {
		return statedError("Invalid PhysicalResourceId")
	}
	answer.into(w)
	return nil
}

// turnCustom asks for a change. An answer with another physical id means that the
// resource was replaced: the old one is deleted in the end.
func turnCustom(ctx context.Context, w *worker) error {
	if w.text("ServiceToken") != textIn(w.old, "ServiceToken") {
		return statedError("Modifying service token is not allowed.") // AWS: the words of the event
	}
	answer, err := w.ask(ctx, "Update")
	if err != nil {
		return err
	}
	if answer.PhysicalResourceId != "" {
		w.id = answer.PhysicalResourceId
	}
	answer.into(w)
	return nil
}

func endCustom(ctx context.Context, w *worker) error {
	_, err := w.ask(ctx, "Delete")
	return err
}

func textIn(m map[string]any, name string) string {
	s, _ := textOf(m[name])
	return s
}

// ask calls the function and waits for its answer.
func (w *worker) ask(ctx context.Context, request string) (*customAnswer, error) {
	token := w.text("ServiceToken")
	limit, err := w.checkCustom()
	if err != nil {
		return nil, err
	}
	url, answers, done, err := w.s.expect()
	if err != nil {
		return nil, err
	}
	defer done()
	in := customRequest{RequestType: request, ServiceToken: token, ResponseURL: url, StackId: str(w.stack.StackId), RequestId: record.NewUUID(),
		LogicalResourceId: w.logical, ResourceType: w.kind.Type, ResourceProperties: asTexts(w.props)}
	if request != "Create" {
		in.PhysicalResourceId = w.id
	}
	if request == "Update" {
		in.OldResourceProperties = asTexts(w.old)
	}
	payload, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	if err := w.invoke(ctx, token, payload); err != nil {
		return nil, err
	}
	body, err := w.wait(answers, limit, in.RequestId)
	if err != nil {
		return nil, err
	}
	return readAnswer(body, &in)
}

// checkCustom refuses what names no function that could be called, and returns how
// long it may take.
func (w *worker) checkCustom() (time.Duration, error) {
	token := w.text("ServiceToken")
	if a, err := arn.Parse(token); err != nil || a.Service != "lambda" {
		return 0, statedError("Gatehouse does not support the service token " + token + ": it must be the ARN of a function")
	}
	return customTime(w.props["ServiceTimeout"])
}

// customTime is how long the function may take.
func customTime(v any) (time.Duration, error) {
	if v == nil {
		return maxCustomTime, nil
	}
	text, _ := textOf(v)
	seconds, err := strconv.Atoi(text)
	if err == nil && seconds >= 1 && seconds <= int(maxCustomTime/time.Second) {
		return time.Duration(seconds) * time.Second, nil
	}
	return 0, statedError("ServiceTimeout must be a number of seconds between 1 and 3600")
}

// invoke calls the function as who works on the stack.
func (w *worker) invoke(ctx context.Context, function string, payload []byte) error {
	w.s.calls <- struct{}{}
	defer func() { <-w.s.calls }()
	_, err := w.s.opt.API.Call(ctx, "lambda", "Invoke", map[string]any{"FunctionName": function, "InvocationType": "Event", "Payload": payload})
	if e, ok := errors.AsType[*awsrpc.Error](err); ok {
		// That the function is gone does not mean that the resource is.
		return statedError("The function " + function + " could not be called: " + e.Message)
	}
	return err
}

// wait waits for the answer, as long as it may take.
func (w *worker) wait(answers <-chan []byte, limit time.Duration, id string) ([]byte, error) {
	var told <-chan struct{}
	if run := w.stack.Run; run.Phase == phaseForward {
		told = w.run.told.Done()
		if !run.Deadline.IsZero() {
			limit = min(limit, time.Until(run.Deadline))
		}
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case body := <-answers:
		return body, nil
	case <-w.run.stop.Done():
		return nil, errStopped
	case <-told:
		return nil, statedError("Resource operation cancelled")
	case <-timer.C:
		// AWS: the words of the event.
		return nil, statedError("CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [" + id +
			"]. If you are using the Python cfn-response module, you may need to update your Lambda function code so that CloudFormation can attach the updated version.")
	}
}

// readAnswer reads what the function has put.
func readAnswer(body []byte, in *customRequest) (*customAnswer, error) {
	var answer customAnswer
	if len(body) > maxAnswer {
		return nil, statedError("Response object is too long.")
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, statedError("Invalid Response object: it is no JSON of a custom resource response")
	}
	for _, of := range []struct{ name, got, want string }{
		{"StackId", answer.StackId, in.StackId}, {"RequestId", answer.RequestId, in.RequestId}, {"LogicalResourceId", answer.LogicalResourceId, in.LogicalResourceId},
	} {
		if of.got != of.want {
			return nil, statedError("Invalid Response object: Value of property " + of.name + " must match that of the request")
		}
	}
	if answer.Data == nil {
		answer.Data = map[string]any{}
	}
	switch answer.Status {
	case "SUCCESS":
		return &answer, nil
	case "FAILED":
		// AWS: the words of the event.
		return &answer, statedError("Received response status [FAILED] from custom resource. Message returned: " + answer.Reason + " (RequestId: " + in.RequestId + ")")
	}
	return nil, statedError("Invalid Response object: Status must be SUCCESS or FAILED")
}

// asTexts is v as functions get it: AWS gives all scalars as texts.
func asTexts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := maps.Clone(v)
		for name, member := range out {
			if member == nil {
				delete(out, name)
				continue
			}
			out[name] = asTexts(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = asTexts(e)
		}
		return out
	}
	text, _ := textOf(v)
	return text
}

// isCustom tells whether a type is one that functions make.
func isCustom(name string) bool {
	return name == customType || strings.HasPrefix(name, customPrefix) && len(name) > len(customPrefix)
}
