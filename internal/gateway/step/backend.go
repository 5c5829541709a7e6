package step

import "gatehouse/internal/wire"

// A Backend is the kind of backend that an integration has. Its steps differ
// in what may be mapped, and in how a response is chosen.
type Backend uint8

// The kinds of backends.
const (
	BackendHTTP   Backend = iota // HTTP and HTTP_PROXY
	BackendAWS                   // an AWS service
	BackendLambda                // a Lambda function
	BackendMock                  // none
)

// breaking are the headers that may not be mapped.
//
// AWS: rest-execution.md §4.3.
var breaking = [...]headerSet{
	BackendHTTP:   {wire.HeaderContentLength: true, wire.HeaderTransferEncoding: true, wire.HeaderXAmznTraceID: true, wire.HeaderXAmznAPIGatewayAPIID: true},
	BackendAWS:    breakingAWS,
	BackendLambda: breakingAWS,
	BackendMock:   {wire.HeaderContentLength: true, wire.HeaderTransferEncoding: true},
}

var breakingAWS = headerSet{wire.HeaderContentLength: true, wire.HeaderTransferEncoding: true, wire.HeaderAuthorization: true, wire.HeaderConnection: true,
	wire.HeaderExpect: true, wire.HeaderProxyAuthenticate: true, wire.HeaderTE: true}

// breaks tells whether a mapping to a header breaks every call.
func (b Backend) breaks(id wire.HeaderID) bool { return breaking[b][id] }
