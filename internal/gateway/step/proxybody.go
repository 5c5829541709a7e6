package step

import (
	"context"
	"fmt"

	"gatehouse/internal/gateway"
)

// ProxyBody makes the body of a request to HTTP_PROXY what the integration's
// contentHandling says. It is for integrations that have one.
//
// AWS: rest-execution.md §5.1: the table of requests speaks of no type of
// integration, and the console offered the setting for HTTP_PROXY too.
type ProxyBody struct {
	handling ContentHandling
	binary   func(contentType string) bool // nil: nothing is
}

// NewProxyBody makes the step.
func NewProxyBody(handling ContentHandling, sc *Scope) (*ProxyBody, error) {
	if err := handling.check(); err != nil {
		return nil, fmt.Errorf("HTTP_PROXY: %w", err)
	}
	return &ProxyBody{handling, sc.Binary}, nil
}

// Do replaces the body of x.MethodRequest if it must be another.
func (s *ProxyBody) Do(_ context.Context, x *gateway.Exchange) error {
	binary := s.binary != nil && s.binary(x.Vars.ContentType)
	c := s.handling.requestConversion(binary)
	if b := &x.MethodRequest.Body; c == unchanged || len(b.Bytes) == 0 && b.Source == nil {
		return nil
	}
	if err := x.ReadBody(); err != nil {
		return err
	}
	body, err := transform(x, nil, c, binary, x.MethodRequest.Body.Bytes, nil)
	if err != nil {
		return err
	}
	x.MethodRequest.Body = setBody(body)
	return nil
}

var _ gateway.Step = (*ProxyBody)(nil)
