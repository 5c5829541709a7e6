package function

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/wire"
)

// The Runtime API: what an instance asks of the gateway, on a port of its own
// of the loopback interface.
//
//	GET  /2018-06-01/runtime/invocation/next
//	POST /2018-06-01/runtime/invocation/ID/response
//	POST /2018-06-01/runtime/invocation/ID/error
//	POST /2018-06-01/runtime/init/error
//
// Beside it stands the API of extensions.
//
// AWS: runtimes-api; bodies and status of its answers as the public emulator
// has them (aws-lambda-runtime-interface-emulator, rapi/rendering).
const apiPrefix = "/2018-06-01/runtime/"

// Header fields of the Runtime API.
const (
	fieldErrorType = "Lambda-Runtime-Function-Error-Type"
	fieldErrorBody = "Lambda-Runtime-Function-Error-Body" // base64; a trailer
	fieldMode      = "Lambda-Runtime-Function-Response-Mode"
)

// longest is longer than any invocation takes.
//
// AWS: Lambda quotas: 900 seconds.
const longest = time.Hour

// maxErrorHead bounds the head of a request: clients put a whole stack trace
// into a header field for X-Ray.
const maxErrorHead = 1100 << 10

func (in *instance) newServer() *wire.Server {
	return &wire.Server{Handler: in, Limits: wire.Limits{
		Head:         wire.HeadLimits{Header: maxErrorHead},
		Body:         MaxStream + 1,
		BufferedBody: 1, // a streamed answer begins with its first byte
		Conns:        64,
		ReadHead:     longest, BodyIdle: longest, ReadBody: longest, Idle: 24 * longest,
		WriteIdle: longest, Write: longest, Linger: time.Millisecond,
	}}
}

// Acquire implements wire.Handler.
func (in *instance) Acquire(*wire.Peer) wire.Exchange { return &exchange{in: in} }

// An exchange is one request of an instance.
type exchange struct {
	in       *instance
	request  wire.Request
	response wire.Response
	given    *call // its payload is the response's body
}

// Request implements wire.Exchange.
func (x *exchange) Request() *wire.Request { return &x.request }

// Finish implements wire.Exchange.
func (x *exchange) Finish(wire.Sent) {
	if x.given != nil {
		close(x.given.sent)
	}
}

// Serve implements wire.Exchange.
func (x *exchange) Serve(ctx context.Context) *wire.Response {
	if rest, ok := strings.CutPrefix(x.request.Path, extensionPrefix); ok {
		return x.serveExtension(ctx, rest)
	}
	switch x.request.Method + " " + x.request.Path {
	case "PUT /2022-07-01/telemetry":
		return x.telemetry("Telemetry")
	case "PUT /2020-08-15/logs":
		return x.telemetry("Logs")
	}
	path, ok := strings.CutPrefix(x.request.Path, apiPrefix)
	id, what, invocation := strings.Cut(strings.TrimPrefix(path, "invocation/"), "/")
	switch {
	case !ok:
	case path == "invocation/next" && x.request.Method == "GET":
		return x.next(ctx)
	case path == "init/error" && x.request.Method == "POST":
		return x.initError()
	case invocation && what == "response" && x.request.Method == "POST":
		return x.answer(id)
	case invocation && what == "error" && x.request.Method == "POST":
		return x.fail(id)
	}
	return x.refuse(404, "NotFound", "404 page not found")
}

// next waits for an event and passes it on. The first one says that the
// instance is up, later ones that it is done with the event before.
func (x *exchange) next(ctx context.Context) *wire.Response {
	in := x.in
	if c := in.current(); c != nil && !in.hasAnswered(c) {
		return x.refuse(403, "InvalidStateTransition", "Transition from state Ready to Ready is not allowed")
	}
	in.awaitExtensions(ctx)
	in.noteReady()
	over := in.end(nil)
	superseded := in.pool.welcome(in)
	over.settle()
	if superseded == nil {
		return x.stop()
	}
	select {
	case c := <-in.events:
		return x.event(c)
	case <-superseded:
	case <-in.dying:
	case <-ctx.Done():
	}
	return x.stop()
}

// stop answers an instance that gets no more events.
func (x *exchange) stop() *wire.Response {
	x.response.Close = true
	return x.refuse(500, "InternalServerError", "Internal Server Error")
}

