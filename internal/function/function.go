// Package function runs Lambda functions.
//
// An [Invoker] calls functions by ARN, wherever they run. A [Host] is the one
// that runs them here: it holds a [Definition] of each function, starts its
// code as local processes that speak the Lambda Runtime API, keeps those warm
// that have answered, and ends those that are idle, hang or use too much.
//
// The package knows the words and answers of AWS Lambda, but neither its API nor
// how functions are stored; and it has never heard of an API, a stage or a route.
package function

import (
	"context"
	"io"
	"time"
)

// A Kind says what the caller of a function waits for.
type Kind uint8

// The kinds of invocation that AWS has.
const (
	RequestResponse Kind = iota // for the answer
	Event                       // for nothing: the function is called later, and again if it fails
	DryRun                      // for whether the call would be let in
)

// String returns the word for k of the header X-Amz-Invocation-Type.
func (k Kind) String() string { return [...]string{"RequestResponse", "Event", "DryRun"}[k] }

// A Source is the AWS service that calls a function, and for which of its
// resources. The zero Source is a principal whom somebody else has authorised.
type Source struct {
	Service string // such as apigateway.amazonaws.com
	ARN     string // for a condition on aws:SourceArn
	Account string // for a condition on aws:SourceAccount
}

// An Invocation is one call of a function.
type Invocation struct {
	Function      string // ARN, with or without qualifier
	Kind          Kind
	Payload       []byte // a JSON document; empty: {}
	ClientContext string // base64 of a JSON document; empty: none
	TraceID       string // X-Amzn-Trace-Id; empty: none
	RequestID     string // empty: a new one
	Tail          bool   // want the last 4 KiB of the log
	Source        Source
	Stream        bool // want the answer as it comes

	// Of an asynchronous one that a Host makes: when it was let in, and which
	// attempt it is, from 1.
	Queued  time.Time
	Attempt int
}

// A Result is what came of an invocation that was let in. That the function
// itself failed is a Result, too: Error says so, and Payload is its error
// document.
type Result struct {
	Status    int    // 200, 202 (Event), 204 (DryRun)
	Error     string // X-Amz-Function-Error: "" or "Unhandled"
	Payload   []byte
	RequestID string
	Version   string // the version that ran: $LATEST or a number
	Log       []byte // when Tail: not yet in base64. Of a Body, valid after its end

	// Body is the answer, instead of Payload, when the invocation said Stream
	// and the function did not fail before its first byte. Functions that do
	// not stream have a Body then, too. Read returns a *StreamError where the
	// function failed on the way. The caller closes Body; what the function
	// still writes then is dropped.
	Body        io.ReadCloser
	ContentType string // as the function named it; may be empty
}

// A StreamError is how a stream ends that a function began and did not finish:
// ErrorCode and ErrorDetails of the event InvokeComplete.
type StreamError struct{ Code, Details string }

// Error returns code and details.
func (e *StreamError) Error() string { return e.Code + ": " + e.Details }

// An Invoker calls functions wherever they run. It is safe for any number of
// goroutines. What keeps a call from reaching the function is an *Error; after
// anything else the function has run or is running. Invoke does not keep in or
// its payload, unless the kind is Event, and then not change them. When ctx
// ends, Invoke returns its cause, and the function runs on to its end, as on
// AWS.
type Invoker interface {
	Invoke(ctx context.Context, in *Invocation) (*Result, error)
}
