package gateway

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/internal/limit"
	"gatehouse/internal/wire"
)

// A Tracing is what a stage with tracingEnabled does with its exchanges: it
// chooses some, and tells X-Ray of them. It stands first among the steps of each
// plan of the stage, and among their finishers.
type Tracing struct {
	Name     string // {API name}/{stage}
	Resource string // ARN of the stage
	Sample   *Sampling
	Sink     SegmentSink
}

// A SegmentSink takes segment documents. It never waits, and keeps nothing of one.
// It is called from any number of goroutines.
type SegmentSink interface {
	Write(document []byte)
}

// Sampling is X-Ray's default rule.
//
// AWS: "Configuring sampling rules": the first request of each second, and five
// percent of the others.
type Sampling struct{ reservoir *limit.Bucket }

// samplePercent is the share beyond the reservoir.
const samplePercent = 5

// NewSampling returns the default rule, to be shared by all stages of a Region.
func NewSampling() *Sampling { return &Sampling{limit.NewBucket(1, 1)} }

func (s *Sampling) choose(x *Exchange) bool { return s.reservoir.Take() || x.draw() < samplePercent }

// A traceSegment is the gateway's part of a trace.
type traceSegment struct{ id, root, parent string }

var (
	_ Prompt   = (*Tracing)(nil)
	_ Finisher = (*Tracing)(nil)
)

// Prompt says that Do never waits.
func (t *Tracing) Prompt() {}

// Do chooses x or not. What a client has decided in X-Amzn-Trace-Id stands.
func (t *Tracing) Do(_ context.Context, x *Exchange) error {
	var in traceParts
	if header := x.MethodRequest.Header.GetID(wire.HeaderXAmznTraceID); header != "" {
		in.parse(header)
	}
	if in.sampled == "0" || in.sampled != "1" && !t.Sample.choose(x) {
		return nil
	}
	id := make([]byte, 16)
	putHex(id, x.random.uint64())
	root := string(append([]byte(nil), traceRoot(x.Vars.Trace)...)) // the ids' memory is used again
	x.segment = traceSegment{id: string(id), root: root, parent: in.parent}
	x.Vars.Trace = "Root=" + root + ";Parent=" + x.segment.id + ";Sampled=1"
	return nil
}

// A segmentDocument is what X-Ray is told of an exchange.
//
// AWS: "X-Ray segment documents"; logging-metrics.md §4 for what API Gateway
// writes.
type segmentDocument struct {
	Name        string            `json:"name"`
	ID          string            `json:"id"`
	TraceID     string            `json:"trace_id"`
	ParentID    string            `json:"parent_id,omitempty"`
	Start       float64           `json:"start_time"`
	End         float64           `json:"end_time"`
	Origin      string            `json:"origin,omitempty"`
	Resource    string            `json:"resource_arn,omitempty"`
	Namespace   string            `json:"namespace,omitempty"`
	HTTP        *segmentHTTP      `json:"http,omitempty"`
	Error       bool              `json:"error,omitempty"`
	Throttle    bool              `json:"throttle,omitempty"`
	Fault       bool              `json:"fault,omitempty"`
	AWS         map[string]any    `json:"aws,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Metadata    map[string]any    `json:"metadata,omitempty"`
	Subsegments []segmentDocument `json:"subsegments,omitempty"`
}

type segmentHTTP struct {
	Request  map[string]any `json:"request,omitempty"`
	Response map[string]any `json:"response,omitempty"`
}

// Finish tells X-Ray of x, if it was chosen.
func (t *Tracing) Finish(x *Exchange) {
	if x.segment.id == "" {
		return
	}
	v := &x.Vars
	status := x.MethodResponse.Status
	d := segmentDocument{
		Name: t.Name, ID: x.segment.id, TraceID: x.segment.root, ParentID: x.segment.parent, Start: seconds(v.Start), End: seconds(time.Now()),
		Origin: "AWS::ApiGateway::Stage", Resource: t.Resource,
		HTTP: &segmentHTTP{
			Request: map[string]any{
				"url": "https://" + x.MethodRequest.Host + x.MethodRequest.Path, "method": x.MethodRequest.Method,
				"client_ip": string(appendSourceIP(nil, x)), "x_forwarded_for": true,
			},
			Response: map[string]any{"status": status, "content_length": v.Sent.Body},
		},
		AWS: map[string]any{
			"xray":        map[string]string{"sampling_rule_name": "Default"},
			"api_gateway": map[string]string{"account_id": x.Stage.Account, "rest_api_id": x.Stage.API, "stage": x.Stage.Name, "request_id": v.RequestID},
		},
		Annotations: map[string]string{"aws:api_id": x.Stage.API, "aws:api_stage": x.Stage.Name},
		Metadata:    map[string]any{"default": map[string]string{"extended_request_id": v.ExtendedRequestID, "request_id": v.RequestID}},
	}
	d.fail(status)
	if !v.IntegrationStart.IsZero() {
		d.Subsegments = append(d.Subsegments, integrationSegment(x))
	}
	if b, err := json.Marshal(&d); err == nil { // of texts and numbers
		t.Sink.Write(b)
	}
}

// integrationSegment is the call of the backend.
func integrationSegment(x *Exchange) segmentDocument {
	v := &x.Vars
	end := v.IntegrationEnd
	if end.IsZero() {
		end = time.Now()
	}
	id := make([]byte, 16)
	putHex(id, x.random.uint64())
	sub := segmentDocument{
		Name: "Integration", ID: string(id), Start: seconds(v.IntegrationStart), End: seconds(end), Namespace: "remote",
		HTTP: &segmentHTTP{Response: map[string]any{"status": v.IntegrationStatus}},
	}
	sub.fail(v.IntegrationStatus)
	if v.IntegrationError != "" {
		sub.Fault = true
	}
	return sub
}

// fail says whose fault a status is.
func (d *segmentDocument) fail(status int) {
	d.Throttle = status == 429
	d.Error = status >= 400 && status < 500
	d.Fault = status >= 500
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
