package upstream

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"gatehouse/internal/wire"
)

// A Release gives the requests that call NAME.cluster to other clusters: to one
// by rules, else by weights, and perhaps a copy of some to one more.
type Release struct {
	Targets []Target `yaml:"targets"`
	Rules   []Rule   `yaml:"rules"` // the first that matches decides
	// Stay keeps clients on their side while weights are what they are, and as
	// long as a growing share lets it: by a cookie, or by what a selector finds.
	Stay   *Stay   `yaml:"stay"`
	Mirror *Mirror `yaml:"mirror"`
	// Canary raises the share of a target step by step as long as it does well.
	Canary *Canary `yaml:"canary"`
}

// A Target is a cluster of endpoints that gets a part of a release.
type Target struct {
	Cluster string `yaml:"cluster"`
	Weight  int    `yaml:"weight"` // of the sum of all; 0: rules only
}

// A Rule gives requests that match to a target.
type Rule struct {
	Match  `yaml:",inline"`
	Target string `yaml:"target"`
}

// Stay says how clients are known again: by one of these.
type Stay struct {
	Cookie string        `yaml:"cookie"`
	MaxAge time.Duration `yaml:"max-age"` // of the cookie; 0: as long as the client's session
	By     string        `yaml:"by"`      // a Selector
}

// A Mirror sends copies of requests to a cluster, whose answers go nowhere.
type Mirror struct {
	Cluster string `yaml:"cluster"`
	Share   Share  `yaml:"share"` // 100 %
	// Compare looks whether the answers are alike: status, headers, and bodies,
	// JSON by its values. Ignore are header names and JSON pointers that may
	// differ.
	Compare bool     `yaml:"compare"`
	Ignore  []string `yaml:"ignore"`
}

// A Canary is how the share of a target rises: step by step, each for an
// interval and so many requests at least, while its requests do well. As soon
// as they do not, the share falls to nothing.
type Canary struct {
	Target    string        `yaml:"target"`
	Steps     []Share       `yaml:"steps"`      // 5 %, 25 %, 50 %; after the last it gets everything
	Interval  time.Duration `yaml:"interval"`   // 1 min
	Minimum   int           `yaml:"minimum"`    // 100 requests of a step before it is judged
	ErrorRate Share         `yaml:"error-rate"` // 1 %: more requests without an answer, or with a status from 500 on, are too many
	// P50, P90 and P99 are times in which that part of the answers must have
	// begun; 0: it does not matter.
	P50 time.Duration `yaml:"p50"`
	P90 time.Duration `yaml:"p90"`
	P99 time.Duration `yaml:"p99"`
}

// Bounds of a Release.
const (
	maxTargets = 20
	maxRules   = 100
	maxIgnored = 100
	maxSteps   = 50
	minStep    = Share(0.001)
)

// WithDefaults returns c with all that it leaves open.
func (c Canary) WithDefaults() Canary {
	if len(c.Steps) == 0 {
		c.Steps = []Share{0.05, 0.25, 0.5}
	}
	setDefault(&c.Interval, time.Minute)
	setDefault(&c.Minimum, 100)
	setDefault(&c.ErrorRate, 0.01)
	return c
}

// Check reports what cannot be in a release. variables finds $context variables.
func (r *Release) Check(variables func(name string) Variable) error {
	var errs []error
	if len(r.Targets) == 0 || len(r.Targets) > maxTargets || len(r.Rules) > maxRules {
		errs = append(errs, fmt.Errorf("want 1 to %d targets, and no more than %d rules", maxTargets, maxRules))
	}
	seen, sum := map[string]bool{}, 0
	for _, t := range r.Targets {
		if t.Cluster == "" || seen[t.Cluster] {
			errs = append(errs, fmt.Errorf("targets: %q is no name, or is there twice", t.Cluster))
		}
		if t.Weight < 0 || t.Weight > maxWeight {
			errs = append(errs, fmt.Errorf("targets: %s: the weight is not between 0 and %d", t.Cluster, maxWeight))
		}
		seen[t.Cluster] = true
		sum += t.Weight
	}
	if sum == 0 {
		errs = append(errs, errors.New("targets: one needs a weight"))
	}
	for _, rule := range r.Rules {
		if !seen[rule.Target] {
			errs = append(errs, fmt.Errorf("rules: %q is none of the targets", rule.Target))
		}
		if _, err := ParseSelector(rule.By, variables); err != nil {
			errs = append(errs, fmt.Errorf("rules: %w", err))
		}
	}
	errs = append(errs, r.Stay.check(variables), r.Mirror.check(), r.Canary.check(r))
	return errors.Join(errs...)
}

func (s *Stay) check(variables func(name string) Variable) error {
	switch {
	case s == nil:
		return nil
	case (s.Cookie == "") == (s.By == ""), s.Cookie != "" && !wire.ValidToken(s.Cookie), s.MaxAge < 0, s.MaxAge > 0 && s.Cookie == "":
		return errors.New("stay: want a cookie, perhaps with a max-age, or by")
	case s.By != "":
		if _, err := ParseSelector(s.By, variables); err != nil {
			return fmt.Errorf("stay: %w", err)
		}
	}
	return nil
}

func (m *Mirror) check() error {
	switch {
	case m == nil:
		return nil
	case m.Cluster == "":
		return errors.New("mirror: want a cluster")
	case len(m.Ignore) > 0 && !m.Compare:
		return errors.New("mirror: ignore: nothing is compared")
	case len(m.Ignore) > maxIgnored:
		return fmt.Errorf("mirror: ignore: %d are more than %d", len(m.Ignore), maxIgnored)
	}
	return nil
}

