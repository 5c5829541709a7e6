package compile

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway"
	"gatehouse/internal/record"
)

// What the routing mode of a domain says: whether rules act, and whether
// mappings do. Those of the other kind are kept meanwhile.
//
// AWS: custom-domains.md §2.

func (m *mirror) ruled(id domainID) bool {
	mode := str(m.domains[id].RoutingMode)
	return mode == api.RoutingModeRoutingRuleOnly || mode == api.RoutingModeRoutingRuleThenBasePathMapping
}

func (m *mirror) mapped(id domainID) bool {
	return str(m.domains[id].RoutingMode) != api.RoutingModeRoutingRuleOnly
}

// rules makes the rules of a domain, in their order. One to a stage that is not
// served stays: its requests are forbidden, not given to the next.
func (c *Compiler) rules(id domainID, apis map[apiID]*gateway.API) []gateway.Rule {
	if !c.mirror.ruled(id) {
		return nil
	}
	var rules []gateway.Rule
	for _, rec := range slices.SortedFunc(maps.Values(c.mirror.rules[id]), comparePriorities) {
		rules = append(rules, rule(rec, func(restAPI, stage string) *gateway.Stage {
			a := apis[apiID{id.Scope, restAPI}]
			if a == nil || a.HTTP || a.Socket {
				return nil
			}
			return a.Stages[stage]
		}))
	}
	return rules
}

func comparePriorities(a, b *record.RoutingRule) int {
	return cmp.Or(cmp.Compare(*a.Priority, *b.Priority), cmp.Compare(str(a.RoutingRuleId), str(b.RoutingRuleId)))
}

func rule(rec *record.RoutingRule, stageOf func(restAPI, stage string) *gateway.Stage) gateway.Rule {
	r := gateway.Rule{ID: str(rec.RoutingRuleId)}
	for _, cond := range rec.Conditions {
		if cond.MatchBasePaths != nil {
			r.BasePath = strings.Trim(cond.MatchBasePaths.AnyOf[0], "/")
		}
		if cond.MatchHeaders != nil {
			h := cond.MatchHeaders.AnyOf[0]
			r.Headers = append(r.Headers, gateway.NewHeaderMatch(str(h.Header), str(h.ValueGlob)))
		}
	}
	target := rec.Actions[0].InvokeApi
	r.Strip, r.Stage = isTrue(target.StripBasePath), stageOf(str(target.ApiId), str(target.Stage))
	return r
}
