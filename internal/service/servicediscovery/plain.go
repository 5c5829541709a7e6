package servicediscovery

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/discovery"
	"gatehouse/internal/record"
)

// PlainPath is what the paths of plain registration begin with.
const PlainPath = "/gatehouse/registry/"

// A Plain lets services register that have no AWS SDK: by plain HTTP, with a
// token. What it registers are instances of Cloud Map like others; namespace and
// service are made when they are not there.
type Plain struct {
	svc   *Service
	scope record.Scope
	wait  func(context.Context) // returns when a change is in force
	mux   *http.ServeMux

	tokens atomic.Pointer[Tokens]
}

// NewPlain returns a handler that registers with svc, in one account and Region.
func NewPlain(svc *Service, scope record.Scope, wait func(context.Context)) *Plain {
	p := &Plain{svc: svc, scope: scope, wait: wait, mux: http.NewServeMux()}
	p.mux.HandleFunc("PUT "+PlainPath+"{namespace}/{service}/{instance}", p.serve(p.put))
	p.mux.HandleFunc("POST "+PlainPath+"{namespace}/{service}/{instance}/heartbeat", p.serve(p.heartbeat))
	p.mux.HandleFunc("DELETE "+PlainPath+"{namespace}/{service}/{instance}", p.serve(p.delete))
	p.mux.HandleFunc("GET "+PlainPath+"{namespace}/{service}", p.serve(p.list))
	return p
}

// SetTokens says who may register from now on; nil: nobody.
func (p *Plain) SetTokens(t *Tokens) { p.tokens.Store(t) }

// ServeHTTP answers one request.
func (p *Plain) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// maxPlain bounds the body of a registration.
const maxPlain = 32 << 10

// A plainRequest is what a request asks for.
type plainRequest struct {
	namespace, service, instance string
	body                         []byte
}

// serve lets in who has a token, and answers with what do returns.
func (p *Plain) serve(do func(context.Context, *plainRequest) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := &plainRequest{namespace: r.PathValue("namespace"), service: r.PathValue("service"), instance: r.PathValue("instance")}
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		known, ok := p.tokens.Load().allow(token, q.namespace, q.service)
		switch {
		case !known:
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "want a token of the file registration-tokens: Authorization: Bearer TOKEN")
			return
		case !ok:
			refuse(w, http.StatusForbidden, "this token may not register with "+q.namespace+"/"+q.service)
			return
		}
		var err error
		if q.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxPlain)); err != nil {
			refuse(w, http.StatusRequestEntityTooLarge, "the body cannot be read, or is larger than 32 KiB")
			return
		}
		ctx := awsrpc.WithCaller(r.Context(), awsrpc.Caller{Account: p.scope.Account, Region: p.scope.Region})
		out, err := do(ctx, q)
		if err != nil {
			p.fail(w, err)
			return
		}
		if r.Method != http.MethodGet {
			p.wait(ctx)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out) // the client is gone; there is nobody to tell
	}
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message}) // as above
}

// fail answers what the service refused.
func (p *Plain) fail(w http.ResponseWriter, err error) {
	var e *awsrpc.Error
	if !errors.As(err, &e) {
		p.svc.log.Error("registration failed", "error", err)
		refuse(w, http.StatusInternalServerError, "internal server error")
		return
	}
	status := e.Status
	switch e.Code {
	case "InstanceNotFound", "ServiceNotFound", "NamespaceNotFound":
		status = http.StatusNotFound
	case "ResourceLimitExceeded", "ResourceInUse":
		status = http.StatusConflict
	}
	refuse(w, status, e.Message)
}

// A registration is the body of a PUT.
type registration struct {
	Address    string            `json:"address"` // host:port
	Weight     *int              `json:"weight,omitempty"`
	Zone       string            `json:"zone,omitempty"`
	Draining   bool              `json:"draining,omitempty"`
	Lease      string            `json:"lease,omitempty"` // 30s; none: for ever
	Attributes map[string]string `json:"attributes,omitempty"`
}

// defaultLease is that of registrations that do not say one.
const defaultLease = "30s"

