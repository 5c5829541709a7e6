package authorizer

import (
	"errors"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// ParseHTTPSources reads the identity sources of an HTTP API's authorizer.
//
// AWS: authorizers.md §2.
func ParseHTTPSources(list []string, variables map[string]string) ([]Source, error) {
	var sources []Source
	for _, text := range list {
		if name, ok := strings.CutPrefix(text, "$request.header."); ok {
			sources = append(sources, Source{Header: name})
		} else if name, ok := strings.CutPrefix(text, "$request.querystring."); ok {
			sources = append(sources, Source{Query: name})
		} else if name, ok := strings.CutPrefix(text, "$context."); ok {
			sources = append(sources, Source{Get: variable(gateway.HTTPContextVar(name))})
		} else if name, ok := strings.CutPrefix(text, "$stageVariables."); ok {
			value := variables[name]
			sources = append(sources, Source{Get: func(dst []byte, _ *gateway.Exchange) []byte { return append(dst, value...) }})
		} else {
			return nil, errors.New("identity source " + text + ": no such place")
		}
	}
	return sources, nil
}

// present tells whether a request has a source at all, be it empty.
func (s *Source) present(x *gateway.Exchange) bool {
	switch {
	case s.Header != "":
		if wire.Identify(s.Header) == wire.HeaderHost {
			return true
		}
		for i := range x.MethodRequest.Header.Fields {
			if strings.EqualFold(x.MethodRequest.Header.Fields[i].Name, s.Header) {
				return true
			}
		}
		return false
	case s.Query != "":
		for q := x.MethodRequest.Query; q != ""; {
			name, _, rest, ok := gateway.NextPair(q)
			if !ok {
				break
			}
			if gateway.EqualDecoded(name, s.Query) {
				return true
			}
			q = rest
		}
		return false
	}
	return s.value(x) != ""
}
