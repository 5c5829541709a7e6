package step

import (
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/metrics"
)

// Metrics counts every exchange, by the definitions of AWS's metrics.
//
// AWS: logging-metrics.md §3; "Amazon API Gateway dimensions and metrics".
type Metrics struct {
	Stage *metrics.Series
	Route *metrics.Series // nil: detailed metrics are off
}

// Finish counts the exchange.
func (m *Metrics) Finish(x *gateway.Exchange) {
	v := &x.Vars
	r := metrics.Request{
		Outcome: outcome(x), Cache: v.Cache, Received: v.Sent.Received, Sent: v.Sent.Head + v.Sent.Body,
	}
	r.Integration, r.Called = v.IntegrationLatency()
	r.Latency = latency(v)
	if x.Socket != nil {
		socket(x, &r)
	}
	m.Stage.Add(&r)
	if m.Route != nil {
		m.Route.Add(&r)
	}
}

// latency is the time from the client's request to the end of the answer.
func latency(v *gateway.Vars) time.Duration {
	if v.Sent.At.IsZero() {
		return v.Now.Sub(v.Start)
	}
	return v.Sent.At.Sub(v.Start)
}

// outcome tells which of AWS's errors an exchange is, if any.
//
// AWS: "API Gateway counts modified gateway response status codes as 4XXError
// errors". What of a status modified to 5XX is not said; here it is a 5XXError.
func outcome(x *gateway.Exchange) metrics.Outcome {
	switch status := x.MethodResponse.Status; {
	case status >= 500:
		return metrics.ServerError
	case status >= 400, x.Fault != nil && !x.HTTP && status != x.Fault.StatusCode():
		return metrics.ClientError
	}
	return metrics.Fine
}

// socket tells what is counted of WebSocket APIs alone.
//
// AWS: logging-metrics.md §3; a function's answer to $connect of 403 is a
// ClientError, one of 503 an ExecutionError (CAP v2_metrics). What its other
// errors are is not said: here IntegrationError.
func socket(x *gateway.Exchange, r *metrics.Request) {
	v := &x.Vars
	connect := x.Socket.Event == gateway.SocketConnect
	r.Connect = connect && (r.Called || x.Fault == nil)
	r.Reply = x.Socket.Event == gateway.SocketMessage && v.Sent.Body > 0 && v.Sent.Err == nil
	status := v.FunctionStatus
	r.Outcome = metrics.Fine
	switch {
	case x.Fault != nil && (r.Called || x.Fault.StatusCode() >= 500):
		r.Outcome = metrics.ExecutionError
	case x.Fault != nil, connect && status >= 400 && status < 500:
		r.Outcome = metrics.ClientError
	case status >= 500:
		r.Outcome = metrics.ExecutionError
	case status >= 400, status == 0 && v.IntegrationStatus >= 400:
		r.Outcome = metrics.ServerError
	}
}

var _ gateway.Finisher = (*Metrics)(nil)
