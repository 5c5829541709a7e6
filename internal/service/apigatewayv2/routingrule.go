package apigatewayv2

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/arn"
	rest "gatehouse/internal/awsapi/apigateway"
	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Routing rules lead requests to a custom domain to the stages of REST APIs, by
// base path and header. Version 2 alone has operations for them; what they hold
// to is custom-domains.md §2.2. AWS documents the rules and none of the texts.

const (
	maxRules        = 50
	maxRulePriority = 1_000_000
)

func errRule(id *string) error { return errUnknown("RoutingRule", str(id)) }

// ruleDomain finds the domain of a rule.
func ruleDomain(ctx context.Context, t record.Tables, name, id *string) (string, record.DomainName, store.Rev, error) {
	key := record.DomainKey(str(name), str(id))
	dom, rev, err := t.DomainNames.Find(ctx, errDomain(), key)
	return key, dom, rev, err
}

// CreateRoutingRule adds a rule to a domain name.
func (s *Service) CreateRoutingRule(ctx context.Context, in *api.CreateRoutingRuleInput) (*api.CreateRoutingRuleResponse, error) {
	id := record.NewID(shortIDLen)
	rule := api.RoutingRule{Actions: in.Actions, Conditions: in.Conditions, Priority: in.Priority, RoutingRuleId: &id}
	err := s.putRule(ctx, in.DomainName, in.DomainNameId, &rule, true)
	return new(api.CreateRoutingRuleResponse(rule)), err
}

// PutRoutingRule replaces a rule.
func (s *Service) PutRoutingRule(ctx context.Context, in *api.PutRoutingRuleInput) (*api.PutRoutingRuleResponse, error) {
	rule := api.RoutingRule{Actions: in.Actions, Conditions: in.Conditions, Priority: in.Priority, RoutingRuleId: in.RoutingRuleId}
	err := s.putRule(ctx, in.DomainName, in.DomainNameId, &rule, false)
	return new(api.PutRoutingRuleResponse(rule)), err
}

// putRule stores a rule, a new one or in place of the one with its id.
func (s *Service) putRule(ctx context.Context, name, nameID *string, rule *api.RoutingRule, fresh bool) error {
	if err := checkRule(rule); err != nil {
		return err
	}
	t := s.tables(ctx)
	return answer(store.Update(ctx, s.st, func(c *store.Change) error {
		domain, dom, rev, err := ruleDomain(ctx, t, name, nameID)
		if err != nil {
			return err
		}
		if str(dom.RoutingMode) == rest.RoutingModeBasePathMappingOnly {
			return bad("Routing rules cannot be created for a domain name whose routing mode is API_MAPPING_ONLY")
		}
		rows, err := t.RoutingRules.All(ctx, domain)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(rows, func(r store.Row[record.RoutingRule]) bool { return str(r.Value.RoutingRuleId) == *rule.RoutingRuleId })
		switch {
		case fresh && len(rows) >= maxRules:
			return errLimit("routing rules")
		case !fresh && at < 0:
			return errRule(rule.RoutingRuleId)
		}
		for i := range rows {
			if i != at && *rows[i].Value.Priority == *rule.Priority {
				return api.ConflictException("A routing rule with priority " + strconv.Itoa(int(*rule.Priority)) + " already exists for this domain name")
			}
		}
		if err := requireNoHTTPMappings(ctx, t, domain); err != nil {
			return err
		}
		if err := requireRuleTarget(ctx, c, t, domain, rule.Actions[0].InvokeApi); err != nil {
			return err
		}
		rule.RoutingRuleArn = new(arn.ARN{Partition: arn.Partition(t.Scope.Region), Service: "apigateway", Region: t.Scope.Region, Account: t.Scope.Account,
			Resource: "/domainnames/" + domain + "/routingrules/" + *rule.RoutingRuleId}.String())
		// Whoever adds a rule writes the domain: so no two get the same priority.
		c.Require(t.DomainNames.Is(store.ID(domain), rev))
		store.Add(c, t.DomainNames, store.ID(domain), dom)
		store.Add(c, t.RoutingRules, store.ID(domain, *rule.RoutingRuleId), record.RoutingRule{RoutingRule: *rule, Scope: t.Scope, DomainName: domain})
		return nil
	}))
}

