package trace

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/limit"
	"gatehouse/internal/wire"
)

// A Rule is a sampling rule. Texts but Name are patterns; of Attributes, the
// values are.
//
// AWS: "Configure sampling rules".
type Rule struct {
	Name       string
	Priority   int     // from 1; the first that fits decides
	Reservoir  int     // requests a second that are chosen in any case
	Rate       float64 // share of the others, from 0 to 1
	Service    string  // name of the service; of an API {API name}/{stage}
	Type       string  // origin, as in AWS::ApiGateway::Stage
	Host       string
	Method     string
	Path       string
	Resource   string            // ARN
	Attributes map[string]string // header fields
}

// DefaultRule is the name of the rule that fits all requests. It stands last.
const DefaultRule = "Default"

// Default is X-Ray's default rule.
//
// AWS: "Configure sampling rules": the first request of each second, and five
// percent of the others.
func Default() Rule {
	return Rule{Name: DefaultRule, Priority: 10000, Reservoir: 1, Rate: 0.05,
		Service: "*", Type: "*", Host: "*", Method: "*", Path: "*", Resource: "*"}
}

// A Sampler holds the rules of a Region, and counts what they choose. It is safe
// for any number of goroutines.
type Sampler struct {
	rules atomic.Pointer[[]*rule] // in the order in which they are asked; replaced whole

	mu     sync.Mutex        // guards the fields below
	states map[string]*state // by the name of a rule: what outlives its changes
}

// A rule is a Rule with what there is of it at run time.
type rule struct {
	Rule
	*state
}

// A state is what a rule has used and chosen.
type state struct {
	reservoir *limit.Bucket
	matched   atomic.Uint64
	sampled   atomic.Uint64
}

// NewSampler returns a sampler with these rules; the default rule stands behind
// them if it is not among them.
func NewSampler(rules ...Rule) *Sampler {
	s := &Sampler{states: map[string]*state{}}
	s.Set(rules)
	return s
}

// Set replaces all rules. What is left of the reservoir of a rule that stays is
// kept.
func (s *Sampler) Set(rules []Rule) {
	if !slices.ContainsFunc(rules, func(r Rule) bool { return r.Name == DefaultRule }) {
		rules = append(slices.Clip(rules), Default())
	}
	list := make([]*rule, len(rules))
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make(map[string]*state, len(rules))
	for i := range rules {
		r := &rule{Rule: rules[i], state: s.states[rules[i].Name]}
		if r.state == nil {
			r.state = &state{reservoir: limit.NewBucket(float64(r.Reservoir), r.Reservoir)}
		}
		r.reservoir.Set(float64(r.Reservoir), r.Reservoir)
		states[r.Name], list[i] = r.state, r
	}
	// AWS: rules of the same priority are asked in the order of their names.
	slices.SortStableFunc(list, func(a, b *rule) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
	})
	s.states = states
	s.rules.Store(&list)
}

// Lend sets how many requests a second of a rule's reservoir are chosen here:
// others choose the rest.
func (s *Sampler) Lend(name string, here int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.states[name]; st != nil {
		st.reservoir.Set(float64(here), here)
	}
}

// Reservoir is the whole reservoir of a rule, here and elsewhere.
func (s *Sampler) Reservoir(name string) int {
	for _, r := range *s.rules.Load() {
		if r.Name == name {
			return r.Reservoir
		}
	}
	return 0
}

// A Count is what a rule was asked and has chosen since the start.
type Count struct{ Matched, Sampled uint64 }

// Counts are the counts of the rules by their names.
func (s *Sampler) Counts() map[string]Count {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]Count, len(s.states))
	for name, st := range s.states {
		counts[name] = Count{st.matched.Load(), st.sampled.Load()}
	}
	return counts
}

// A Subject is a request that may be chosen.
type Subject struct {
	Host, Method, Path string
	Header             *wire.Header // nil: it has none
	Now                time.Time
	Draw               float64 // a random number from 0 to 1, 1 not included
}

// A Chooser chooses among the requests of one service.
type Chooser struct {
	s                    *Sampler
	name, kind, resource string
	fitting              atomic.Pointer[fitting]
}

// A fitting is which rules can fit a service at all.
type fitting struct {
	of   *[]*rule
	list []*rule
}

// Chooser returns a chooser for a service, by its name, origin and ARN.
func (s *Sampler) Chooser(name, origin, resource string) *Chooser {
	c := &Chooser{s: s, name: name, kind: origin, resource: resource}
	c.fit(s.rules.Load())
	return c
}

// fit finds out which rules can fit, once after each change of them.
func (c *Chooser) fit(rules *[]*rule) *fitting {
	f := &fitting{of: rules}
	for _, r := range *rules {
		if matches(r.Service, c.name) && matches(r.Type, c.kind) && matches(r.Resource, c.resource) {
			f.list = append(f.list, r)
		}
	}
	c.fitting.Store(f)
	return f
}

// Choose says whether a request is to be traced, and by which rule.
func (c *Chooser) Choose(q *Subject) (name string, chosen bool) {
	f := c.fitting.Load()
	if rules := c.s.rules.Load(); f.of != rules {
		f = c.fit(rules)
	}
	for _, r := range f.list {
		if !r.fits(q) {
			continue
		}
		r.matched.Add(1)
		if r.reservoir.TakeAt(q.Now) || q.Draw < r.Rate {
			r.sampled.Add(1)
			return r.Name, true
		}
		return r.Name, false
	}
	return "", false
}

func (r *rule) fits(q *Subject) bool {
	if !matches(r.Method, q.Method) || !matches(r.Host, q.Host) || !matches(r.Path, q.Path) {
		return false
	}
	for name, pattern := range r.Attributes {
		if q.Header == nil || !matches(pattern, q.Header.Get(name)) {
			return false
		}
	}
	return true
}
