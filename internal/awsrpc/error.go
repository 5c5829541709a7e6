package awsrpc

import (
	"errors"
	"fmt"
	"time"
)

// An Error is an answer that refuses a call. Services make it with the
// constructors of their generated package; its message is what the client reads.
type Error struct {
	Code    string // the exception's name: header x-amzn-ErrorType
	Status  int
	Message string

	// RetryAfter is sent as Retry-After, in seconds; zero: not at all.
	RetryAfter time.Duration
	// QueryCode is the name of the error in the query protocol; empty: Code.
	QueryCode string
	// MessageName is how the message is called in the error document; empty:
	// "message".
	MessageName string
	// Declared says that a service means a ValidationException of its own, though
	// inputs that break its model have another name.
	Declared bool
	// Members are further members of the error document, such as v2's
	// resourceType.
	Members map[string]string
}

// Error returns the name and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// NotImplemented returns the answer to an operation that Gatehouse lacks.
func NotImplemented(operation string) *Error {
	return &Error{Code: "NotImplementedException", Status: 501,
		Message: "Gatehouse does not implement " + operation + " yet (see COVERAGE.md)"}
}

// invalidInput is the name of most services' error of inputs that break the
// model.
const invalidInput = "ValidationException"

// Validation returns the error of a call whose input breaks the model's
// constraints. Services use it for constraints that the model does not state.
func Validation(message string) *Error {
	return &Error{Code: invalidInput, Status: 400, Message: message}
}

// Throttled returns the error of a call that came too soon.
func Throttled() *Error {
	return &Error{Code: "ThrottlingException", Status: 400, Message: "Rate exceeded"}
}

// The errors of the front door.
//
// AWS: names and status codes from the common errors of the API references,
// texts as the front end of AWS's services words them.

func missingToken() *Error {
	return &Error{Code: "MissingAuthenticationTokenException", Status: 403, Message: "Missing Authentication Token"}
}

func unrecognizedClient() *Error {
	return &Error{Code: "UnrecognizedClientException", Status: 403, Message: "The security token included in the request is invalid."}
}

func expiredToken() *Error {
	return &Error{Code: "ExpiredTokenException", Status: 403, Message: "The security token included in the request is expired"}
}

func invalidSignature(message string) *Error {
	return &Error{Code: "InvalidSignatureException", Status: 403, Message: message}
}

func incompleteSignature(message string) *Error {
	return &Error{Code: "IncompleteSignatureException", Status: 403, Message: message}
}

func unknownOperation() *Error {
	return &Error{Code: "UnknownOperationException", Status: 404, Message: "Unknown operation"}
}

func tooLarge(limit int64) *Error {
	return &Error{Code: "RequestEntityTooLargeException", Status: 413,
		Message: fmt.Sprintf("Request body is larger than %d bytes", limit)}
}

func serialization(message string) *Error {
	return &Error{Code: "SerializationException", Status: 400, Message: message}
}

func malformed(message string) *Error {
	return &Error{Code: "MalformedHttpRequestException", Status: 400, Message: message}
}

func internalFailure() *Error {
	return &Error{Code: "InternalFailure", Status: 500, Message: "Internal server error"}
}

// unavailable is an error that whoever runs the server can mend: its text, which
// holds no secrets, tells clients why they have to wait.
type unavailable interface {
	error
	Unavailable() string
}

// asError returns the answer for err: its own if it is an *Error, otherwise
// failed is true and the client learns nothing of it, but that it may be mended.
func asError(err error) (e *Error, failed bool) {
	if errors.As(err, &e) {
		return e, false
	}
	var u unavailable
	if errors.As(err, &u) {
		return &Error{Code: "ServiceUnavailableException", Status: 503, Message: "Gatehouse cannot do this now: " + u.Unavailable()}, true
	}
	return internalFailure(), true
}
