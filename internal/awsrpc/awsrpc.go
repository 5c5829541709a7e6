// Package awsrpc is the server side of AWS's wire protocols: an http.Handler
// that turns requests of SDKs and CLIs into typed calls.
//
// A [Service] is the table of one AWS API, generated into awsapi/*. A [Mount] is
// that table with a server that answers it. A [Handler] serves many mounts on
// one address: it finds the API by the credential scope and the path, verifies
// the signature, decodes the input by the tags of its Go type, checks the
// constraints of the model and words violations as AWS does, calls, and encodes
// the output or the [Error].
//
// # Tags
//
// Shapes carry their bindings as struct tags:
//
//	json:"name"         the member's name in a JSON document
//	aws:"uri=Label"     bound to a label of the path
//	aws:"query=name"    bound to a query parameter (lists: repeated)
//	aws:"queryparams"   a map of all query parameters not bound otherwise
//	aws:"header=Name"   bound to a header
//	aws:"headers=Prefix" a map of the headers whose names begin so
//	aws:"status"        of an output: the status of the answer
//	aws:"payload"       is the whole body, as it is
//	aws:"required"      must be present
//	aws:"nulls"         a map of text whose empty values are null on the wire
//	aws:"time=format"   date-time; without it seconds since 1970
//	enum:"A,B"          allowed values, of the elements if it is a list
//	pattern:"regexp"    must match as a whole
//	range:"min,max"     bounds of a number, or of the length of a text
//
// The package knows nothing of what the APIs do, nor of stores and planes.
package awsrpc

import (
	"context"
	"strings"
)

// A Protocol names one of AWS's wire protocols.
type Protocol string

// RestJSON1 is the protocol of API Gateway, Lambda and others: method and path
// name the operation, bodies are JSON.
const RestJSON1 Protocol = "restJson1"

// AWSQuery is the protocol of IAM and STS: a form names the operation, answers
// are XML.
const AWSQuery Protocol = "awsQuery"

// AWSJSON10 and AWSJSON11 are the protocols of CloudWatch, CloudWatch Logs and
// others: a header names the operation, bodies are JSON.
const (
	AWSJSON10 Protocol = "awsJson1_0"
	AWSJSON11 Protocol = "awsJson1_1"
)

// RPCv2CBOR is what the SDKs of today speak to CloudWatch: the path names the
// operation, bodies are CBOR.
const RPCv2CBOR Protocol = "rpcv2Cbor"

// RestXML is the protocol of Amazon S3: method, bucket and key name the
// operation, documents are XML.
const RestXML Protocol = "restXml"

// A Service is one AWS API: its protocol, and what it can be asked.
type Service struct {
	Name        string // as its package is called
	SigningName string // in credential scopes; APIs may share one
	Protocol    Protocol
	Also        []Protocol // that it speaks besides
	Version     string
	Namespace   string // of XML answers
	Shape       string // the model's name for it, by which calls of JSON and CBOR name it
	// Invalid is the name of the error of inputs that break the model; empty:
	// ValidationException.
	Invalid string
	// AnyBase says that a path may begin with segments of the endpoint's
	// own before those of the operation; see [Caller.Base].
	AnyBase bool
	// PlainNames says that violations name a member of the body by its path
	// alone, each part beginning in lower case.
	PlainNames bool
	// MaxBody bounds a request's body in bytes; zero is Options.MaxBody.
	MaxBody    int64
	Operations []Operation
}

// An Operation is one call of a service.
type Operation struct {
	Name   string
	Method string
	URI    string // template with {labels}; may end in a query literal, ?mode=import
	Code   int    // status of success

	// NewInput returns a new input, a pointer to a struct. It is nil, and so is
	// Invoke, where nothing is known of the operation but how it is called: the
	// answer is 501.
	NewInput func() any
	// Output is a nil pointer of the output's type; nil if there is none.
	Output any
	// Invoke calls the operation on a server of this service.
	Invoke func(ctx context.Context, server, in any) (any, error)
}

// mutates reports whether the operation may change something. Of most protocols
// all calls are POST, so that only the name tells.
func (o *Operation) mutates() bool {
	for _, verb := range []string{"BatchGet", "Get", "List", "Lookup", "Simulate", "Describe", "Discover", "Filter", "Test", "Validate", "Invoke"} {
		if strings.HasPrefix(o.Name, verb) {
			return false
		}
	}
	return o.Method != "GET" && o.Method != "HEAD"
}

// A Mount is a service and who answers it. The generated packages make it, so
// that the types fit.
type Mount struct {
	Service Service
	Server  any
}