// event writes an event as the answer to next.
func (x *exchange) event(c *call) *wire.Response {
	x.given = c
	r, h := &x.response, &x.response.Header
	r.Status = 200
	h.AddID(wire.HeaderContentType, "application/json")
	h.Add("Lambda-Runtime-Aws-Request-Id", c.requestID)
	h.Add("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(c.deadline.UnixMilli(), 10))
	h.Add("Lambda-Runtime-Invoked-Function-Arn", c.in.Function)
	if id := c.traceID(); id != "" {
		h.Add("Lambda-Runtime-Trace-Id", id)
	}
	if c.context != "" {
		h.Add("Lambda-Runtime-Client-Context", c.context)
	}
	r.Body = wire.Body{Bytes: c.payload, Length: int64(len(c.payload))}
	return r
}

// answer takes the answer to an event.
func (x *exchange) answer(id string) *wire.Response {
	in := x.in
	c := in.claim(id)
	if c == nil {
		return x.refuse(400, "InvalidRequestID", "Invalid request ID")
	}
	mode := x.request.Header.Get(fieldMode)
	if mode != "" && mode != "streaming" {
		in.answerWith(c, fail(typeMode, c.requestID, "Invalid function response mode"))
		return x.refuse(400, "InvalidFunctionResponseMode", "Invalid function response mode")
	}
	// Not every client that streams says so: aws-lambda-go does not.
	if c.in.Stream {
		return x.stream(c)
	}
	body, err := x.body()
	switch {
	case errors.Is(err, errOversized):
		in.answerWith(c, oversized())
		return x.refuse(413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).")
	case err != nil:
		in.answerWith(c, fail(typeTruncated, c.requestID, "HTTP request detected as truncated"))
		return x.refuse(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
	}
	if f := x.trailed(); f != nil { // streamed by the function, but not asked for as a stream
		in.answerWith(c, f)
		return x.accept()
	}
	in.answerOK(c, &Result{Payload: body, ContentType: x.contentType()})
	return x.accept()
}

// fail takes the word that the function failed.
func (x *exchange) fail(id string) *wire.Response {
	c := x.in.claim(id)
	if c == nil {
		return x.refuse(400, "InvalidRequestID", "Invalid request ID")
	}
	kind := strings.Clone(x.request.Header.Get(fieldErrorType))
	body, err := x.body()
	if err != nil {
		x.in.answerWith(c, fail(typeTruncated, c.requestID, "HTTP request detected as truncated"))
		return x.refuse(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
	}
	x.in.answerWith(c, reported(kind, body))
	return x.accept()
}

// initError takes the word that the instance cannot start.
func (x *exchange) initError() *wire.Response {
	kind := strings.Clone(x.request.Header.Get(fieldErrorType))
	body, err := x.body()
	if err != nil {
		return x.refuse(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
	}
	p := x.in.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if x.in.state != starting {
		return x.refuse(403, "InvalidStateTransition", "Transition from state Ready to InitError is not allowed")
	}
	if x.in.failed == nil {
		x.in.failed = reported(kind, body)
		time.AfterFunc(initErrorGrace, func() { p.stop(x.in) }) // if it does not end by itself
	}
	return x.accept()
}

// initErrorGrace is how long a process may take to end after it has said that
// it cannot start.
const initErrorGrace = 250 * time.Millisecond

// contentType returns what the function calls its answer.
func (x *exchange) contentType() string {
	return strings.Clone(x.request.Header.GetID(wire.HeaderContentType))
}

// errOversized: an answer is larger than MaxResponse.
var errOversized = errors.New("answer too large")

// body reads the request's body into memory of its own.
func (x *exchange) body() ([]byte, error) {
	b := &x.request.Body
	size := b.Length
	if size > MaxResponse {
		return nil, errOversized
	}
	if b.Source == nil {
		return append([]byte(nil), b.Bytes...), nil
	}
	out := make([]byte, 0, max(size, int64(len(b.Bytes)), 512)+1)
	out = append(out, b.Bytes...)
	for {
		if len(out) > MaxResponse {
			return nil, errOversized
		}
		if len(out) == cap(out) {
			out = append(out, 0)[:len(out)]
		}
		n, err := b.Source.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if err == io.EOF { //nolint:errorlint // Source's contract
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// trailed returns the failure that a trailer speaks of.
func (x *exchange) trailed() *failure {
	if x.request.Body.Source == nil {
		return nil
	}
	t := x.request.Body.Source.Trailer()
	kind := t.Get(fieldErrorType)
	if kind == "" {
		return nil
	}
	return reported(strings.Clone(kind), decodeErrorBody(t.Get(fieldErrorBody), kind))
}

// accept answers that it was understood.
func (x *exchange) accept() *wire.Response {
	return x.say(202, `{"status":"OK"}`+"\n")
}

// refuse answers with an error document.
func (x *exchange) refuse(status int, kind, message string) *wire.Response {
	return x.say(status, `{"errorMessage":"`+message+`","errorType":"`+kind+`"}`+"\n")
}

func (x *exchange) say(status int, body string) *wire.Response {
	r := &x.response
	r.Status = status
	r.Header.AddID(wire.HeaderContentType, "application/json")
	r.Body = wire.Body{Bytes: []byte(body), Length: int64(len(body))}
	return r
}
