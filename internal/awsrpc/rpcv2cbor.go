package awsrpc

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// rpcV2CBOR is Smithy's RPC v2: a POST to /service/NAME/operation/NAME with the
// input as CBOR.
type rpcV2CBOR struct {
	svc Service
	ops map[string]*operation
}

var _ protocol = (*rpcV2CBOR)(nil)

const cborType = "application/cbor"

func (p *rpcV2CBOR) speaks(q *request) bool {
	return q.http.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" && p.path(q) != ""
}

// path is the path of q behind the name of the service; empty if q does not
// name it. Anything may stand before: the path of an endpoint.
func (p *rpcV2CBOR) path(q *request) string {
	_, rest, _ := strings.Cut(q.raw.Path, "/service/"+p.svc.Shape+"/operation/")
	return rest
}

func (p *rpcV2CBOR) match(q *request) (match, bool) {
	if !p.speaks(q) {
		return match{}, false
	}
	op := p.ops[p.path(q)]
	return match{op: op}, op != nil
}

func (p *rpcV2CBOR) decode(m match, q *request) (any, error) {
	if m.op.NewInput == nil {
		return nil, NotImplemented(m.op.Name)
	}
	in := m.op.NewInput()
	v := reflect.ValueOf(in).Elem()
	d := cborDecoder{rest: q.body}
	if err := d.document(v, m.op.in); err != nil {
		return nil, err
	}
	violations := violations{plain: true}
	violations.check(v, m.op)
	return in, violations.err()
}

func (p *rpcV2CBOR) reply(w http.ResponseWriter, op *operation, out any) error {
	var body []byte
	if op.out != nil {
		v := reflect.ValueOf(out)
		if out == nil || v.IsNil() {
			return fmt.Errorf("operation %s returned neither output nor error", op.Name)
		}
		body = cborStruct(make([]byte, 0, 512), v.Elem(), op.out)
		w.Header().Set("Content-Type", cborType)
	}
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	write(w, op.Code, body)
	return nil
}

// fail writes the error as a document with its type.
func (p *rpcV2CBOR) fail(w http.ResponseWriter, e *Error) {
	b := []byte{cborMap | cborIndefinite}
	pair := func(k, v string) { b = cborText(cborText(b, k), v) }
	pair("__type", p.svc.shapeID(e.Code))
	pair(cmp.Or(e.MessageName, "message"), e.Message)
	for _, k := range slices.Sorted(maps.Keys(e.Members)) {
		pair(k, e.Members[k])
	}
	b = append(b, cborBreak)
	e.queryHeader(w)
	h := w.Header()
	h.Set("Smithy-Protocol", "rpc-v2-cbor")
	h.Set("Content-Type", cborType)
	write(w, e.Status, b)
}
