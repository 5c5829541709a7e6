package upstream

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// A Definition is a cluster of several endpoints as the configuration has it.
// It is called by the host name NAME.cluster. Zero fields take the defaults
// named in their comments.
type Definition struct {
	Endpoints      []Endpoint    `yaml:"endpoints"`
	Balance        string        `yaml:"balance"`         // round-robin; or least-request, two-choices
	Connections    int           `yaml:"connections"`     // to each endpoint: those of Options
	Pending        int           `yaml:"pending"`         // that wait for one of them, of each endpoint: those of Options
	ConnectTimeout time.Duration `yaml:"connect-timeout"` // 2 s for each endpoint that is tried
	Health         *Health       `yaml:"health"`          // none: endpoints are not asked
	Eject          Eject         `yaml:"eject"`
	Breaker        *Breaker      `yaml:"breaker"` // none
	Retries        Retries       `yaml:"retries"`

	// Discovered: the endpoints come from a source. Those given here are in
	// force until it answers; there may be none.
	Discovered bool `yaml:"-"`
}

// An Endpoint is one endpoint of a Definition.
type Endpoint struct {
	Address string `yaml:"address"` // host:port
	Weight  int    `yaml:"weight"`  // 1
	// Draining: it gets no new requests, and those under way end as they began.
	Draining bool `yaml:"draining"`
}

// UnmarshalYAML reads an endpoint, of which the address alone may be given.
func (e *Endpoint) UnmarshalYAML(decode func(any) error) error {
	if decode(&e.Address) == nil {
		return nil
	}
	type plain Endpoint
	return decode((*plain)(e))
}

// Health is how endpoints are asked whether they are well.
type Health struct {
	Path     string        `yaml:"path"`     // GET it, and take 200 to 399 for well; empty: a connection is enough
	Host     string        `yaml:"host"`     // of the request; the cluster's
	Interval time.Duration `yaml:"interval"` // 5 s
	Timeout  time.Duration `yaml:"timeout"`  // 1 s, of each check
	Fall     int           `yaml:"fall"`     // 3 checks failed in a row: not well
	Rise     int           `yaml:"rise"`     // 2 checks passed in a row: well again
}

// Eject is when an endpoint is left out for what its answers were: too many
// failures in a row, each a connection not made, broken or timed out, or a
// status of 500 or above.
type Eject struct {
	Failures int           `yaml:"failures"`  // 5; -1: never
	Time     time.Duration `yaml:"time"`      // 10 s, times the number of ejections in a row
	MaxTime  time.Duration `yaml:"max-time"`  // 5 min
	MaxShare Share         `yaml:"max-share"` // 50 %: more are not ejected at once
	Panic    Share         `yaml:"panic"`     // 30 %: with fewer left, all are used
}

// Breaker is when a cluster is given up for a while: its requests are refused
// at once.
type Breaker struct {
	Rate    Share         `yaml:"rate"`    // 50 % of requests failed
	Minimum int           `yaml:"minimum"` // 20 requests in the window at least
	Window  time.Duration `yaml:"window"`  // 10 s
	Open    time.Duration `yaml:"open"`    // 5 s, then probes; twice as long after each that fails, up to 1 min
	Probes  int           `yaml:"probes"`  // 3 that have to succeed
}

// Retries is how often a request is sent to another endpoint after a failure
// that leaves no doubt: nothing of it was sent, or it may be repeated.
type Retries struct {
	Attempts int   `yaml:"attempts"` // 2 after the first; -1: none
	Budget   Share `yaml:"budget"`   // 20 % of requests
}

// A Share is a part of a whole, written as a percentage.
type Share float64

// UnmarshalText reads a share such as 50%.
func (s *Share) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(string(text), "%")
	f, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(f >= 0 && f <= 100) {
		return fmt.Errorf("%q is no share: write a percentage, for example 50%%", text)
	}
	*s = Share(f / 100)
	return nil
}

// Bounds of a Definition.
const (
	maxMembers = 10_000
	maxWeight  = 1000
)

// Check reports what cannot be in a definition.
func (d *Definition) Check() error {
	var errs []error
	if len(d.Endpoints) == 0 && !d.Discovered {
		errs = append(errs, errors.New("endpoints: there is none"))
	}
	errs = append(errs, checkEndpoints(d.Endpoints))
	if _, ok := balances[d.Balance]; !ok {
		errs = append(errs, fmt.Errorf("balance: %q is none of round-robin, least-request, two-choices", d.Balance))
	}
	errs = append(errs, d.checkNumbers(), d.Health.check())
	return errors.Join(errs...)
}

