// Package trace is what is told of requests that are traced: the segments of
// AWS X-Ray, the header that carries a trace from one service to the next, and
// the rules by which requests are chosen.
//
// A [Segment] is what one service did for one request, a [Sink] takes segments, a
// [Header] is X-Amzn-Trace-Id. A [Sampler] holds the sampling rules of a Region,
// and a [Chooser] asks it for one service. Choosing never waits and never
// allocates; only what was chosen costs more.
//
// The package knows neither the API of X-Ray nor where segments are kept, and has
// never heard of an API, a stage or a route.
package trace

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// A Segment is what a service did for a request, or, as one of the Subsegments,
// a part of that. Its JSON form is X-Ray's segment document.
//
// AWS: "AWS X-Ray segment documents".
type Segment struct {
	Name        string         `json:"name"`
	ID          string         `json:"id"`
	TraceID     string         `json:"trace_id,omitempty"`
	ParentID    string         `json:"parent_id,omitempty"`
	Type        string         `json:"type,omitempty"` // TypeSubsegment, if it was sent apart from its segment
	Start       float64        `json:"start_time"`     // seconds since 1970
	End         float64        `json:"end_time,omitempty"`
	InProgress  bool           `json:"in_progress,omitempty"`
	Origin      string         `json:"origin,omitempty"`
	Resource    string         `json:"resource_arn,omitempty"`
	Namespace   string         `json:"namespace,omitempty"` // of a subsegment: aws or remote
	User        string         `json:"user,omitempty"`
	HTTP        *HTTP          `json:"http,omitempty"`
	Error       bool           `json:"error,omitempty"`
	Throttle    bool           `json:"throttle,omitempty"`
	Fault       bool           `json:"fault,omitempty"`
	Cause       *Cause         `json:"cause,omitempty"`
	AWS         map[string]any `json:"aws,omitempty"`
	Annotations map[string]any `json:"annotations,omitempty"`
	Metadata    map[string]any `json:"metadata,omitempty"`
	Subsegments []Segment      `json:"subsegments,omitempty"`

	// Route and State are what OpenTelemetry has a place for and X-Ray has not:
	// method and path of a route, as in GET /pets/{id}, and tracestate of W3C.
	Route string `json:"-"`
	State string `json:"-"`

	// Account and Region are where a segment that is written to a Sink belongs.
	Account string `json:"-"`
	Region  string `json:"-"`

	document []byte
}

// TypeSubsegment is the Type of a subsegment that was sent apart.
const TypeSubsegment = "subsegment"

// HTTP is a request and its response.
type HTTP struct {
	Request  *Request  `json:"request,omitempty"`
	Response *Response `json:"response,omitempty"`
}

// A Request is what a segment tells of a request.
type Request struct {
	Method       string `json:"method,omitempty"`
	URL          string `json:"url,omitempty"`
	UserAgent    string `json:"user_agent,omitempty"`
	ClientIP     string `json:"client_ip,omitempty"`
	ForwardedFor bool   `json:"x_forwarded_for,omitempty"`
}

// A Response is what a segment tells of a response.
type Response struct {
	Status int    `json:"status,omitempty"`
	Length Number `json:"content_length,omitempty"`
}

// A Number is a whole number, which some SDKs send as text.
type Number int64

// UnmarshalJSON takes a number, or one as text. Anything else is 0: a length that
// nobody can read costs no segment.
func (n *Number) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(bytes.Trim(b, `"`)), 64)
	if err == nil {
		*n = Number(f)
	}
	return nil
}

// A Cause is why a segment failed.
type Cause struct {
	Directory  string      `json:"working_directory,omitempty"`
	Exceptions []Exception `json:"exceptions,omitempty"`
	ID         string      `json:"-"` // of the exception in another segment, in the place of all else
}

// An Exception is one error of a Cause.
type Exception struct {
	ID      string `json:"id,omitempty"`
	Message string `json:"message,omitempty"`
	Type    string `json:"type,omitempty"`
	Remote  bool   `json:"remote,omitempty"`
}

// UnmarshalJSON takes a cause, or the id of an exception.
func (c *Cause) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &c.ID)
	}
	type plain Cause
	return json.Unmarshal(b, (*plain)(c))
}

// MarshalJSON is the counterpart of UnmarshalJSON.
func (c *Cause) MarshalJSON() ([]byte, error) {
	if c.ID != "" {
		return json.Marshal(c.ID)
	}
	type plain Cause
	return json.Marshal((*plain)(c))
}

// A Sink takes segments that have ended. It never waits, and keeps nothing of one.
// It is called from any number of goroutines.
type Sink interface {
	Write(s *Segment)
}

// Sinks is a Sink of several.
type Sinks []Sink

// Write hands s to each.
func (list Sinks) Write(s *Segment) {
	for _, to := range list {
		to.Write(s)
	}
}

// Document returns the segment document. It is made once; s must not change
// afterwards, and the document is not to be changed.
func (s *Segment) Document() []byte {
	if s.document == nil {
		b, err := json.Marshal(s)
		if err != nil { // of texts and numbers: an infinity, at worst
			b = []byte("{}")
		}
		s.document = b
	}
	return s.document
}

// Fail says whose fault the status of an answer is.
//
// AWS: "Error and exception": 4xx, 429 and 5xx.
func (s *Segment) Fail(status int) {
	s.Throttle = status == 429
	s.Error = status >= 400 && status < 500
	s.Fault = status >= 500
}

// Seconds is a time as segments tell it.
func Seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
