package xray

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/trace"
)

// SDKs choose requests by the same rules as the gateway, and share the reservoirs
// with it: every few seconds each client tells what it has chosen, and is told how
// much of each reservoir is its part until the next time. Parts are equal.
//
// AWS: "Using sampling rules with the X-Ray API". How AWS parts a reservoir is
// undocumented.

// How long clients wait before they ask again, and how long what they were lent
// is theirs.
//
// AWS: "Using sampling rules with the X-Ray API": ten seconds.
const (
	targetInterval = 10 * time.Second
	loanTime       = 15 * time.Second
)

// Bounds of calls and of what is known of clients.
const (
	mostStatistics = 25   // AWS: GetSamplingTargets
	mostClients    = 1000 // of one rule; further ones are told the rate only
	mostLenders    = 4096 // of rules in Regions where nothing is served; clients of further ones are told the rate only
	summariesAPage = 100
)

// lenders part the reservoirs of all rules. The zero value has lent nothing.
type lenders struct {
	mu     sync.Mutex // guards the field below
	byRule map[ruleKey]*lender
}

type ruleKey struct {
	scope record.Scope
	name  string
}

// A lender parts the reservoir of one rule.
type lender struct {
	clients map[string]time.Time // when each was last heard of
	minute  time.Time
	now     sampled // of minute, by the clients
	last    sampled // of the minute before
	lastAt  time.Time
	here    trace.Count // what the gateway had chosen by itself when the minute began
}

// sampled is what clients have counted.
type sampled struct{ requests, sampled, borrowed int32 }

// forget drops the clients that were not heard of for a while.
func (l *lender) forget(now time.Time) {
	maps.DeleteFunc(l.clients, func(_ string, seen time.Time) bool { return now.Sub(seen) > loanTime })
}

// turn closes a minute.
func (l *lender) turn(now time.Time, here trace.Count) {
	if minute := now.Truncate(time.Minute); minute.After(l.minute) {
		n := l.now
		n.requests += int32(here.Matched - l.here.Matched)
		n.sampled += int32(here.Sampled - l.here.Sampled)
		l.last, l.lastAt, l.now, l.here, l.minute = n, l.minute, sampled{}, here, minute
	}
}

// idle reports whether nothing is known of any client.
func (l *lender) idle() bool {
	return len(l.clients) == 0 && l.now == sampled{} && l.last == sampled{}
}

// part is the part of one of the clients in a reservoir; that of "" is the
// gateway's, which is the first.
func (l *lender) part(client string, reservoir int) int {
	names := append(slices.Sorted(maps.Keys(l.clients)), "")
	slices.Sort(names)
	i := slices.Index(names, client)
	if i < 0 {
		return 0
	}
	part := reservoir / len(names)
	if i < reservoir%len(names) {
		part++
	}
	return part
}

// ofLocked returns the lender of a rule, with its minute closed if that is over.
func (ls *lenders) ofLocked(key ruleKey, now time.Time, here trace.Count) *lender {
	l := ls.byRule[key]
	if l == nil {
		if ls.byRule == nil {
			ls.byRule = map[ruleKey]*lender{}
		}
		l = &lender{clients: map[string]time.Time{}, minute: now.Truncate(time.Minute), here: here}
		ls.byRule[key] = l
	}
	l.turn(now, here)
	return l
}