func (c *Canary) check(r *Release) error {
	if c == nil {
		return nil
	}
	if len(r.Targets) != 2 || !slices.ContainsFunc(r.Targets, func(t Target) bool { return t.Cluster == c.Target }) {
		return errors.New("canary: want two targets, of which it is one")
	}
	if c.Interval < 0 || c.Minimum < 0 || c.P50 < 0 || c.P90 < 0 || c.P99 < 0 {
		return fmt.Errorf("canary: %w", errNegative)
	}
	if len(c.Steps) > maxSteps || !slices.IsSorted(c.Steps) || len(c.Steps) > 0 && c.Steps[0] < minStep {
		return fmt.Errorf("canary: steps: want no more than %d shares of %v or more, each larger than the one before", maxSteps, minStep)
	}
	return nil
}

// Clusters are the names of the clusters that r needs.
func (r *Release) Clusters() []string {
	var list []string
	for _, t := range r.Targets {
		list = append(list, t.Cluster)
	}
	if r.Mirror != nil {
		list = append(list, r.Mirror.Cluster)
	}
	return list
}

// A release is a Release made ready. It is replaced whole.
type release struct {
	def    Release
	ends   []uint64 // where the part of the circle of each target ends
	rules  []rule
	cookie *sticky
	by     Selector
	tracks []*track // of the targets
	mirror *mirror
}

type rule struct {
	match
	target int
}

// newRelease makes def ready. Counts of targets that was has too go on.
func newRelease(def Release, variables func(string) Variable, was *release) (*release, error) {
	if err := def.Check(variables); err != nil {
		return nil, err
	}
	r := &release{def: def}
	sum, upTo := 0, 0
	for _, t := range def.Targets {
		sum += t.Weight
	}
	for _, t := range def.Targets {
		upTo += t.Weight
		end := uint64(1<<64 - 1)
		if upTo < sum {
			end = uint64(float64(upTo) / float64(sum) * (1 << 64))
		}
		r.ends = append(r.ends, end)
		r.tracks = append(r.tracks, was.track(t.Cluster))
	}
	for _, d := range def.Rules {
		list, err := newMatches([]Match{d.Match}, variables)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(def.Targets, func(t Target) bool { return t.Cluster == d.Target })
		r.rules = append(r.rules, rule{list[0], at})
	}
	if s := def.Stay; s != nil && s.Cookie != "" {
		r.cookie = newSticky(s.Cookie, s.MaxAge)
	} else if s != nil {
		r.by, _ = ParseSelector(s.By, variables) // seen by Check
	}
	if def.Mirror != nil {
		r.mirror = newMirror(def.Mirror)
		if was != nil && was.mirror != nil && was.mirror.def.Cluster == def.Mirror.Cluster {
			r.mirror.counts = was.mirror.counts
		}
	}
	return r, nil
}

// track returns what r counts of a target, or something new.
func (r *release) track(cluster string) *track {
	if r != nil {
		for i, t := range r.def.Targets {
			if t.Cluster == cluster {
				return r.tracks[i]
			}
		}
	}
	return new(track)
}

// choose returns the target of a request.
func (r *release) choose(s Subject) int {
	if s != nil {
		for i := range r.rules {
			if r.rules[i].matches(s) {
				return r.rules[i].target
			}
		}
	}
	x, known := uint64(0), false
	switch {
	case r.cookie != nil:
		if x, known = r.cookie.get(s); !known {
			x = rand.Uint64()
			r.cookie.give(s, x)
		}
	default:
		if x, known = r.by.hash(s); !known {
			x = rand.Uint64()
		}
	}
	for i, end := range r.ends {
		if r.def.Targets[i].Weight > 0 && x <= end {
			return i
		}
	}
	return len(r.ends) - 1
}

// A route is a release for one of those who call it: its connections to the
// targets.
type route struct {
	*release
	targets []*Cluster
	shadow  *Cluster // of the mirror; nil: there is none
}

// pickTarget chooses a target of a release, and then an endpoint of it.
func (c *Cluster) pickTarget(to *route, r Subject) (*Cluster, error) {
	target := to.targets[to.choose(r)]
	at, err := target.Pick(r)
	if err != nil {
		target.track.refused.Add(1)
		return nil, err
	}
	if m := to.mirror; m != nil && m.takes() {
		return &Cluster{key: at.key, tls: at.tls, opt: at.opt, mirrored: &mirrored{mirror: m, at: at, shadow: to.shadow}}, nil
	}
	return at, nil
}

// follow makes c call the targets of a release; nil: of none any more. What it called before is
// retired: requests under way end as they began.
func (c *Cluster) follow(rel *release, groups func(name string) *group) {
	if c.target {
		return
	}
	was, next := c.route.Load(), &route{release: rel}
	var old []*Cluster
	if was != nil {
		old = append(slices.Clone(was.targets), was.shadow)
	}
	kept := func(name string, t *track) *Cluster {
		for i, o := range old {
			if o != nil && o.group.name == name && o.track == t {
				old[i] = nil
				return o
			}
		}
		key := c.key
		key.Addresses = name + clusterSuffix + ":80" // so that Host and TLS stay what they are
		n := &Cluster{key: key, tls: c.tls, opt: c.opt, track: t, target: true}
		g := groups(name)
		g.cluster(n, groups)
		g.let()
		return n
	}
	if rel == nil {
		next = nil
	} else {
		for i, t := range rel.def.Targets {
			next.targets = append(next.targets, kept(t.Cluster, rel.tracks[i]))
		}
		if rel.mirror != nil {
			next.shadow = kept(rel.mirror.def.Cluster, nil)
		}
	}
	c.route.Store(next)
	for _, o := range old {
		if o != nil {
			o.retire()
		}
	}
}