// checkEndpoints reports what cannot be in a list of endpoints.
func checkEndpoints(list []Endpoint) error {
	if len(list) > maxMembers {
		return fmt.Errorf("endpoints: %d are more than %d", len(list), maxMembers)
	}
	var errs []error
	seen := make(map[string]bool, len(list))
	for _, e := range list {
		host, port, err := net.SplitHostPort(e.Address)
		n, errPort := strconv.ParseUint(port, 10, 16)
		if err != nil || errPort != nil || host == "" || n == 0 || strings.ContainsAny(e.Address, ", ") || IsClusterName(host) {
			errs = append(errs, fmt.Errorf("endpoints: %q is not an address: write host:port", e.Address))
		}
		if seen[e.Address] {
			errs = append(errs, fmt.Errorf("endpoints: %s is there twice: give it a weight", e.Address))
		}
		seen[e.Address] = true
		if e.Weight < 0 || e.Weight > maxWeight {
			errs = append(errs, fmt.Errorf("endpoints: %s: the weight is not between 1 and %d", e.Address, maxWeight))
		}
	}
	return errors.Join(errs...)
}

func (d *Definition) checkNumbers() error {
	e, r := &d.Eject, &d.Retries
	ok := d.Connections >= 0 && d.Pending >= 0 && d.ConnectTimeout >= 0 && e.Failures >= -1 && e.Time >= 0 && e.MaxTime >= 0 && r.Attempts >= -1
	if b := d.Breaker; b != nil {
		ok = ok && b.Minimum >= 0 && b.Window >= 0 && b.Open >= 0 && b.Probes >= 0
	}
	if !ok {
		return errors.New("a number or a time is less than nothing")
	}
	if r.Attempts > maxRetries {
		return fmt.Errorf("retries: attempts: %d are more than %d", r.Attempts, maxRetries)
	}
	return nil
}

func (h *Health) check() error {
	switch {
	case h == nil:
		return nil
	case h.Path != "" && (h.Path[0] != '/' || strings.ContainsAny(h.Path, " \t\r\n#")), strings.ContainsAny(h.Host, " \t\r\n/"):
		return fmt.Errorf("health: %q is not a path", h.Path)
	case h.Interval < 0 || h.Timeout < 0 || h.Fall < 0 || h.Rise < 0:
		return errors.New("health: a number or a time is less than nothing")
	case h.Interval != 0 && h.Interval < minInterval:
		return fmt.Errorf("health: interval: %v is shorter than %v", h.Interval, minInterval)
	}
	return nil
}

// minInterval bounds how often an endpoint is asked.
const minInterval = 50 * time.Millisecond

// withDefaults returns d with all that it leaves open.
func (d Definition) withDefaults(opt *Options) Definition {
	d.Endpoints = append([]Endpoint(nil), d.Endpoints...)
	for i := range d.Endpoints {
		setDefault(&d.Endpoints[i].Weight, 1)
	}
	setDefault(&d.Connections, opt.MaxConnections)
	setDefault(&d.Pending, opt.MaxWaiting)
	setDefault(&d.ConnectTimeout, 2*time.Second)
	setDefault(&d.Eject.Failures, 5)
	setDefault(&d.Eject.Time, 10*time.Second)
	setDefault(&d.Eject.MaxTime, 5*time.Minute)
	setDefault(&d.Eject.MaxShare, 0.5)
	setDefault(&d.Eject.Panic, 0.3)
	setDefault(&d.Retries.Attempts, 2)
	setDefault(&d.Retries.Budget, 0.2)
	if d.Health != nil {
		h := *d.Health
		setDefault(&h.Interval, 5*time.Second)
		setDefault(&h.Timeout, time.Second)
		setDefault(&h.Fall, 3)
		setDefault(&h.Rise, 2)
		d.Health = &h
	}
	if d.Breaker != nil {
		b := *d.Breaker
		setDefault(&b.Rate, 0.5)
		setDefault(&b.Minimum, 20)
		setDefault(&b.Window, 10*time.Second)
		setDefault(&b.Open, 5*time.Second)
		setDefault(&b.Probes, 3)
		d.Breaker = &b
	}
	return d
}

// clusterSuffix ends the host names of clusters of several endpoints.
const clusterSuffix = ".cluster"

// IsClusterName tells whether host names a cluster of several endpoints, which
// is never looked up.
func IsClusterName(host string) bool {
	return len(host) > len(clusterSuffix) && strings.EqualFold(host[len(host)-len(clusterSuffix):], clusterSuffix)
}

// clusterName is the name of the cluster of several endpoints that k is for;
// empty: none.
func (k *Key) clusterName() string {
	host := k.Host
	if k.Addresses != "" {
		host, _, _ = net.SplitHostPort(k.Addresses) // seen by validAddresses
	}
	if !IsClusterName(host) {
		return ""
	}
	return strings.ToLower(host[:len(host)-len(clusterSuffix)])
}