// requireNoHTTPMappings refuses rules for a domain that HTTP APIs are mapped to.
func requireNoHTTPMappings(ctx context.Context, t record.Tables, domain string) error {
	mappings, err := t.BasePathMappings.All(ctx, domain)
	if err != nil {
		return err
	}
	for _, m := range mappings {
		if _, rev, err := t.APIs.Find(ctx, nil, str(m.Value.RestApiId)); err != nil {
			return err
		} else if rev != 0 {
			return bad("Routing rules are not supported for domain names with mappings to HTTP or WebSocket APIs")
		}
	}
	return nil
}

// requireRuleTarget demands that a rule leads to a stage of a REST API, of a
// PRIVATE one if the domain is private.
func requireRuleTarget(ctx context.Context, c *store.Change, t record.Tables, domain string, target *api.RoutingRuleActionInvokeApi) error {
	id, stage := str(target.ApiId), str(target.Stage)
	a, rev, err := t.RestAPIs.Find(ctx, bad("Invalid API identifier specified"), id)
	if err != nil {
		return err
	}
	private := a.EndpointConfiguration != nil && slices.Contains(a.EndpointConfiguration.Types, rest.EndpointTypePrivate)
	if private != record.IsPrivateDomain(domain) {
		return bad("A private domain name routes to private APIs, a public one to others")
	}
	c.Require(t.RestAPIs.Is(store.ID(id), rev))
	if _, rev, err = t.Stages.Find(ctx, bad("Invalid stage identifier specified"), id, stage); err == nil {
		c.Require(t.Stages.Is(store.ID(id, stage), rev))
	}
	return err
}

// checkRule refuses what is no rule.
func checkRule(rule *api.RoutingRule) error {
	switch {
	case rule.Priority == nil || *rule.Priority < 1 || *rule.Priority > maxRulePriority:
		return bad("The priority of a routing rule must be between 1 and 1000000")
	case len(rule.Actions) != 1 || rule.Actions[0].InvokeApi == nil:
		return bad("A routing rule has one action, which invokes an API")
	}
	headers, paths := 0, 0
	for _, cond := range rule.Conditions {
		if (cond.MatchHeaders == nil) == (cond.MatchBasePaths == nil) {
			return bad("A condition of a routing rule matches either headers or base paths")
		}
		err := error(nil)
		if cond.MatchHeaders != nil {
			headers++
			err = checkRuleHeaders(cond.MatchHeaders)
		} else {
			paths++
			err = checkRulePaths(cond.MatchBasePaths)
		}
		if err != nil {
			return err
		}
	}
	if headers > 2 || paths > 1 {
		return bad("A routing rule has at most two conditions on headers and one on base paths")
	}
	return nil
}

func checkRulePaths(m *api.RoutingRuleMatchBasePaths) error {
	if len(m.AnyOf) != 1 {
		return bad("anyOf of matchBasePaths has exactly one item")
	}
	if p := strings.TrimPrefix(m.AnyOf[0], "/"); len(p) >= 128 || !mappingKey.MatchString(p) {
		return bad("Invalid base path specified: " + m.AnyOf[0])
	}
	return nil
}

var (
	ruleHeader = regexp.MustCompile("^[A-Za-z0-9?\\-!#$%&'.^_`|~]{1,39}$")
	ruleGlob   = regexp.MustCompile("^\\*?[A-Za-z0-9?\\-!#$%&'.^_`|~/,;=+: ()\"]*\\*?$")
)