// GetSamplingTargets takes what a client has chosen, and says what it is to choose
// from now on.
func (s *Service) GetSamplingTargets(ctx context.Context, in *api.GetSamplingTargetsInput) (*api.GetSamplingTargetsResponse, error) {
	if len(in.SamplingStatisticsDocuments) > mostStatistics {
		return nil, invalid("SamplingStatisticsDocuments: at most %d can be told at once", mostStatistics)
	}
	if len(in.SamplingBoostStatisticsDocuments) > 0 {
		return nil, noBoost.refuse()
	}
	scope := scopeOf(ctx)
	rules, err := s.allRules(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := &api.GetSamplingTargetsResponse{
		SamplingTargetDocuments: []api.SamplingTargetDocument{}, UnprocessedStatistics: []api.UnprocessedStatistics{},
		LastRuleModification: new(lastChange(rules)),
	}
	for i := range in.SamplingStatisticsDocuments {
		d := &in.SamplingStatisticsDocuments[i]
		j := slices.IndexFunc(rules, func(r ruleRecord) bool { return *r.Rule.RuleName == *d.RuleName })
		switch {
		case len(*d.ClientID) != 24 || !isHex(*d.ClientID):
			out.UnprocessedStatistics = append(out.UnprocessedStatistics, unprocessed(*d.RuleName, "InvalidClientID", "ClientID has 24 hexadecimal digits"))
		case j < 0:
			out.UnprocessedStatistics = append(out.UnprocessedStatistics, unprocessed(*d.RuleName, "NotFound", "The sampling rule "+*d.RuleName+" does not exist"))
		default:
			out.SamplingTargetDocuments = append(out.SamplingTargetDocuments, s.lend(scope, &rules[j].Rule, d))
		}
	}
	return out, nil
}

func unprocessed(rule, code, message string) api.UnprocessedStatistics {
	return api.UnprocessedStatistics{RuleName: new(rule), ErrorCode: new(code), Message: new(message)}
}

// lend takes in what a client has chosen by a rule, and parts its reservoir anew.
func (s *Service) lend(scope record.Scope, rule *api.SamplingRule, d *api.SamplingStatisticsDocument) api.SamplingTargetDocument {
	now, sampler, key := time.Now(), s.known(scope), ruleKey{scope, *rule.RuleName}
	here := s.counts(scope)[key.name]
	s.clients.mu.Lock()
	defer s.clients.mu.Unlock()
	if sampler == nil && s.clients.byRule[key] == nil && len(s.clients.byRule) >= mostLenders {
		return target(rule, 0, now)
	}
	l := s.clients.ofLocked(key, now, here)
	l.forget(now)
	if _, known := l.clients[*d.ClientID]; known || len(l.clients) < mostClients {
		l.clients[*d.ClientID] = now
	}
	l.now.requests += *d.RequestCount
	l.now.sampled += *d.SampledCount
	if d.BorrowCount != nil {
		l.now.borrowed += *d.BorrowCount
	}
	reservoir := int(*rule.ReservoirSize)
	if sampler != nil {
		sampler.Lend(key.name, l.part("", reservoir))
	}
	return target(rule, l.part(*d.ClientID, reservoir), now)
}

// target tells a client its part of a rule's reservoir.
func target(rule *api.SamplingRule, part int, now time.Time) api.SamplingTargetDocument {
	return api.SamplingTargetDocument{
		RuleName: rule.RuleName, FixedRate: rule.FixedRate, Interval: new(int32(targetInterval / time.Second)),
		ReservoirQuota: new(int32(part)), ReservoirQuotaTTL: new(now.Add(loanTime).Truncate(time.Second)),
	}
}

// reclaim gives the gateway back what clients that are gone were lent. Run does it
// every few seconds.
func (s *Service) reclaim(now time.Time) {
	s.clients.mu.Lock()
	defer s.clients.mu.Unlock()
	for key, l := range s.clients.byRule {
		sampler := s.known(key.scope)
		here, ok := s.counts(key.scope)[key.name]
		l.forget(now)
		l.turn(now, here)
		if sampler == nil {
			if l.idle() {
				delete(s.clients.byRule, key)
			}
			continue
		}
		if !ok { // the rule is gone
			delete(s.clients.byRule, key)
			continue
		}
		sampler.Lend(key.name, l.part("", sampler.Reservoir(key.name)))
	}
}

// lastChange is when a rule was changed last, or made.
func lastChange(rules []ruleRecord) time.Time {
	var last time.Time
	for i := range rules {
		if m := rules[i].Modified; m.After(last) {
			last = m
		}
	}
	return last
}

// GetSamplingStatisticSummaries tells what rules have chosen in the last full
// minute, of the gateway and of the clients that tell.
func (s *Service) GetSamplingStatisticSummaries(ctx context.Context, in *api.GetSamplingStatisticSummariesInput) (*api.GetSamplingStatisticSummariesResponse, error) {
	scope := scopeOf(ctx)
	rules, err := s.allRules(ctx, scope)
	if err != nil {
		return nil, err
	}
	counts, now := s.counts(scope), time.Now()
	list := make([]api.SamplingStatisticSummary, 0, len(rules))
	s.clients.mu.Lock()
	for i := range rules {
		name := *rules[i].Rule.RuleName
		l := s.clients.byRule[ruleKey{scope, name}]
		if l != nil || counts != nil {
			l = s.clients.ofLocked(ruleKey{scope, name}, now, counts[name])
		} else { // nobody counts
			l = &lender{minute: now.Truncate(time.Minute)}
		}
		at := l.lastAt
		if at.IsZero() { // there was none since the start
			at = l.minute
		}
		list = append(list, api.SamplingStatisticSummary{
			RuleName: new(name), Timestamp: new(at), RequestCount: new(l.last.requests), SampledCount: new(l.last.sampled), BorrowCount: new(l.last.borrowed),
		})
	}
	s.clients.mu.Unlock()
	slices.SortFunc(list, func(a, b api.SamplingStatisticSummary) int { return strings.Compare(*a.RuleName, *b.RuleName) })
	page, next, ok := awsrpc.Page(list, func(r *api.SamplingStatisticSummary) string { return *r.RuleName }, in.NextToken, summariesAPage)
	if !ok {
		return nil, errToken()
	}
	return &api.GetSamplingStatisticSummariesResponse{SamplingStatisticSummaries: page, NextToken: next}, nil
}