// put registers an instance, or begins its lease anew.
func (p *Plain) put(ctx context.Context, q *plainRequest) (any, error) {
	var reg registration
	dec := json.NewDecoder(strings.NewReader(string(q.body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&reg); err != nil {
		return nil, bad("the body is no registration: " + err.Error())
	}
	if dec.More() {
		return nil, bad("there is something after the registration")
	}
	if reg.Lease == "" {
		reg.Lease = defaultLease
	}
	attrs, err := reg.attributes()
	if err != nil {
		return nil, err
	}
	srv, err := p.service(ctx, q)
	if err != nil {
		return nil, err
	}
	_, err = p.svc.RegisterInstance(ctx, &api.RegisterInstanceInput{ServiceId: &srv, InstanceId: &q.instance, Attributes: attrs})
	return &reg, err
}

// attributes are those of the instance that r is.
func (r *registration) attributes() (map[string]string, error) {
	attrs := maps.Clone(r.Attributes)
	if attrs == nil {
		attrs = map[string]string{}
	}
	host, port, err := net.SplitHostPort(r.Address)
	if err != nil {
		return nil, bad("the address is not host:port")
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		attrs[discovery.AttrName] = host
	case addr.Is4():
		attrs[discovery.AttrIPv4] = host
	default:
		attrs[discovery.AttrIPv6] = host
	}
	attrs[discovery.AttrPort] = port
	if r.Weight != nil {
		attrs[discovery.AttrWeight] = strconv.Itoa(*r.Weight)
	}
	if r.Zone != "" {
		attrs[discovery.AttrZone] = r.Zone
	}
	if r.Draining {
		attrs[discovery.AttrDraining] = "true"
	}
	if r.Lease == "none" {
		return attrs, nil
	}
	d, err := time.ParseDuration(r.Lease)
	if err != nil || d%time.Second != 0 {
		return nil, bad("the lease is neither a time in whole seconds, as in 30s, nor none")
	}
	attrs[attrLease] = strconv.Itoa(int(d / time.Second))
	return attrs, nil
}

// service returns the id of the service of q, making it and its namespace if
// they are not there.
func (p *Plain) service(ctx context.Context, q *plainRequest) (string, error) {
	id, err := p.find(ctx, q)
	if err == nil || !isOneOf(err, "NamespaceNotFound", "ServiceNotFound") {
		return id, err
	}
	_, err = p.svc.CreateHttpNamespace(ctx, &api.CreateHttpNamespaceInput{Name: &q.namespace})
	if err != nil && !isOneOf(err, "NamespaceAlreadyExists") {
		return "", err
	}
	ns, err := existing(ctx, p.svc.tables(ctx), q.namespace)
	if err != nil || ns == nil {
		return "", orElse(err, errNamespace())
	}
	_, err = p.svc.CreateService(ctx, &api.CreateServiceInput{Name: &q.service, NamespaceId: ns.Id, Type: new(typeHTTP)})
	if err != nil && !isOneOf(err, "ServiceAlreadyExists") {
		return "", err
	}
	return p.find(ctx, q)
}

// find returns the id of the service of q.
func (p *Plain) find(ctx context.Context, q *plainRequest) (string, error) {
	srv, err := p.svc.find(ctx, p.svc.tables(ctx), &q.namespace, &q.service, nil)
	return str(srv.Id), err
}

func isOneOf(err error, codes ...string) bool {
	var e *awsrpc.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}

// heartbeat begins the lease of an instance anew. It writes nothing.
func (p *Plain) heartbeat(ctx context.Context, q *plainRequest) (any, error) {
	srv, err := p.find(ctx, q)
	if err != nil {
		return nil, err
	}
	unlock := p.svc.locks.Lock(srv)
	defer unlock()
	rec, _, err := p.svc.tables(ctx).instances.Find(ctx, errInstance(), srv, q.instance)
	if err != nil {
		return nil, err
	}
	p.svc.leases.renew(instanceKey{p.scope, srv, q.instance}, rec.lease())
	return map[string]string{"lease": rec.lease().String()}, nil
}

// delete deregisters an instance.
func (p *Plain) delete(ctx context.Context, q *plainRequest) (any, error) {
	srv, err := p.find(ctx, q)
	if err != nil {
		return nil, err
	}
	_, err = p.svc.DeregisterInstance(ctx, &api.DeregisterInstanceInput{ServiceId: &srv, InstanceId: &q.instance})
	return struct{}{}, err
}

// list lists the instances of a service.
func (p *Plain) list(ctx context.Context, q *plainRequest) (any, error) {
	srv, err := p.find(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := p.svc.tables(ctx).instances.All(ctx, srv)
	if err != nil {
		return nil, err
	}
	type entry struct {
		Instance   string            `json:"instance"`
		Attributes map[string]string `json:"attributes"`
	}
	list := []entry{}
	for i := range rows {
		list = append(list, entry{instanceID(rows[i].ID), rows[i].Value.Attributes})
	}
	return map[string]any{"instances": list}, nil
}
