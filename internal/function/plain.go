package function

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// A Plain calls functions that are plain HTTP servers: the payload is posted, and
// what is answered is the result. A status of 400 or more is an error of the
// function.
type Plain struct {
	url    string
	client *http.Client
}

// Bounds of connections to one plain server.
const (
	plainConns    = 256
	plainIdle     = 32
	plainIdleTime = 90 * time.Second
)

// NewPlain returns what calls the server at a URL.
func NewPlain(url string) *Plain {
	return &Plain{url: url, client: &http.Client{
		Timeout:       longestCall,
		Transport:     &http.Transport{MaxConnsPerHost: plainConns, MaxIdleConnsPerHost: plainIdle, IdleConnTimeout: plainIdleTime, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Invoke posts the payload. An asynchronous call waits for the answer too, but
// its caller does not learn it.
func (p *Plain) Invoke(ctx context.Context, in *Invocation) (*Result, error) {
	if in.Kind == DryRun {
		return &Result{Status: http.StatusNoContent}, nil
	}
	payload := in.Payload
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Lambda-Runtime-Aws-Request-Id", in.RequestID)
	req.Header.Set("Lambda-Runtime-Invoked-Function-Arn", in.Function)
	if in.TraceID != "" {
		req.Header.Set("Lambda-Runtime-Trace-Id", in.TraceID)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, remoteFailure(ctx, err)
	}
	res := &Result{Status: http.StatusOK, RequestID: in.RequestID, Version: "$LATEST"}
	if resp.StatusCode >= http.StatusBadRequest {
		res.Error = "Unhandled"
	}
	if in.Stream && res.Error == "" {
		res.Body, res.ContentType = resp.Body, resp.Header.Get("Content-Type")
		return res, nil
	}
	defer resp.Body.Close()
	if res.Payload, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1)); err != nil {
		return nil, remoteFailure(ctx, err)
	}
	if len(res.Payload) > maxAnswer {
		return nil, Failure("the answer of " + in.Function + " is too large")
	}
	if res.Error != "" {
		res.Payload = plainError(resp.StatusCode, res.Payload)
	}
	if in.Kind == Event {
		return &Result{Status: http.StatusAccepted, RequestID: in.RequestID}, nil
	}
	if in.Stream {
		res.Body, res.Payload = io.NopCloser(bytes.NewReader(res.Payload)), nil
	}
	return res, nil
}

// plainError is the error document of a status, as a function would write it.
func plainError(status int, body []byte) []byte {
	if len(body) > 0 && body[0] == '{' {
		return body
	}
	return fmt.Appendf(nil, `{"errorMessage":%s,"errorType":"HTTP%d"}`, strconv.QuoteToASCII(string(bytes.ToValidUTF8(body, nil))), status)
}
