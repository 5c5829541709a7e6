// Package authorizer finds out who sends an exchange, and whether that caller
// may.
//
// A [Lambda] asks a function, or an HTTP endpoint, and keeps what it says for as
// long as it is told to. Whatever goes wrong is a refusal: nothing in this
// package lets an exchange pass but a decision that was read whole and
// understood.
//
// What the policy that an authorizer brings means together with the policy of
// the API is for the step that asks it.
package authorizer

import (
	"errors"
	"regexp"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// unauthorized refuses whoever did not say who they are.
//
// AWS: authorizers.md §1.2.
var unauthorized = gateway.NewFault(gateway.Unauthorized, errors.New("the request has no identity that the authorizer takes"))

// misconfigured refuses because the authorizer cannot be asked, or answers what
// is no answer; failed because it raised an error.
//
// AWS: authorizers.md §1.3; both print the same.
func misconfigured(cause error) error {
	return gateway.NewFault(gateway.AuthorizerConfigurationError, cause)
}

func failed(cause error) error { return gateway.NewFault(gateway.AuthorizerFailure, cause) }

// A Source is one place of a request that tells who the caller is.
type Source struct {
	Header, Query string         // a name; one of both
	Get           gateway.Getter // or else of a variable
}

// ParseSources reads an identitySource. Variables are the stage's.
//
// AWS: authorizers.md §1.2.
func ParseSources(text string, variables map[string]string) ([]Source, error) {
	var list []Source
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if name, ok := strings.CutPrefix(part, "method.request.header."); ok {
			list = append(list, Source{Header: name})
		} else if name, ok := strings.CutPrefix(part, "method.request.querystring."); ok {
			list = append(list, Source{Query: name})
		} else if name, ok := strings.CutPrefix(part, "context."); ok {
			list = append(list, Source{Get: variable(gateway.ContextVar(name))})
		} else if name, ok := strings.CutPrefix(part, "stageVariables."); ok {
			value := variables[name]
			list = append(list, Source{Get: func(dst []byte, _ *gateway.Exchange) []byte { return append(dst, value...) }})
		} else {
			return nil, errors.New("identity source " + part + ": no such place")
		}
	}
	return list, nil
}

// variable is a getter, of nothing if there is no such variable.
func variable(get gateway.Getter) gateway.Getter {
	if get == nil {
		return func(dst []byte, _ *gateway.Exchange) []byte { return dst }
	}
	return get
}

// value returns what x has of a source, as long as x lives.
//
// AWS: names of headers are looked up without case, for HTTP/2 has none
// (authorizers.md §1.2); of several values the last counts, which is the one
// that mappings see.
func (s *Source) value(x *gateway.Exchange) string {
	switch {
	case s.Header != "":
		fields := x.MethodRequest.Header.Fields
		for i := len(fields) - 1; i >= 0; i-- {
			if len(fields[i].Name) == len(s.Header) && strings.EqualFold(fields[i].Name, s.Header) {
				return fields[i].Value
			}
		}
		return ""
	case s.Query != "":
		return s.query(x)
	}
	from := len(x.Buf)
	x.Buf = s.Get(x.Buf, x)
	return wire.String(x.Buf[from:])
}

func (s *Source) query(x *gateway.Exchange) (value string) {
	for q := x.MethodRequest.Query; q != ""; {
		name, v, rest, ok := gateway.NextPair(q)
		if !ok {
			break
		}
		if gateway.EqualDecoded(name, s.Query) {
			value = v
		}
		q = rest
	}
	if !gateway.Encoded(value, true) {
		return value
	}
	from := len(x.Buf)
	x.Buf = gateway.AppendDecoded(x.Buf, value, true)
	return wire.String(x.Buf[from:])
}

// Whole compiles an identityValidationExpression: it must match all of the
// value. Empty text is no expression, which is nil.
func Whole(expr string) (*regexp.Regexp, error) {
	if expr == "" {
		return nil, nil
	}
	return regexp.Compile(`\A(?:` + expr + `)\z`)
}
