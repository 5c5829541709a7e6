package step

import (
	"errors"
	"slices"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// What templates set in $context.requestOverride and $context.responseOverride
// goes over what was mapped.
//
// AWS: mapping-templates.md §6. Undocumented: an empty override changes
// nothing, a name that no header can have is an error of the template.

var badOverride = gateway.NewFault(gateway.APIConfigurationError, errors.New("a template overrides a header whose name is none"))

// overrideRequest puts overrides over what was mapped of the request.
func (s *RequestTemplate) overrideRequest(x *gateway.Exchange) error {
	if x.Overrides == nil {
		return nil
	}
	o := x.Overrides.Request
	var err error
	for name, v := range o.Get("header").Each {
		if err = s.overrideHeader(x, name, v.Text()); err != nil {
			return err
		}
	}
	if s.to == BackendMock {
		return nil
	}
	for name, v := range o.Get("querystring").Each {
		overrideQuery(x, name, v.Text())
	}
	for name, v := range o.Get("path").Each {
		place, text := slices.Index(s.variables, name), v.Text()
		if place < 0 || place >= len(x.MappedPath) || text == "" {
			continue
		}
		from := len(x.Buf)
		x.Buf = gateway.AppendEncoded(x.Buf, text)
		x.MappedPath[place] = wire.String(x.Buf[from:])
	}
	return nil
}

// overrideHeader is the end of IntegrationRequest.Do for one header: the last
// of a name counts.
func (s *RequestTemplate) overrideHeader(x *gateway.Exchange, name, value string) error {
	f := wire.Field{Name: name, Value: value, ID: wire.Identify(name)}
	switch {
	case value == "":
		return nil
	case !wire.ValidToken(name):
		return badOverride
	case s.to.breaks(f.ID):
		return illegalHeader
	case s.to == BackendMock || unmappable[f.ID]:
		return nil
	case !sendable(value) || f.ID == wire.HeaderHost && !hostLike(value):
		return unsendable
	}
	x.MappedHeader = append(x.MappedHeader, f)
	return nil
}

func overrideQuery(x *gateway.Exchange, name, value string) {
	if value == "" {
		return
	}
	from := len(x.Buf)
	x.Buf = gateway.AppendEncoded(x.Buf, name)
	encoded := wire.String(x.Buf[from:])
	x.MappedQuery = slices.DeleteFunc(x.MappedQuery, func(f wire.Field) bool { return f.Name == encoded })
	addQuery(x, encoded, value)
}

// overrideResponse puts overrides over the method response. An override of the
// status that is none is ignored.
func overrideResponse(x *gateway.Exchange) error {
	if x.Overrides == nil {
		return nil
	}
	o := x.Overrides.Response
	if status, ok := o.Get("status").Int(); ok && status >= 100 && status <= 599 {
		x.MethodResponse.Status = int(status)
	}
	for name, v := range o.Get("header").Each {
		value := v.Text()
		if value == "" || !sendable(value) {
			continue
		}
		if !wire.ValidToken(name) {
			return badOverride
		}
		if name, ok := responseHeader(name, wire.Identify(name)); ok {
			x.MethodResponse.Header.Set(name, value)
		}
	}
	return nil
}
