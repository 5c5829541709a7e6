package integration

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/gateway"
	"gatehouse/internal/mapping"
	"gatehouse/internal/wire"
)

// A Subtype is an integration of an HTTP API with an operation of an AWS
// service: its parameters become the service's request, and the service's
// answer is the client's.
//
// AWS: http-api-execution.md §7.
type Subtype struct {
	call
	signing
	kind       *awsclient.Subtype
	parameters []serviceParameter
	body       bool // a parameter is taken from the body
	answer     *HTTPAPIProxy
	traced     *gateway.Backend
}

// A serviceParameter is one parameter of a call: where it goes, and what it is
// made of.
type serviceParameter struct {
	*awsclient.SubtypeParameter
	value  expression
	source string // as it is configured
}

// A SubtypeConfig says which operation is called, and with what.
type SubtypeConfig struct {
	API        string // id of the API
	Kind       *awsclient.Subtype
	Endpoint   *awsclient.Endpoint
	Cluster    gateway.Cluster
	Signer     awsclient.Source
	Timeout    time.Duration
	Route      *gateway.Route
	Parameters map[string]string
	Responses  map[int]*Mapping
	Variables  map[string]string
}

// NewSubtype makes a Subtype.
func NewSubtype(c *SubtypeConfig) (*Subtype, error) {
	at := &URI{Scheme: c.Endpoint.Key.Scheme, Host: c.Endpoint.Key.Host, Port: c.Endpoint.Key.Port, authority: c.Endpoint.Authority}
	if err := at.setTarget(c.Endpoint.Path + "/"); err != nil {
		return nil, err
	}
	method := http.MethodPost
	if c.Kind.Target == "" {
		method = http.MethodGet
	}
	k, err := newCall(&Config{API: c.API, URI: at, Cluster: c.Cluster, Method: method, Timeout: c.Timeout})
	if err != nil {
		return nil, err
	}
	s := &Subtype{call: k, signing: signing{signer: c.Signer, scope: c.Endpoint.Scope}, kind: c.Kind, answer: &HTTPAPIProxy{call: k, request: new(Mapping), responses: c.Responses}}
	r := &referrer{rt: c.Route, variables: c.Variables, of: mapping.Request}
	for _, name := range slices.Sorted(maps.Keys(c.Parameters)) {
		if name == awsclient.SubtypeRegion {
			continue
		}
		p := serviceParameter{SubtypeParameter: c.Kind.Parameter(name), source: c.Parameters[name]}
		if p.SubtypeParameter == nil {
			return nil, fmt.Errorf("%s has no parameter %s", c.Kind.Name, name)
		}
		if p.value, err = r.parse(p.source); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", name, err)
		}
		s.parameters = append(s.parameters, p)
	}
	s.body = r.body
	_, operation, _ := strings.Cut(c.Kind.Name, "-")
	s.traced = gateway.ServiceBackend(c.Kind.Service, c.Endpoint.Scope.Region, operation, "")
	s.traced.Method = method
	return s, nil
}

// Call calls the service.
func (s *Subtype) Call(ctx context.Context, x *gateway.Exchange) error {
	if s.body {
		if err := x.ReadBody(); err != nil {
			return err
		}
	}
	s.begin(x)
	x.Backend = s.traced
	r := &x.IntegrationRequest
	r.Header.Fields, r.Body = r.Header.Fields[:0], wire.Body{}
	values, err := s.values(x)
	if err != nil {
		return err
	}
	if s.kind.Target == "" {
		s.prepareConfiguration(x, values)
	} else if err := s.prepareJSON(x, values); err != nil {
		return err
	}
	r.Header.Add("User-Agent", "AmazonAPIGateway_"+s.api)
	if err := s.sign(ctx, x); err != nil {
		return err
	}
	if err := s.send(ctx, x); err != nil {
		return err
	}
	passServiceHeader(&x.MethodResponse.Header)
	return nil
}

// send makes the call.
func (s *Subtype) send(ctx context.Context, x *gateway.Exchange) error {
	if x.Log != nil {
		return sendLogged(ctx, x, s.answer.Accept)
	}
	return s.answer.Accept(x, send(ctx, x))
}

// values finds out the parameters of a call: name and text, in order.
//
// AWS: the message is what $context.integrationErrorMessage holds; that the
// client gets 400 is not documented.
func (s *Subtype) values(x *gateway.Exchange) ([]string, error) {
	values := make([]string, len(s.parameters))
	for i := range s.parameters {
		p := &s.parameters[i]
		values[i] = p.value.value(x)
		if values[i] == "" && p.Required {
			return nil, refuseParameter(x, "Unable to resolve property "+p.Name+" from source "+p.source+
				". Please make sure that the request to API Gateway contains all the necessary fields specified in the request parameters.")
		}
	}
	return values, nil
}