// Names, and beginnings of names, that rules cannot match.
var (
	refusedNames = []string{"authorization", "connection", "content-encoding", "content-length", "content-location", "forwarded", "keep-alive", "origin",
		"proxy-authenticate", "proxy-authorization", "te", "trailers", "transfer-encoding", "upgrade", "x-apigw-api-id", "x-forwarded-for",
		"x-forwarded-host", "x-forwarded-proto", "x-restapi", "via"}
	refusedPrefixes = []string{"access-control-", "apigw-", "x-amz-", "x-amzn-"}
)

func checkRuleHeaders(m *api.RoutingRuleMatchHeaders) error {
	if len(m.AnyOf) != 1 {
		return bad("anyOf of matchHeaders has exactly one item")
	}
	name, glob := str(m.AnyOf[0].Header), str(m.AnyOf[0].ValueGlob)
	lower := strings.ToLower(name)
	begins := func(prefix string) bool { return strings.HasPrefix(lower, prefix) }
	longest := 127
	if strings.HasPrefix(glob, "*") && strings.HasSuffix(glob, "*") && len(glob) > 1 {
		longest = 39
	}
	switch {
	case !ruleHeader.MatchString(name) || slices.Contains(refusedNames, lower) || slices.ContainsFunc(refusedPrefixes, begins):
		return bad("Invalid header name specified: " + name)
	case glob == "" || len(glob) > longest || !ruleGlob.MatchString(glob):
		return bad("Invalid header value glob specified: " + glob)
	}
	return nil
}

// GetRoutingRule returns one rule.
func (s *Service) GetRoutingRule(ctx context.Context, in *api.GetRoutingRuleInput) (*api.GetRoutingRuleResponse, error) {
	t := s.tables(ctx)
	domain, _, _, err := ruleDomain(ctx, t, in.DomainName, in.DomainNameId)
	if err != nil {
		return nil, err
	}
	rec, _, err := t.RoutingRules.Find(ctx, errRule(in.RoutingRuleId), domain, str(in.RoutingRuleId))
	return new(api.GetRoutingRuleResponse(rec.RoutingRule)), err
}

// ListRoutingRules lists the rules of a domain name, in the order in which they
// are tried.
func (s *Service) ListRoutingRules(ctx context.Context, in *api.ListRoutingRulesInput) (*api.ListRoutingRulesResponse, error) {
	t := s.tables(ctx)
	domain, _, _, err := ruleDomain(ctx, t, in.DomainName, in.DomainNameId)
	if err != nil {
		return nil, err
	}
	rows, err := t.RoutingRules.All(ctx, domain)
	if err != nil {
		return nil, err
	}
	rules := make([]api.RoutingRule, len(rows))
	for i := range rows {
		rules[i] = rows[i].Value.RoutingRule
	}
	slices.SortFunc(rules, func(a, b api.RoutingRule) int { return cmp.Compare(*a.Priority, *b.Priority) })
	var limit *string
	if in.MaxResults != nil {
		limit = new(strconv.Itoa(int(*in.MaxResults)))
	}
	items, next, err := page(rules, func(r *api.RoutingRule) string { return *r.RoutingRuleId }, in.NextToken, limit)
	return &api.ListRoutingRulesResponse{RoutingRules: items, NextToken: next}, err
}

// DeleteRoutingRule removes a rule.
func (s *Service) DeleteRoutingRule(ctx context.Context, in *api.DeleteRoutingRuleInput) error {
	t := s.tables(ctx)
	return answer(store.Update(ctx, s.st, func(c *store.Change) error {
		domain, _, _, err := ruleDomain(ctx, t, in.DomainName, in.DomainNameId)
		if err != nil {
			return err
		}
		_, rev, err := t.RoutingRules.Find(ctx, errRule(in.RoutingRuleId), domain, str(in.RoutingRuleId))
		if err != nil {
			return err
		}
		id := store.ID(domain, str(in.RoutingRuleId))
		c.Require(t.RoutingRules.Is(id, rev))
		c.Do(t.RoutingRules.Delete(id))
		return nil
	}))
}
