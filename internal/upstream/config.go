package upstream

import (
	"crypto/tls"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A config is a Definition made ready to choose and judge by. It is replaced
// whole.
type config struct {
	given    Definition
	def      Definition // with defaults
	rule     balance
	hash     Selector
	sticky   *sticky   // nil: clients stay with no endpoint
	breaker  *breaker  // nil: none
	adaptive *adaptive // nil: the limit of requests is what it is
	high     []match
	low      []match
	retryOn  *statuses   // nil: none
	tls      *tls.Config // nil: as those who call say
	// timed: it matters how long answers take. waits: what is to be done takes a
	// goroutine to wait, so that no loop lends its connections.
	timed, waits bool
}

// newConfig makes a definition ready, which then is the group's. What it has in
// common with the one before goes on.
func newConfig(def Definition, opt *Options, was *config) (*config, error) {
	if err := def.Check(); err != nil {
		return nil, err
	}
	given := def
	def = def.withDefaults(opt)
	c := &config{given: given, def: def, rule: balances[def.Balance]}
	var err error
	if def.Hash != "" {
		if c.hash, err = ParseSelector(def.Hash, opt.Variables); err != nil {
			return nil, fmt.Errorf("hash: %w", err)
		}
	}
	if c.high, err = newMatches(def.Limits.High, opt.Variables); err == nil {
		c.low, err = newMatches(def.Limits.Low, opt.Variables)
	}
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	if def.Affinity != nil {
		c.sticky = newSticky(def.Affinity.Cookie, def.Affinity.MaxAge)
	}
	if def.Breaker != nil {
		c.breaker = newBreaker(*def.Breaker)
		if was != nil && was.breaker != nil && was.breaker.def == *def.Breaker {
			c.breaker = was.breaker
		}
	}
	if def.Limits.Adaptive != nil {
		c.adaptive = newAdaptive(*def.Limits.Adaptive)
		if was != nil && was.adaptive != nil && was.adaptive.def == *def.Limits.Adaptive {
			c.adaptive = was.adaptive
		}
	}
	if c.retryOn, err = parseStatuses(def.Retries.On); err != nil {
		return nil, err
	}
	if c.tls, err = def.TLS.config(); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	c.timed = c.rule == fastest || c.adaptive != nil || def.Breaker != nil && def.Breaker.Slow > 0
	c.waits = def.Protocol == "h2" || def.ProxyProtocol != "" || c.retryOn != nil || def.Retries.TryTimeout > 0 || def.Retries.Hedge > 0
	return c, nil
}

// A match is a Match made ready.
type match struct {
	by     Selector
	is     []string
	prefix string
}

func newMatches(list []Match, variables func(string) Variable) ([]match, error) {
	var all []match
	for _, m := range list {
		by, err := ParseSelector(m.By, variables)
		if err != nil {
			return nil, err
		}
		all = append(all, match{by, m.Is, m.Prefix})
	}
	return all, nil
}

// matches tells whether r is one of those that m is for.
func (m *match) matches(r Subject) bool {
	got := m.by.find(r)
	if got == "" || !strings.HasPrefix(got, m.prefix) {
		return false
	}
	for _, want := range m.is {
		if got == want {
			return true
		}
	}
	return len(m.is) == 0
}

func anyMatches(list []match, r Subject) bool {
	for i := range list {
		if list[i].matches(r) {
			return true
		}
	}
	return false
}

// A sticky is a cookie that keeps clients where they were.
type sticky struct {
	name       string
	attributes string
}

func newSticky(name string, maxAge time.Duration) *sticky {
	s := &sticky{name: name, attributes: "; Path=/; HttpOnly; SameSite=Lax"}
	if maxAge > 0 {
		s.attributes += "; Max-Age=" + strconv.Itoa(int(maxAge/time.Second))
	}
	return s
}

// get returns the number that r's cookie has.
func (s *sticky) get(r Subject) (uint64, bool) {
	if r == nil {
		return 0, false
	}
	id, err := strconv.ParseUint(cookie(r.Fields(), s.name), 16, 64)
	return id, err == nil
}

// give gives r's client a number to bring.
func (s *sticky) give(r Subject, id uint64) {
	if r != nil {
		r.SetCookie(s.name + "=" + strconv.FormatUint(id, 16) + s.attributes)
	}
}
