package awsrpc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"gatehouse/internal/sigv4"
)

// A protocol speaks one wire protocol for one service. Each has a file of its
// own; a handler picks it by Service.Protocol.
type protocol interface {
	// match returns the operation that q calls, if it is one of the service.
	match(q *request) (match, bool)
	// decode reads the input of the operation and checks its constraints.
	decode(m match, q *request) (any, error)
	// reply writes the output of a call that went well; out may be nil.
	reply(w http.ResponseWriter, op *operation, out any) error
	// fail writes an error.
	fail(w http.ResponseWriter, e *Error)
}

// A request is what protocols read: the parts of an HTTP request, parsed once.
type request struct {
	http  *http.Request
	raw   sigv4.Request
	query url.Values
	body  []byte

	params url.Values // see form
}

// An operation is one call with the plans of its input and output.
type operation struct {
	Operation
	in  *node
	out *node // nil: no output
}

// call invokes the operation and turns a typed nil into none.
func (o *operation) call(ctx context.Context, server, in any) (any, error) {
	out, err := o.Invoke(ctx, server, in)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// newProtocol returns the protocol of svc, ready to serve its operations, and
// these by name.
func newProtocol(svc Service, p plans) (protocol, map[string]*operation, error) {
	ops := make([]*operation, len(svc.Operations))
	byName := make(map[string]*operation, len(ops))
	for i, op := range svc.Operations {
		o := &operation{Operation: op}
		ops[i] = o
		byName[op.Name] = o
		if op.NewInput == nil {
			continue
		}
		var err error
		if o.in, err = p.of(op.NewInput()); err != nil {
			return nil, nil, fmt.Errorf("input of %s: %w", op.Name, err)
		}
		if op.Output != nil {
			if o.out, err = p.of(op.Output); err != nil {
				return nil, nil, fmt.Errorf("output of %s: %w", op.Name, err)
			}
		}
	}
	switch svc.Protocol {
	case RestJSON1:
		proto, err := newRestJSON(svc, ops)
		return proto, byName, err
	case AWSQuery:
		return newAWSQuery(svc, ops), byName, nil
	}
	return nil, nil, fmt.Errorf("unknown protocol %q", svc.Protocol)
}
