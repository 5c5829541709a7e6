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

var _ gateway.Finisher = (*Metrics)(nil)
