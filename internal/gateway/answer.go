package gateway

import (
	"gatehouse/internal/wire"
)

// The spelling of the headers that the gateway adds.
//
// AWS: rest-execution.md §4.1.
const (
	headerRequestID  = "x-amzn-RequestId"
	headerExtendedID = "x-amz-apigw-id"
	headerErrorType  = "x-amzn-ErrorType"
	headerType       = "Content-Type"
	typeJSON         = "application/json"
)

// RemapPrefix begins the names of headers that a backend may not set.
const RemapPrefix = "x-amzn-Remapped-"

// BeginAnswer empties x.MethodResponse and gives it a status and, if errorType
// is not empty, what marks an error. The driver writes Date, Content-Length and
// Connection.
//
// AWS: rest-execution.md §4.1: Date, Content-Type, Content-Length, Connection,
// x-amzn-RequestId, x-amz-apigw-id, then the integration's; on errors
// x-amzn-ErrorType between the ids.
func (x *Exchange) BeginAnswer(status int, contentType, errorType string) {
	r := &x.MethodResponse
	fields := r.Header.Fields[:0]
	if contentType != "" {
		fields = append(fields, wire.Field{Name: headerType, Value: contentType, ID: wire.HeaderContentType})
	}
	fields = append(fields, wire.Field{Name: headerRequestID, Value: x.Vars.RequestID, ID: wire.HeaderXAmznRequestID})
	if errorType != "" {
		fields = append(fields, wire.Field{Name: headerErrorType, Value: errorType, ID: wire.HeaderXAmznErrorType})
	}
	fields = append(fields, wire.Field{Name: headerExtendedID, Value: x.Vars.ExtendedRequestID, ID: wire.HeaderXAmzApigwID})
	r.Status, r.Close, r.Ready = status, false, x.Vars.Now
	r.Header.Fields, r.Body = fields, wire.Body{}
}

// SetAnswerBody makes b, which must live as long as x, the whole body.
func (x *Exchange) SetAnswerBody(b []byte) {
	x.MethodResponse.Body = wire.Body{Bytes: b, Length: int64(len(b))}
}

// AnswerFault answers f as it is when nothing is customised.
func (x *Exchange) AnswerFault(f *Fault) {
	if x.HTTP {
		x.answerHTTPFault(f)
		return
	}
	if x.Socket != nil {
		x.answerSocketFault(f)
		return
	}
	x.BeginAnswer(f.StatusCode(), typeJSON, f.ErrorTypeHeader())
	from := len(x.Buf)
	x.Buf = f.AppendBody(x.Buf)
	x.SetAnswerBody(x.Buf[from:])
}
