package function

import (
	"fmt"
	"time"
)

// Limits of payloads and answers in bytes.
//
// AWS: Lambda quotas. An answer may be a little larger than a request
// (6,291,556 bytes in its error message); a streamed one has 200 MB.
const (
	MaxPayload  = 6 << 20
	MaxEvent    = 1 << 20
	MaxResponse = 6_291_556
	MaxStream   = 200 << 20
)

// An Error is a refusal to call a function, as an exception of the Lambda API.
type Error struct {
	Name       string // of the exception, such as ResourceNotFoundException
	Status     int    // of its HTTP answer
	Message    string
	Type       string        // "User" or "Service", as AWS answers; may be empty
	Reason     string        // of a TooManyRequestsException
	RetryAfter time.Duration // of a TooManyRequestsException; zero: unsaid
}

// Error returns name and message.
func (e *Error) Error() string { return e.Name + ": " + e.Message }

// Reasons of TooManyRequestsException.
const (
	ReasonReserved = "ReservedFunctionConcurrentInvocationLimitExceeded" // the function's own limit
	ReasonAccount  = "ConcurrentInvocationLimitExceeded"                 // what all functions share
)

// NotFound returns the error for a function that does not exist, or has no
// such version or alias.
//
// AWS: its answers name the ARN that was asked for (LocalStack's snapshots of
// them, TestLambdaFunction::test_function_lifecycle).
func NotFound(functionARN string) *Error {
	return &Error{Name: "ResourceNotFoundException", Status: 404, Type: "User",
		Message: "Function not found: " + functionARN}
}

// AccessDenied returns the error for a caller whom the function's policy does
// not let in.
func AccessDenied(message string) *Error {
	return &Error{Name: "AccessDeniedException", Status: 403, Message: message}
}

// TooMany returns the error for a call beyond a limit of concurrency.
func TooMany(reason string) *Error {
	return &Error{Name: "TooManyRequestsException", Status: 429, Type: "User", Message: "Rate Exceeded.", Reason: reason}
}

// TooLarge returns the error for a payload over the limit of its kind.
//
// AWS: the model calls it RequestTooLargeException, but answers say
// RequestEntityTooLargeException.
func TooLarge(size int, kind Kind) *Error {
	e := &Error{Name: "RequestEntityTooLargeException", Status: 413, Type: "User"}
	if kind == Event {
		e.Message = fmt.Sprintf("%d byte payload is too large for the Event invocation type (limit %d bytes)", size, MaxEvent)
	} else {
		e.Message = fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", MaxPayload)
	}
	return e
}

// BadRequest returns the error for a payload that is not JSON.
func BadRequest(message string) *Error {
	return &Error{Name: "InvalidRequestContentException", Status: 400, Type: "User", Message: message}
}

// Failure returns the error for what is wrong on this side.
func Failure(message string) *Error {
	return &Error{Name: "ServiceException", Status: 500, Type: "Service", Message: message}
}
