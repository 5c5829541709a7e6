package xray

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/trace"
)

const (
	keyService = "xray"
	keyRule    = "samplingrule"
	keyGroup   = "group"
)

// Limits of rules.
//
// AWS: "AWS X-Ray endpoints and quotas": 25 rules of one's own.
const (
	maxRules   = 25
	rulesAPage = 100
)

// A ruleRecord is a sampling rule as it is stored. The default rule is stored only
// once it was changed.
type ruleRecord struct {
	Rule              api.SamplingRule
	Created, Modified time.Time
	Tags              map[string]string
}

func (s *Service) rules(scope record.Scope) store.Table[ruleRecord] {
	return store.NewTable[ruleRecord](s.st, store.Prefix(scope.Account, scope.Region, keyService, keyRule))
}

// runs is the rule as it is asked.
func (r *ruleRecord) runs() trace.Rule {
	a := &r.Rule
	return trace.Rule{
		Name: str(a.RuleName), Priority: int(*a.Priority), Reservoir: int(*a.ReservoirSize), Rate: *a.FixedRate, Service: *a.ServiceName, Type: *a.ServiceType,
		Host: *a.Host, Method: *a.HTTPMethod, Path: *a.URLPath, Resource: *a.ResourceARN, Attributes: a.Attributes,
	}
}

func ruleARN(scope record.Scope, name string) string { return newARN(scope, "sampling-rule/"+name) }

// defaultRule is the default rule as long as nobody has changed it.
//
// AWS: recorded (terraform-provider-aws issue 49597): it was made in 1970.
func (s *Service) defaultRule(scope record.Scope) ruleRecord {
	r := trace.Default()
	for _, local := range s.opt.Rules {
		if local.Name == trace.DefaultRule {
			r.Reservoir, r.Rate = local.Reservoir, local.Rate
		}
	}
	return ruleRecord{Created: time.Unix(0, 0), Modified: time.Unix(0, 0), Rule: api.SamplingRule{
		RuleName: new(r.Name), RuleARN: new(ruleARN(scope, r.Name)), Priority: new(int32(r.Priority)), ReservoirSize: new(int32(r.Reservoir)), FixedRate: new(r.Rate),
		ServiceName: new("*"), ServiceType: new("*"), Host: new("*"), HTTPMethod: new("*"), URLPath: new("*"), ResourceARN: new("*"),
		Version: new(int32(1)), Attributes: map[string]string{},
	}}
}

// ruleName is the name that a rule is called by, by itself or in an ARN.
func ruleName(scope record.Scope, name, resource *string) (string, error) {
	switch {
	case name != nil && resource != nil:
		return "", invalid("Either RuleName or RuleARN must be specified, but not both")
	case name != nil:
		return *name, nil
	case resource == nil:
		return "", invalid("Either RuleName or RuleARN must be specified")
	}
	a, err := arn.Parse(*resource)
	id, isRule := strings.CutPrefix(a.Resource, "sampling-rule/")
	if err != nil || a.Service != "xray" || !isRule || a.Account != scope.Account || a.Region != scope.Region {
		return "", invalid("Invalid ARN %s: the ARN of a sampling rule of this account and Region is needed", *resource)
	}
	return id, nil
}

// checkRule refuses what a rule cannot be.
//
// AWS: SamplingRule.
func checkRule(r *api.SamplingRule) error {
	var list []string
	bad := func(is bool, text string) {
		if is {
			list = append(list, text)
		}
	}
	name := str(r.RuleName)
	bad(name == "" || len(name) > 32, "RuleName has 1 to 32 characters")
	bad(*r.Priority < 1 || *r.Priority > 9999 && name != trace.DefaultRule, "Priority is from 1 to 9999")
	bad(!(*r.FixedRate >= 0 && *r.FixedRate <= 1), "FixedRate is from 0 to 1")
	bad(*r.ReservoirSize < 0, "ReservoirSize is not negative")
	bad(len(*r.ServiceName) > 64, "ServiceName has at most 64 characters")
	bad(len(*r.ServiceType) > 64, "ServiceType has at most 64 characters")
	bad(len(*r.Host) > 64, "Host has at most 64 characters")
	bad(len(*r.HTTPMethod) > 10, "HTTPMethod has at most 10 characters")
	bad(len(*r.URLPath) > 128, "URLPath has at most 128 characters")
	bad(len(*r.ResourceARN) > 500, "ResourceARN has at most 500 characters")
	bad(*r.Version != 1, "Version is 1")
	bad(len(r.Attributes) > 5, "there are at most 5 Attributes")
	for _, key := range slices.Sorted(maps.Keys(r.Attributes)) {
		value := r.Attributes[key]
		bad(key == "" || len(key) > 32 || value == "" || len(value) > 32, "keys and values of Attributes have 1 to 32 characters")
	}
	if len(list) > 0 {
		return invalid("Invalid sampling rule: %s", strings.Join(slices.Compact(list), "; "))
	}
	if r.SamplingRateBoost != nil {
		return noBoost.refuse()
	}
	return nil
}

