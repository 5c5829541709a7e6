package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/internal/arn"
)

// A guarded is a method or route with what guards it.
type guarded struct {
	Path, Verb          string
	AuthorizationType   string
	AuthorizationScopes []string
	AuthorizerID        string
	ApiKeyRequired      bool //nolint:revive // as the API spells it
	authorizer          authorizerOf
	policy              string
	account             string
	arn, sourceIP       string
}

// An authorizerOf is what both APIs tell of an authorizer.
type authorizerOf struct {
	Name             string
	AuthorizerURI    string
	ProviderARNs     []string
	JwtConfiguration struct { //nolint:revive // as the API spells it
		Issuer   string
		Audience []string
	}
}

func (m *guarded) key() string { return strings.TrimSpace(m.Verb + " " + m.Path) }

func (m *guarded) extra() string {
	s := ""
	if m.authorizer.Name != "" {
		s += " by " + m.authorizer.Name
	}
	if m.ApiKeyRequired {
		s += ", an API key"
	}
	if m.policy != "" {
		s += ", a resource policy"
	}
	return s
}

// find looks up the method that a path leads to, and the API's policy.
func (q *question) find(ctx context.Context, c *client) (*guarded, error) {
	base := "/restapis/" + url.PathEscape(q.api)
	var api struct{ Policy string }
	if err := c.do(ctx, call{method: http.MethodGet, path: base}, &api); err != nil {
		return nil, err
	}
	var best *guarded
	for position := ""; ; {
		var page struct {
			Item []struct {
				Path            string
				ResourceMethods map[string]guarded
			}
			Position string
		}
		err := c.do(ctx, call{method: http.MethodGet, path: base + "/resources?limit=500&embed=methods&position=" + url.QueryEscape(position)}, &page)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Item {
			for _, verb := range []string{q.method, "ANY"} {
				m, ok := r.ResourceMethods[verb]
				if ok && leadsTo(r.Path, q.path) && (best == nil || closer(r.Path, best.Path)) {
					m.Path, m.Verb = r.Path, verb
					best = &m
				}
			}
		}
		if position = page.Position; position == "" {
			break
		}
	}
	if best == nil {
		return nil, fmt.Errorf("no method of API %s answers to %s %s: callers get 403 Missing Authentication Token", q.api, q.method, q.path)
	}
	if api.Policy != "" { // JSON, escaped once more
		if err := json.Unmarshal([]byte(`"`+api.Policy+`"`), &best.policy); err != nil {
			return nil, fmt.Errorf("the API's policy: %w", err)
		}
	}
	return q.settle(ctx, c, best, base, "prod", q.method+q.path)
}

// settle adds to a method what is found out for all kinds of APIs alike: base is
// the API's path, and what ends the ARN that policies name.
func (q *question) settle(ctx context.Context, c *client, m *guarded, base, stage, what string) (*guarded, error) {
	if q.stage != "" {
		stage = q.stage
	}
	if m.AuthorizerID != "" {
		if err := c.do(ctx, call{method: http.MethodGet, path: base + "/authorizers/" + url.PathEscape(m.AuthorizerID)}, &m.authorizer); err != nil {
			return nil, err
		}
	}
	var err error
	if m.account, err = c.account(ctx); err != nil {
		return nil, err
	}
	m.arn = arn.ARN{Partition: arn.Partition(c.region), Service: "execute-api", Region: c.region, Account: m.account, Resource: q.api + "/" + stage + "/" + what}.String()
	m.sourceIP = q.sourceIP
	return m, nil
}

// findV2 looks up the route of an HTTP API that a path leads to, or the $connect
// of a WebSocket API.
func (q *question) findV2(ctx context.Context, c *client) (*guarded, error) {
	base := "/v2/apis/" + url.PathEscape(q.api)
	var api struct{ ProtocolType string }
	if err := c.do(ctx, call{method: http.MethodGet, path: base}, &api); err != nil {
		return nil, err
	}
	socket := api.ProtocolType == "WEBSOCKET"
	var best *guarded
	for token := ""; ; {
		var page struct {
			Items []struct {
				guarded
				RouteKey string
			}
			NextToken string
		}
		if err := c.do(ctx, call{method: http.MethodGet, path: base + "/routes?maxResults=500&nextToken=" + url.QueryEscape(token)}, &page); err != nil {
			return nil, err
		}
		for i := range page.Items {
			m := &page.Items[i].guarded
			if m.setKey(page.Items[i].RouteKey); q.leads(m, socket) && (best == nil || m.before(best)) {
				best = m
			}
		}
		if token = page.NextToken; token == "" {
			break
		}
	}
	switch {
	case socket && best == nil:
		best = &guarded{Path: "$connect", AuthorizationType: "NONE"} // AWS: a connection needs no route
		fallthrough
	case socket:
		return q.settle(ctx, c, best, base, "prod", "$connect")
	case best == nil:
		return nil, fmt.Errorf("no route of API %s answers to %s %s: callers get 404 Not Found", q.api, q.method, q.path)
	}
	return q.settle(ctx, c, best, base, "$default", q.method+q.path)
}

// setKey takes a route key apart.
func (m *guarded) setKey(key string) {
	verb, path, ok := strings.Cut(key, " ")
	if !ok {
		verb, path = "", key
	}
	m.Verb, m.Path = verb, path
}

// leads tells whether a route is one for what is asked.
func (q *question) leads(m *guarded, socket bool) bool {
	switch {
	case socket:
		return m.Path == "$connect"
	case m.Verb == "":
		return m.Path == "$default"
	}
	return (m.Verb == q.method || m.Verb == "ANY") && leadsTo(m.Path, q.path)
}

// before tells whether a route comes before another that answers as well:
// $default comes last, and ANY after a method.
func (m *guarded) before(other *guarded) bool {
	if m.Verb == "" || other.Verb == "" {
		return other.Verb == ""
	}
	return closer(m.Path, other.Path) || !closer(other.Path, m.Path) && other.Verb == "ANY"
}

// leadsTo reports whether a resource's path answers to a path.
func leadsTo(resource, path string) bool {
	want, have := strings.Split(strings.Trim(resource, "/"), "/"), strings.Split(strings.Trim(path, "/"), "/")
	for i, seg := range want {
		if strings.HasSuffix(seg, "+}") {
			return len(have) > i
		}
		if i >= len(have) || seg != have[i] && !strings.HasPrefix(seg, "{") {
			return false
		}
	}
	return len(want) == len(have)
}

// closer reports whether a path is tried before another: text before {name},
// and {name} before {name+}.
func closer(a, b string) bool {
	rank := func(path string) string {
		var s strings.Builder
		for seg := range strings.SplitSeq(path, "/") {
			switch {
			case strings.HasSuffix(seg, "+}"):
				s.WriteByte('3')
			case strings.HasPrefix(seg, "{"):
				s.WriteByte('2')
			default:
				s.WriteByte('1')
			}
		}
		return s.String()
	}
	return rank(a) < rank(b)
}
