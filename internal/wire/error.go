package wire

import "errors"

// An Error says why a message was refused. Errors are values that never
// change, so they can be compared and cost nothing to return.
type Error struct {
	Status int    // what to answer: 4xx, 501 or 505; 502 when a backend's answer is at fault
	Reason string // what is wrong with the message
}

// Error returns the reason.
func (e *Error) Error() string { return e.Reason }

// Conditions of a connection that callers act on.
var (
	// ErrUnsent: the connection turned out to be closed or spoilt before a byte
	// of the request was sent. Any request may be tried again on another.
	ErrUnsent = errors.New("connection was closed before the request was sent")
	// ErrStale: a used connection was closed before the first byte of the
	// answer came. Requests that may be repeated can be tried again.
	ErrStale = errors.New("connection was closed before the answer began")
	// ErrTorn: the connection ended in the middle of a message.
	ErrTorn = errors.New("connection was closed in the middle of a message")
	// ErrTimeout: the deadline passed, or the peer made no progress.
	ErrTimeout = errors.New("time-out")
	// ErrServerClosed is returned by Serve after Shutdown.
	ErrServerClosed = errors.New("server is shut down")
)

// A BodyError is returned by [ClientConn.Do] when the request's own Body could
// not be read: the backend is not at fault.
type BodyError struct {
	Err error
}

// Error tells what reading the body met.
func (e *BodyError) Error() string { return "read request body: " + e.Err.Error() }

// Unwrap returns the error of the body's Source.
func (e *BodyError) Unwrap() error { return e.Err }

// What requests are refused for.
var (
	errRequestLine   = &Error{400, "malformed request line"}
	errMethod        = &Error{400, "illegal byte in method"}
	errTarget        = &Error{400, "malformed request target"}
	errTargetForm    = &Error{400, "request target form not allowed for this method"}
	errTargetLong    = &Error{414, "request target too long"}
	errConnect       = &Error{405, "CONNECT is not served here"}
	errVersion       = &Error{505, "HTTP version not supported"}
	errHeadLong      = &Error{431, "header section too large"}
	errFieldCount    = &Error{431, "too many header fields"}
	errHostMissing   = &Error{400, "Host is missing"}
	errHostRepeated  = &Error{400, "Host is repeated"}
	errHost          = &Error{400, "malformed Host"}
	errHostMismatch  = &Error{400, "Host differs from the request target"}
	errExpect        = &Error{417, "unknown expectation"}
	errCodingUnknown = &Error{501, "transfer coding not implemented"}
	errBodyLarge     = &Error{413, "request body too large"}
	errHeadTimeout   = &Error{408, "request head took too long"}
	errBodyTimeout   = &Error{408, "request body took too long"}
)

// What requests and responses are both refused for. A response's errors are
// told apart by [ClientConn.Do], which answers 502 for all of them.
var (
	errBareCR         = &Error{400, "CR without LF"}
	errBareLF         = &Error{400, "LF without CR"}
	errObsFold        = &Error{400, "folded header line"}
	errFieldName      = &Error{400, "illegal byte in header name"}
	errFieldNameEmpty = &Error{400, "empty header name"}
	errSpaceColon     = &Error{400, "space before colon"}
	errFieldValue     = &Error{400, "illegal byte in header value"}
	errLength         = &Error{400, "malformed Content-Length"}
	errLengthRepeated = &Error{400, "Content-Length is repeated"}
	errLengthCoding   = &Error{400, "Content-Length together with Transfer-Encoding"}
	errCoding         = &Error{400, "malformed Transfer-Encoding"}
	errCodingHTTP10   = &Error{400, "Transfer-Encoding in HTTP/1.0"}
	errConnection     = &Error{400, "malformed Connection"}
	errChunkSize      = &Error{400, "malformed chunk size"}
	errChunkExtension = &Error{400, "chunk extensions are not accepted"}
	errChunkEnd       = &Error{400, "chunk data not ended by CRLF"}
	errTrailer        = &Error{400, "field not allowed in trailer section"}
	errTrailerLong    = &Error{431, "trailer section too large"}
)

// What responses of a backend are refused for.
var (
	errStatusLine = &Error{502, "malformed status line"}
	errAnswerHead = &Error{502, "header section of the answer too large"}
	errSwitching  = &Error{502, "unexpected 101 answer"}
	errInterim    = &Error{502, "too many interim answers"}
	errSurplus    = &Error{502, "more bytes than the answer promised"}
	errUnwritable = &Error{500, "message cannot be written"}
)