// CreateSamplingRule makes a rule.
func (s *Service) CreateSamplingRule(ctx context.Context, in *api.CreateSamplingRuleInput) (*api.CreateSamplingRuleResponse, error) {
	scope := scopeOf(ctx)
	rule := *in.SamplingRule
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if rule.RuleName, err = nameOrNew(scope, &rule); err != nil {
		return nil, err
	}
	if err := checkRule(&rule); err != nil {
		return nil, err
	}
	if *rule.RuleName == trace.DefaultRule {
		return nil, invalid("The sampling rule %s already exists", trace.DefaultRule)
	}
	rule.RuleARN = new(ruleARN(scope, *rule.RuleName))
	if rule.Attributes == nil {
		rule.Attributes = map[string]string{}
	}
	now := time.Now().Truncate(time.Second)
	rec := ruleRecord{Rule: rule, Created: now, Modified: now, Tags: tags}
	err = s.changeRules(ctx, scope, func(c *store.Change, t store.Table[ruleRecord], all []store.Row[ruleRecord]) error {
		own := 0
		for i := range all {
			other := &all[i].Value.Rule
			switch {
			case *other.RuleName == *rule.RuleName:
				return invalid("The sampling rule %s already exists", *rule.RuleName)
			case *other.RuleName != trace.DefaultRule:
				own++
			}
		}
		if own >= maxRules {
			return api.RuleLimitExceededException("The maximum number of sampling rules has been reached")
		}
		id := store.ID(*rule.RuleName)
		c.Require(t.Absent(id))
		store.Add(c, t, id, rec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateSamplingRuleResponse{SamplingRuleRecord: rec.shown()}, nil
}

// nameOrNew is the name of a rule that is to be made; its ARN may tell it.
func nameOrNew(scope record.Scope, rule *api.SamplingRule) (*string, error) {
	name, err := ruleName(scope, rule.RuleName, rule.RuleARN)
	return &name, err
}

// changeRules changes rules as of one moment.
func (s *Service) changeRules(ctx context.Context, scope record.Scope, how func(c *store.Change, t store.Table[ruleRecord], all []store.Row[ruleRecord]) error) error {
	t := s.rules(scope)
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		all, err := t.All(ctx)
		if err != nil {
			return err
		}
		return how(c, t, all)
	})
	if errors.Is(err, store.ErrConflict) {
		return api.ThrottledException("Too many changes of sampling rules at once")
	}
	return err
}

func (r *ruleRecord) shown() *api.SamplingRuleRecord {
	return &api.SamplingRuleRecord{SamplingRule: &r.Rule, CreatedAt: new(r.Created), ModifiedAt: new(r.Modified)}
}

// UpdateSamplingRule changes what is named of a rule.
func (s *Service) UpdateSamplingRule(ctx context.Context, in *api.UpdateSamplingRuleInput) (*api.UpdateSamplingRuleResponse, error) {
	scope, u := scopeOf(ctx), in.SamplingRuleUpdate
	name, err := ruleName(scope, u.RuleName, u.RuleARN)
	if err != nil {
		return nil, err
	}
	var next ruleRecord
	err = s.changeRules(ctx, scope, func(c *store.Change, t store.Table[ruleRecord], all []store.Row[ruleRecord]) error {
		id := store.ID(name)
		i := slices.IndexFunc(all, func(r store.Row[ruleRecord]) bool { return r.ID == id })
		switch {
		case i >= 0:
			next = all[i].Value
			c.Require(t.Is(id, all[i].Rev))
		case name == trace.DefaultRule:
			next = s.defaultRule(scope)
			c.Require(t.Absent(id))
		default:
			return errNoRule(name)
		}
		if err := next.update(u); err != nil {
			return err
		}
		next.Modified = time.Now().Truncate(time.Second)
		store.Add(c, t, id, next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateSamplingRuleResponse{SamplingRuleRecord: next.shown()}, nil
}

func errNoRule(name string) error { return invalid("The sampling rule %s does not exist", name) }

// update changes a rule.
//
// AWS: recorded (terraform-provider-aws issue 49597): of the default rule only the
// reservoir and the rate can be changed.
func (r *ruleRecord) update(u *api.SamplingRuleUpdate) error {
	if *r.Rule.RuleName == trace.DefaultRule &&
		(u.Priority != nil || u.Host != nil || u.HTTPMethod != nil || u.ResourceARN != nil || u.ServiceName != nil || u.ServiceType != nil || u.URLPath != nil || len(u.Attributes) > 0) {
		return invalid("Invalid update request for default sampling rule")
	}
	a := r.Rule
	a.FixedRate, a.Priority, a.ReservoirSize = cmp.Or(u.FixedRate, a.FixedRate), cmp.Or(u.Priority, a.Priority), cmp.Or(u.ReservoirSize, a.ReservoirSize)
	a.Host, a.HTTPMethod, a.URLPath = cmp.Or(u.Host, a.Host), cmp.Or(u.HTTPMethod, a.HTTPMethod), cmp.Or(u.URLPath, a.URLPath)
	a.ResourceARN, a.ServiceName, a.ServiceType = cmp.Or(u.ResourceARN, a.ResourceARN), cmp.Or(u.ServiceName, a.ServiceName), cmp.Or(u.ServiceType, a.ServiceType)
	if u.Attributes != nil {
		a.Attributes = u.Attributes
	}
	a.SamplingRateBoost = u.SamplingRateBoost
	r.Rule = a
	return checkRule(&r.Rule)
}

// DeleteSamplingRule removes a rule.
func (s *Service) DeleteSamplingRule(ctx context.Context, in *api.DeleteSamplingRuleInput) (*api.DeleteSamplingRuleResponse, error) {
	scope := scopeOf(ctx)
	name, err := ruleName(scope, in.RuleName, in.RuleARN)
	if err != nil {
		return nil, err
	}
	if name == trace.DefaultRule {
		return nil, invalid("The default sampling rule cannot be deleted")
	}
	var rec ruleRecord
	err = s.changeRules(ctx, scope, func(c *store.Change, t store.Table[ruleRecord], all []store.Row[ruleRecord]) error {
		id := store.ID(name)
		i := slices.IndexFunc(all, func(r store.Row[ruleRecord]) bool { return r.ID == id })
		if i < 0 {
			return errNoRule(name)
		}
		rec = all[i].Value
		c.Require(t.Is(id, all[i].Rev))
		c.Do(t.Delete(id))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteSamplingRuleResponse{SamplingRuleRecord: rec.shown()}, nil
}

// allRules are the rules of a Region in the order in which they are asked, the
// default rule last.
func (s *Service) allRules(ctx context.Context, scope record.Scope) ([]ruleRecord, error) {
	rows, err := s.rules(scope).All(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]ruleRecord, len(rows))
	for i := range rows {
		list[i] = rows[i].Value
	}
	if !slices.ContainsFunc(list, func(r ruleRecord) bool { return *r.Rule.RuleName == trace.DefaultRule }) {
		list = append(list, s.defaultRule(scope))
	}
	slices.SortFunc(list, func(a, b ruleRecord) int {
		return cmp.Or(cmp.Compare(*a.Rule.Priority, *b.Rule.Priority), strings.Compare(*a.Rule.RuleName, *b.Rule.RuleName))
	})
	return list, nil
}

// GetSamplingRules returns the rules.
func (s *Service) GetSamplingRules(ctx context.Context, in *api.GetSamplingRulesInput) (*api.GetSamplingRulesResponse, error) {
	list, err := s.allRules(ctx, scopeOf(ctx))
	if err != nil {
		return nil, err
	}
	page, next, ok := awsrpc.Page(list, func(r *ruleRecord) string { return *r.Rule.RuleName }, in.NextToken, rulesAPage)
	if !ok {
		return nil, errToken()
	}
	out := &api.GetSamplingRulesResponse{NextToken: next, SamplingRuleRecords: make([]api.SamplingRuleRecord, len(page))}
	for i := range page {
		out.SamplingRuleRecords[i] = *page[i].shown()
	}
	return out, nil
}
