package integration

import (
	"context"
	"errors"
	"net/http"

	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// stream makes the head of the response of the metadata that a function streams,
// and lets the rest pass as it comes. This is beyond AWS: HTTP APIs do not
// stream there. The form is that of REST APIs and of function URLs.
func (l *LambdaHTTP) stream(x *gateway.Exchange, res *function.Result, cancel context.CancelFunc) error {
	if res.Body == nil { // it failed before it began
		cancel()
		if res.Error != "" {
			x.Vars.IntegrationError = errorMessage(x, res.Payload)
		}
		return failed(errors.New("the function has streamed nothing"))
	}
	s := &streamSource{body: res.Body, cancel: cancel}
	head, rest, err := readMetadata(res.Body)
	a := newAnswer(x)
	defer a.release()
	a.http = l.format
	if err == nil {
		err = a.parse(head, true)
	}
	if err != nil {
		_ = s.Close() // nobody will read on
		x.Vars.IntegrationError = "The response from the Lambda function doesn't match the format that API Gateway expects."
		return failed(err)
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	l.head(x, a)
	x.NoteFirstContent()
	x.MethodResponse.Body = wire.Body{Bytes: rest, Source: s, Length: -1}
	return nil
}
