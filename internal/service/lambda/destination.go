package lambda

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/function"
	"gatehouse/internal/record"
)

// events are the event settings of a function as a host takes them.
func (y *Syncer) events(rec *record.Function) map[string]function.EventConfig {
	out := map[string]function.EventConfig{}
	for at, c := range rec.Events {
		e := function.EventConfig{}
		if c.MaximumRetryAttempts != nil {
			e.Retries = new(int(*c.MaximumRetryAttempts))
		}
		if c.MaximumEventAgeInSeconds != nil {
			e.MaxAge = time.Duration(*c.MaximumEventAgeInSeconds) * time.Second
		}
		if len(destinationsOf(c.DestinationConfig)) > 0 {
			e.Done = func(o *function.Outcome) { y.deliver(c.DestinationConfig, o) }
		}
		out[at] = e
	}
	return out
}

// An outcomeRecord is what a destination is called with.
//
// AWS: "Adding a destination", the example of an invocation record.
type outcomeRecord struct {
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	RequestContext  outcomeRequest   `json:"requestContext"`
	RequestPayload  jsontext.Value   `json:"requestPayload"`
	ResponseContext *outcomeResponse `json:"responseContext,omitempty"`
	ResponsePayload jsontext.Value   `json:"responsePayload,omitempty"`
}

type outcomeRequest struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"`
	Attempts    int    `json:"approximateInvokeCount"`
}

type outcomeResponse struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

// deliver calls the function that is the destination of an outcome.
func (y *Syncer) deliver(d *api.DestinationConfig, o *function.Outcome) {
	to := ""
	switch {
	case o.Condition == "Success" && d.OnSuccess != nil:
		to = str(d.OnSuccess.Destination)
	case o.Condition != "Success" && d.OnFailure != nil:
		to = str(d.OnFailure.Destination)
	}
	if to == "" {
		return
	}
	payload, err := json.Marshal(newOutcomeRecord(o))
	if err == nil {
		// A call of kind Event is queued: it returns at once.
		_, err = y.opt.Invoker.Invoke(context.Background(), &function.Invocation{Function: to, Kind: function.Event, Payload: payload})
	}
	if err != nil {
		y.log.Warn("destination not called", "function", o.Invocation.Function, "destination", to, "error", err)
	}
}

func newOutcomeRecord(o *function.Outcome) outcomeRecord {
	rec := outcomeRecord{
		Version: "1.0", Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext: outcomeRequest{o.RequestID, o.Invocation.Function, o.Condition, o.Attempts},
		RequestPayload: document(o.Invocation.Payload),
	}
	if r := o.Result; r != nil {
		rec.ResponseContext = &outcomeResponse{r.Status, r.Version, r.Error}
		rec.ResponsePayload = document(r.Payload)
	}
	return rec
}

// document is a payload as part of another one.
func document(payload []byte) jsontext.Value {
	if v := jsontext.Value(payload); v.IsValid() {
		return v
	}
	return jsontext.Value("null")
}
