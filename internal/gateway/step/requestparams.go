package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/gateway"
)

// RequestParams refuses requests without the parameters that their method
// requires.
type RequestParams struct {
	params []requiredParam
}

type requiredParam struct {
	key  string // method.request.header.X
	name string
	from source
}

// NewRequestParams makes the step for the required ones among a method's
// request parameters: method.request.{header|path|querystring}.{name}.
func NewRequestParams(keys []string, sc *Scope) (*RequestParams, error) {
	s := new(RequestParams)
	for _, key := range keys {
		src, err := parseSource(key, sc)
		if err != nil {
			return nil, err
		}
		parts := strings.SplitN(key, ".", 4)
		if len(parts) != 4 || src.ofRequestBody() {
			return nil, fmt.Errorf("request parameter %q cannot be required", key)
		}
		s.params = append(s.params, requiredParam{key, parts[3], src})
	}
	slices.SortFunc(s.params, func(a, b requiredParam) int { return strings.Compare(a.key, b.key) })
	return s, nil
}

// Do checks that each parameter is there and not blank.
func (s *RequestParams) Do(_ context.Context, x *gateway.Exchange) error {
	for i := range s.params {
		if blank(s.params[i].from.value(x)) {
			return s.refuse(x, i)
		}
	}
	return nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// refuse names all parameters that are missing, of which the first is known.
//
// AWS: rest-execution.md §7: sorted by the full key.
func (s *RequestParams) refuse(x *gateway.Exchange, first int) error {
	var names []string
	for i := first; i < len(s.params); i++ {
		if blank(s.params[i].from.value(x)) {
			names = append(names, s.params[i].name)
		}
	}
	return &gateway.Fault{
		Type:    gateway.BadRequestParameters,
		Message: "Missing required request parameters: [" + strings.Join(names, ", ") + "]",
	}
}

var _ gateway.Prompt = (*RequestParams)(nil)

// Prompt implements gateway.Prompt.
func (*RequestParams) Prompt() {}
