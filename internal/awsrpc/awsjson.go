package awsrpc

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// awsJSON is the protocol of CloudWatch Logs and others: a POST to / whose
// header X-Amz-Target names the operation, with the input as JSON.
type awsJSON struct {
	svc     Service
	version Protocol
	ops     map[string]*operation
}

var _ protocol = (*awsJSON)(nil)

func (p *awsJSON) speaks(q *request) bool {
	_, ok := p.target(q)
	return ok
}

// target returns the operation that q names.
//
// AWS: botocore writes com.amazonaws.cloudtrail.v20131101. before the name of
// CloudTrail; the other SDKs do not.
func (p *awsJSON) target(q *request) (string, bool) {
	service, name, ok := cutLast(q.http.Header.Get("X-Amz-Target"), '.')
	if i := strings.LastIndexByte(service, '.'); i >= 0 && strings.HasPrefix(service, "com.amazonaws.") {
		service = service[i+1:]
	}
	return name, ok && q.raw.Path == "/" && service == p.svc.Shape
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func (p *awsJSON) match(q *request) (match, bool) {
	name, ok := p.target(q)
	if !ok {
		return match{}, false
	}
	op := p.ops[name]
	return match{op: op}, op != nil
}

func (p *awsJSON) decode(m match, q *request) (any, error) {
	if m.op.NewInput == nil {
		return nil, NotImplemented(m.op.Name)
	}
	in := m.op.NewInput()
	v := reflect.ValueOf(in).Elem()
	violations := violations{plain: true}
	d := decoder{violations: &violations, path: []string{inputName(m.op.Name)}}
	if err := d.document(q.body, v, m.op.in); err != nil {
		return nil, err
	}
	violations.check(v, m.op)
	return in, violations.err()
}

func (p *awsJSON) reply(w http.ResponseWriter, op *operation, out any) error {
	body := []byte("{}")
	if op.out != nil {
		v := reflect.ValueOf(out)
		if out == nil || v.IsNil() {
			return fmt.Errorf("operation %s returned neither output nor error", op.Name)
		}
		if events := eventsOf(v.Elem(), op.out); events != nil {
			return writeEvents(w, op.Code, p.opened(events))
		}
		var err error
		if body, err = encodeDocument(v.Elem(), op.out); err != nil {
			return fmt.Errorf("encode output of %s: %w", op.Name, err)
		}
	}
	w.Header().Set("Content-Type", p.contentType())
	write(w, op.Code, body)
	return nil
}

// eventsOf returns the stream of events that an output consists of, if it does.
func eventsOf(v reflect.Value, n *node) Events {
	for i := range n.fields {
		if f := &n.fields[i]; f.value.kind == kindEvents {
			events, _ := v.Field(f.index).Interface().(Events)
			return events
		}
	}
	return nil
}

// opened puts before the events the one that says that the call went well.
//
// AWS: Smithy, "Event streams in RPC protocols": an initial-response with the
// members of the output that are no stream.
func (p *awsJSON) opened(events Events) Events {
	return func(yield func(Event, error) bool) {
		if !yield(Event{Type: "initial-response", ContentType: p.contentType(), Payload: []byte("{}")}, nil) {
			return
		}
		events(yield)
	}
}

func (p *awsJSON) contentType() string {
	return "application/x-amz-json-" + strings.Replace(strings.TrimPrefix(string(p.version), "awsJson"), "_", ".", 1)
}

// fail writes the error as a document with its type.
//
// AWS: version 1.0 names the shape with its namespace, 1.1 without; refusals of
// the front door are 400 in both (common errors of DynamoDB and CloudWatch Logs).
func (p *awsJSON) fail(w http.ResponseWriter, e *Error) {
	name, status := e.Code, e.Status
	if name == invalidInput && p.svc.Invalid != "" && !e.Declared {
		name = p.svc.Invalid // AWS: recorded of Cloud Map in aws/aws-sdk-java#1973
	}
	if p.version == AWSJSON10 {
		name = p.svc.shapeID(name)
	}
	if _, front := queryCodes[e.Code]; front {
		status = http.StatusBadRequest
	}
	e.queryHeader(w)
	w.Header().Set("Content-Type", p.contentType())
	write(w, status, append(appendText([]byte(`{"__type":`), name), encodeErrorMembers(e)...))
}

// shapeID is the absolute name of a shape of the service.
func (s *Service) shapeID(name string) string { return "com.amazonaws." + s.Name + "#" + name }

// queryHeader tells clients that were made for the query protocol by which name
// they know the error.
//
// AWS: Smithy's trait awsQueryCompatible; services without it leave the header
// out.
func (e *Error) queryHeader(w http.ResponseWriter) {
	if e.QueryCode == "" {
		return
	}
	party := "Sender"
	if e.Status >= 500 {
		party = "Receiver"
	}
	w.Header().Set("X-Amzn-Query-Error", e.QueryCode+";"+party)
}
