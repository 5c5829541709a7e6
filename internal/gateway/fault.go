package gateway

import (
	"errors"
	"strconv"
)

// A Fault is an error the client is told about: a gateway response type, the
// message for it, and the cause, which only the log sees. A fault may be
// shared by all exchanges and is not changed after it is made.
type Fault struct {
	Type    FaultType
	Message string // empty: the type's default
	Cause   error

	Status     int    // 0: the type's default
	ErrorType  string // x-amzn-ErrorType; empty: the type's default
	Validation string // $context.error.validationErrorString
	Challenge  string // www-authenticate, of HTTP APIs
}

// NewFault returns a fault of type t with its default message.
func NewFault(t FaultType, cause error) *Fault { return &Fault{Type: t, Cause: cause} }

// Error says what went wrong, for the operator.
func (f *Fault) Error() string {
	s := f.Type.String() + ": " + f.Text()
	if f.Cause != nil {
		s += ": " + f.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// Text returns the message the client sees; it is empty for the types whose
// message is null.
func (f *Fault) Text() string {
	if f.Message != "" {
		return f.Message
	}
	return faultTypes[f.Type].message
}

// StatusCode returns the status the client sees unless it is customised.
func (f *Fault) StatusCode() int {
	if f.Status != 0 {
		return f.Status
	}
	return faultTypes[f.Type].status
}

// ErrorTypeHeader returns the value of x-amzn-ErrorType.
func (f *Fault) ErrorTypeHeader() string {
	if f.ErrorType != "" {
		return f.ErrorType
	}
	return faultTypes[f.Type].errorType
}

// AppendBody appends the body that the client gets unless it is customised.
//
// AWS: execution.md §2: errors raised while a request is authenticated or
// throttled print no blank after the colon; those of the execution engine do.
func (f *Fault) AppendBody(dst []byte) []byte {
	row := &faultTypes[f.Type]
	key := row.key
	if key == "" {
		key = `{"message":`
	}
	dst = append(dst, key...)
	dst = f.AppendMessageString(dst)
	return append(dst, '}')
}

// AppendMessageString appends the message as JSON: quoted, or null.
func (f *Fault) AppendMessageString(dst []byte) []byte {
	text := f.Text()
	if text == "" {
		return append(dst, "null"...)
	}
	return AppendJSONString(dst, text)
}

// asFault returns the fault that err is, or INTERNAL with err as its cause.
func asFault(err error) *Fault {
	if f, ok := err.(*Fault); ok { //nolint:errorlint // errors.As allocates; the rare case follows
		return f
	}
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return NewFault(Internal, err)
}

// A FaultType is the type of a gateway response.
type FaultType uint8

// The types of gateway responses, by AWS's names, and after them those that
// cannot be customised.
const (
	AccessDenied FaultType = iota
	APIConfigurationError
	AuthorizerConfigurationError
	AuthorizerFailure
	BadRequestBody
	BadRequestParameters
	Default4XX
	Default5XX
	ExpiredToken
	IntegrationFailure
	IntegrationTimeout
	InvalidAPIKey
	InvalidSignature
	MissingAuthenticationToken
	QuotaExceeded
	RequestTooLarge
	ResourceNotFound
	Throttled
	Unauthorized
	UnsupportedMediaType
	WAFFiltered

	// Internal is every error that is not a Fault. Customised as DEFAULT_5XX.
	Internal
	// Forbidden is an unknown host, API or stage: there is no stage whose
	// settings could be asked.
	Forbidden
	// URITooLong is a target that is too long, or a method ARN over 1,600 bytes.
	URITooLong

	faultTypeCount
)

const spaced = `{"message": `

// faultTypes says what a fault of each type looks like when it is not
// customised.
//
// AWS: gateway-responses.md §1, spacing by execution.md §2.
var faultTypes = [faultTypeCount]struct {
	name      string
	status    int // as documented; 0 for the two families
	errorType string
	message   string
	key       string // how the body begins; empty: {"message":
	fixed     bool   // cannot be customised
}{
	AccessDenied:                 {"ACCESS_DENIED", 403, "AccessDeniedException", "User is not authorized to access this resource", `{"Message":`, false},
	APIConfigurationError:        {"API_CONFIGURATION_ERROR", 500, "InternalServerErrorException", "Internal server error", spaced, false},
	AuthorizerConfigurationError: {"AUTHORIZER_CONFIGURATION_ERROR", 500, "AuthorizerConfigurationException", "", "", false},
	AuthorizerFailure:            {"AUTHORIZER_FAILURE", 500, "AuthorizerConfigurationException", "", "", false},
	BadRequestBody:               {"BAD_REQUEST_BODY", 400, "BadRequestException", "Invalid request body", spaced, false},
	BadRequestParameters:         {"BAD_REQUEST_PARAMETERS", 400, "BadRequestException", "Missing required request parameters: []", spaced, false},
	Default4XX:                   {"DEFAULT_4XX", 400, "BadRequestException", "Bad Request", spaced, false},
	Default5XX:                   {"DEFAULT_5XX", 500, "InternalServerErrorException", "Internal server error", spaced, false},
	ExpiredToken:                 {"EXPIRED_TOKEN", 403, "ExpiredTokenException", "The security token included in the request is expired", "", false},
	IntegrationFailure:           {"INTEGRATION_FAILURE", 504, "InternalServerErrorException", "Network error communicating with endpoint", spaced, false},
	IntegrationTimeout:           {"INTEGRATION_TIMEOUT", 504, "InternalServerErrorException", "Endpoint request timed out", spaced, false},
	InvalidAPIKey:                {"INVALID_API_KEY", 403, "ForbiddenException", "Forbidden", "", false},
	InvalidSignature:             {"INVALID_SIGNATURE", 403, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.", "", false},
	MissingAuthenticationToken:   {"MISSING_AUTHENTICATION_TOKEN", 403, "MissingAuthenticationTokenException", "Missing Authentication Token", "", false},
	QuotaExceeded:                {"QUOTA_EXCEEDED", 429, "LimitExceededException", "Limit Exceeded", "", false},
	// AWS: undocumented error type; customisation has no effect (developer
	// guide, important notes).
	RequestTooLarge: {"REQUEST_TOO_LARGE", 413, "RequestEntityTooLargeException", "Request Too Long", "", true},
	// AWS: undocumented body; the type is practically never seen.
	ResourceNotFound:     {"RESOURCE_NOT_FOUND", 404, "NotFoundException", "Not Found", "", false},
	Throttled:            {"THROTTLED", 429, "TooManyRequestsException", "Too Many Requests", "", false},
	Unauthorized:         {"UNAUTHORIZED", 401, "UnauthorizedException", "Unauthorized", "", false},
	UnsupportedMediaType: {"UNSUPPORTED_MEDIA_TYPE", 415, "BadRequestException", "Unsupported Media Type", spaced, false},
	WAFFiltered:          {"WAF_FILTERED", 403, "ForbiddenException", "Forbidden", "", false},

	Internal:   {"INTERNAL", 500, "InternalServerErrorException", "Internal server error", spaced, false},
	Forbidden:  {"FORBIDDEN", 403, "ForbiddenException", "Forbidden", "", true},
	URITooLong: {"URI_TOO_LONG", 414, "BadRequestException", "Request URI too long", "", true},
}

// String returns AWS's name of the type.
func (t FaultType) String() string {
	if t < faultTypeCount {
		return faultTypes[t].name
	}
	return "FaultType(" + strconv.Itoa(int(t)) + ")"
}

// Customisable tells whether a gateway response may replace the default.
func (t FaultType) Customisable() bool { return !faultTypes[t].fixed }

// Family returns the type whose customisation t inherits: DEFAULT_4XX or
// DEFAULT_5XX, by the documented status.
func (t FaultType) Family() FaultType {
	if faultTypes[t].status >= 500 {
		return Default5XX
	}
	return Default4XX
}

// FaultTypeByName returns the customisable type that AWS calls name.
func FaultTypeByName(name string) (FaultType, bool) {
	for t := range Internal {
		if faultTypes[t].name == name {
			return t, true
		}
	}
	return 0, false
}