func refuseParameter(x *gateway.Exchange, why string) error {
	x.Vars.IntegrationError = why
	return &gateway.Fault{Type: gateway.BadRequestParameters, Status: http.StatusBadRequest, Message: "Bad Request", Cause: fmt.Errorf("%s", why)}
}

// prepareJSON makes the request of a service that has a JSON protocol.
func (s *Subtype) prepareJSON(x *gateway.Exchange, values []string) error {
	var doc []byte
	open, end := "{", "}"
	if s.kind.Service == "events" {
		open, end = `{"Entries":[{`, "}]}" // PutEvents takes a list
	}
	doc = append(doc, open...)
	first := true
	for i := range s.parameters {
		p := &s.parameters[i]
		if values[i] == "" {
			continue
		}
		if !first {
			doc = append(doc, ',')
		}
		first = false
		name := p.Name
		if s.kind.Service == "states" {
			name = strings.ToLower(name[:1]) + name[1:] // as the service spells all its members
		}
		doc = append(gateway.AppendJSONString(doc, name), ':')
		var ok bool
		if doc, ok = appendForm(doc, values[i], p.Form); !ok {
			return refuseParameter(x, "Invalid value for parameter "+p.Name+" from source "+p.source)
		}
	}
	doc = append(doc, end...)
	r := &x.IntegrationRequest
	r.Target = s.target
	r.Header.Add("Content-Type", "application/x-amz-json-"+s.kind.Version)
	r.Header.Add(targetHeader, s.kind.Target)
	r.Body = wire.Body{Bytes: doc, Length: int64(len(doc))}
	return nil
}

// appendForm appends a value in the form that the service wants. It reports
// false if it cannot have that form.
func appendForm(dst []byte, text string, form awsclient.SubtypeForm) ([]byte, bool) {
	switch form {
	case awsclient.SubtypeNumber:
		n, err := strconv.ParseInt(text, 10, 64)
		return strconv.AppendInt(dst, n, 10), err == nil
	case awsclient.SubtypeTime:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return strconv.AppendInt(dst, n, 10), true
		}
		t, err := time.Parse(time.RFC3339Nano, text)
		return strconv.AppendInt(dst, t.Unix(), 10), err == nil
	case awsclient.SubtypeDocument:
		v := jsontext.Value(text)
		return append(dst, text...), v.IsValid() && v.Kind() == '{'
	case awsclient.SubtypeList:
		if v := jsontext.Value(text); v.IsValid() && v.Kind() == '[' {
			return append(dst, text...), true
		}
		dst = append(dst, '[')
		for i, part := range strings.Split(text, ",") {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = gateway.AppendJSONString(dst, strings.TrimSpace(part))
		}
		return append(dst, ']'), true
	}
	return gateway.AppendJSONString(dst, text), true
}

// prepareConfiguration makes the request of AppConfig's GetConfiguration.
//
// AWS: GET /applications/A/environments/E/configurations/C?client_id=I&client_configuration_version=V.
func (s *Subtype) prepareConfiguration(x *gateway.Exchange, values []string) {
	value := func(name string) string {
		for i := range s.parameters {
			if s.parameters[i].Name == name {
				return values[i]
			}
		}
		return ""
	}
	dst := []byte(strings.TrimSuffix(s.target, "/"))
	for _, part := range [...][2]string{{"/applications/", "Application"}, {"/environments/", "Environment"}, {"/configurations/", "Configuration"}, {"?client_id=", "ClientId"}} {
		dst = gateway.AppendEncoded(append(dst, part[0]...), value(part[1]))
	}
	if v := value("ClientConfigurationVersion"); v != "" {
		dst = gateway.AppendEncoded(append(dst, "&client_configuration_version="...), v)
	}
	x.IntegrationRequest.Target = string(dst)
}

// passServiceHeader leaves in a header what clients get of a service's answer.
//
// AWS: undocumented; what is of the services' protocols alone goes, as no dump
// of such an answer shows it.
func passServiceHeader(h *wire.Header) {
	kept := h.Fields[:0]
	for _, f := range h.Fields {
		name := strings.ToLower(f.Name)
		switch {
		case strings.HasPrefix(name, "x-amz"), f.ID == wire.HeaderServer:
			continue
		case f.ID == wire.HeaderContentType && strings.HasPrefix(f.Value, "application/x-amz-json"):
			f.Value = typeJSON
		}
		kept = append(kept, f)
	}
	h.Fields = kept
}

var _ gateway.Integration = (*Subtype)(nil)
