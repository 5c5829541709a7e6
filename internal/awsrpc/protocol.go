package awsrpc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"gatehouse/internal/sigv4"
)

// A protocol speaks one wire protocol for one service. Each has a file of its
// own; a handler picks it by Service.Protocol and Service.Also.
type protocol interface {
	// speaks reports whether q, whatever it calls, is of this protocol, so that
	// a refusal before the operation is known can be worded in it.
	speaks(q *request) bool
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

// newProtocols returns the protocols of svc, ready to serve its operations, and
// these by name.
func newProtocols(svc Service, p plans) ([]protocol, map[string]*operation, error) {
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
	var protos []protocol
	for _, name := range append([]Protocol{svc.Protocol}, svc.Also...) {
		proto, err := newProtocol(name, svc, ops, byName)
		if err != nil {
			return nil, nil, err
		}
		protos = append(protos, proto)
	}
	return protos, byName, nil
}

func newProtocol(name Protocol, svc Service, ops []*operation, byName map[string]*operation) (protocol, error) {
	switch name {
	case RestJSON1:
		return newRestJSON(svc, ops)
	case RestXML:
		return newRestXML(svc, ops)
	case AWSQuery:
		return &awsQuery{svc, byName}, nil
	case AWSJSON10, AWSJSON11:
		return &awsJSON{svc, name, byName}, nil
	case RPCv2CBOR:
		return &rpcV2CBOR{svc, byName}, nil
	}
	return nil, fmt.Errorf("unknown protocol %q", name)
}
