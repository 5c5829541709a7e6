package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/gateway"
	"gatehouse/internal/sigv4"
	"gatehouse/internal/wire"
)

// A Service is an AWS integration with any service but Lambda: an HTTP
// integration whose requests are signed. It waits for credentials where there
// are none yet, and so is no Forward.
type Service struct {
	signing
	http   *HTTP
	target string // X-Amz-Target; empty: none is added
	stream bool   // the body need not be here to be signed
	traced *gateway.Backend
}

// NewService makes a Service. The URI and the cluster of c must be those of
// the endpoint e; the requests are signed with what signer gives, or not at all
// if it is nil.
func NewService(c *Config, u *ServiceURI, e *awsclient.Endpoint, signer awsclient.Source) (*Service, error) {
	h, err := NewHTTP(c)
	if err != nil {
		return nil, err
	}
	// AWS: S3 takes an unsigned body over TLS.
	return &Service{signing: signing{signer: signer, scope: e.Scope}, http: h, target: u.Target(), stream: e.Scope.Service == "s3" && e.Key.Scheme == "https",
		traced: gateway.ServiceBackend(u.Name.Service, u.Name.Region, u.action, u.rest)}, nil
}

// NewServiceAsCaller makes a Service whose requests are signed with what the
// client's were, if the client is of this account.
func NewServiceAsCaller(c *Config, u *ServiceURI, e *awsclient.Endpoint, account string) (*Service, error) {
	s, err := NewService(c, u, e, nil)
	if err == nil {
		s.caller = account
	}
	return s, err
}

// Call calls the service.
func (s *Service) Call(ctx context.Context, x *gateway.Exchange) error {
	if err := s.readBody(x); err != nil {
		return err
	}
	if err := s.http.Prepare(x); err != nil {
		return err
	}
	x.Backend = s.traced
	r := &x.IntegrationRequest
	if s.target != "" && r.Header.Get(targetHeader) == "" {
		r.Header.Add(targetHeader, s.target)
	}
	if err := s.sign(ctx, x); err != nil {
		return err
	}
	if x.Log != nil {
		return sendLogged(ctx, x, s.http.Accept)
	}
	err := send(ctx, x)
	if err == nil {
		x.Vars.IntegrationRequestID = x.IntegrationResponse.Header.GetID(wire.HeaderXAmznRequestID)
	}
	return s.http.Accept(x, err)
}

const targetHeader = "X-Amz-Target"

// readBody reads the client's body if it is passed on and must be signed.
func (s *Service) readBody(x *gateway.Exchange) error {
	b := &x.MethodRequest.Body
	if x.Transformed || b.Source == nil {
		return nil
	}
	// What is made text may change its length, which S3 wants to know before.
	if s.stream && b.Length >= 0 && s.http.binary.Match(x.Vars.ContentType) {
		return nil
	}
	return x.ReadBody()
}

// A signing signs requests with the credentials that it is given; without a
// signer it leaves them as they are.
type signing struct {
	signer awsclient.Source
	caller string // account of the callers with whose credentials requests are signed; empty: with those of signer
	scope  sigv4.Target
}

func (s *signing) sign(ctx context.Context, x *gateway.Exchange) error {
	if s.signer == nil && s.caller == "" {
		return nil
	}
	cred, err := s.credentials(ctx, x)
	if err == nil {
		err = awsclient.Sign(&x.IntegrationRequest, cred, s.scope, time.Now())
	}
	if err == nil {
		return nil
	}
	x.Vars.Now = time.Now()
	x.Vars.IntegrationEnd = x.Vars.Now
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && !x.Vars.Now.Before(x.Deadline) {
		x.Vars.IntegrationError = "Execution failed due to a timeout error"
		return gateway.NewFault(gateway.IntegrationTimeout, err)
	}
	// AWS: integrations.md §7: a role that cannot be assumed is an error of the
	// configuration. The text is that of terraform-aws-apigateway-v2 issue 87.
	x.Vars.IntegrationError = "API Gateway doesn't have permissions to assume the IAM role configured on the integration. Check the permissions and try again."
	return gateway.NewFault(gateway.APIConfigurationError, err)
}

// credentials are what x is signed with.
func (s *signing) credentials(ctx context.Context, x *gateway.Exchange) (awsclient.Credentials, error) {
	if s.caller != "" {
		return callerCredentials(x, s.caller)
	}
	waiting, cancel := context.WithDeadline(ctx, x.Deadline)
	defer cancel()
	return s.signer.Credentials(waiting)
}

// A ServiceURI is the URI of an AWS integration, taken apart.
type ServiceURI struct {
	Name   awsclient.Name
	action string // empty: a path
	rest   string // target behind the endpoint's own path
}

// ParseServiceURI takes the URI of an AWS integration apart, stage variables
// already expanded: arn:PARTITION:apigateway:REGION:[SUBDOMAIN.]SERVICE:path/…
// or :action/…. Its error is, or wraps, ErrAddress.
//
// AWS: integrations.md §7.
func ParseServiceURI(text string) (*ServiceURI, error) {
	p := strings.SplitN(text, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[2] != "apigateway" {
		return nil, fmt.Errorf("%w: %q is not arn:aws:apigateway:REGION:SERVICE:path/… or action/…", ErrAddress, text)
	}
	u := &ServiceURI{Name: awsclient.Name{Service: p[4], Region: p[3]}}
	if i := strings.LastIndexByte(p[4], '.'); i >= 0 {
		u.Name.Subdomain, u.Name.Service = p[4][:i], p[4][i+1:]
	}
	if !validHostName(p[4]) || !validHostName(p[3]) || u.Name.Service == "" {
		return nil, fmt.Errorf("%w: bad Region or service in %q", ErrAddress, text)
	}
	kind, rest, _ := strings.Cut(p[5], "/")
	switch kind {
	case "path":
		// The path may be written with the slash it begins with, or without.
		u.rest = "/" + strings.TrimPrefix(rest, "/")
	case "action":
		u.action, _, _ = strings.Cut(rest, "&")
		u.rest = "/?Action=" + rest
	default:
		return nil, fmt.Errorf("%w: %q names neither a path nor an action", ErrAddress, text)
	}
	return u, nil
}

// At returns the address of u at an endpoint.
func (u *ServiceURI) At(e *awsclient.Endpoint) (*URI, error) {
	at := &URI{Scheme: e.Key.Scheme, Host: e.Key.Host, Port: e.Key.Port, authority: e.Authority}
	return at, at.setTarget(e.Path + u.rest)
}

// Target returns the X-Amz-Target of the requests, or "": of services that
// are told the operation by it, the gateway knows these.
//
// AWS: integrations.md §7.
func (u *ServiceURI) Target() string {
	if u.action == "" {
		return ""
	}
	switch u.Name.Service {
	case "dynamodb":
		return "DynamoDB_20120810." + u.action
	case "kinesis":
		return "Kinesis_20131202." + u.action
	case "ssm":
		return "AmazonSSM." + u.action
	case "states":
		return "AWSStepFunctions." + u.action
	}
	return ""
}

var _ gateway.Integration = (*Service)(nil)
