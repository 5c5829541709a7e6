package upstream

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/wire"
)

// A Definition is a cluster of several endpoints as the configuration has it.
// It is called by the host name NAME.cluster. Zero fields take the defaults
// named in their comments.
type Definition struct {
	Endpoints      []Endpoint    `yaml:"endpoints"`
	Balance        string        `yaml:"balance"`         // round-robin; or least-request, two-choices, ewma, ring-hash, maglev
	Hash           string        `yaml:"hash"`            // the Selector of the last two's key
	Affinity       *Affinity     `yaml:"affinity"`        // none
	SlowStart      time.Duration `yaml:"slow-start"`      // none: how long one that comes, or comes back, gets less
	Connections    int           `yaml:"connections"`     // to each endpoint: those of Options
	Pending        int           `yaml:"pending"`         // that wait for one of them, of each endpoint: those of Options
	ConnectTimeout time.Duration `yaml:"connect-timeout"` // 2 s for each endpoint that is tried
	Limits         Limits        `yaml:"limits"`
	Protocol       string        `yaml:"protocol"`       // http1; or h2, which gRPC needs
	TLS            *EndpointTLS  `yaml:"tls"`            // none: as the URI that calls the cluster says
	ProxyProtocol  string        `yaml:"proxy-protocol"` // none; or v1, v2: tells the client's address, on a connection for each request
	WebSocket      bool          `yaml:"websocket"`      // clients may change to WebSocket, and then speak with the endpoint
	Health         *Health       `yaml:"health"`         // none: endpoints are not asked
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
	// Priority: while enough endpoints of a smaller one are ready, this one gets
	// no requests. Zone is where it is: those in the zone of the node come
	// before others of the same priority, as do those without a zone.
	Priority int    `yaml:"priority"`
	Zone     string `yaml:"zone"`
	// Draining: it gets no new requests, and those under way end as they began.
	Draining bool `yaml:"draining"`
}

// Affinity keeps a client with the endpoint that it was given first, by a cookie,
// as long as that is ready.
type Affinity struct {
	Cookie string        `yaml:"cookie"`  // its name
	MaxAge time.Duration `yaml:"max-age"` // until the client forgets it; 0: with its session
}

// EndpointTLS is how endpoints are spoken to over TLS.
type EndpointTLS struct {
	ServerName string `yaml:"server-name"` // of SNI, and of the certificate; the host that the cluster is called by
	CA         string `yaml:"ca"`          // file with the authorities to trust; the system's
	Cert       string `yaml:"cert"`        // files with what is shown to the endpoint; nothing
	Key        string `yaml:"key"`
	// Insecure accepts certificates of unknown authorities; the rest of them is
	// verified.
	Insecure bool `yaml:"insecure"`
}

// Limits bound a cluster as a whole; 0: no limit.
type Limits struct {
	Connections int `yaml:"connections"` // to all endpoints
	Pending     int `yaml:"pending"`     // that wait for any of them
	// Requests are those under way. Those of high priority may take a tenth
	// more, those of low priority no more than 60 % of it.
	Requests int `yaml:"requests"`
	Retries  int `yaml:"retries"` // under way
	// Adaptive finds the limit of requests by how fast they are answered.
	Adaptive *Adaptive `yaml:"adaptive"`
	// High and Low say which requests have another priority than the others.
	High []Match `yaml:"high"`
	Low  []Match `yaml:"low"`
}

// Adaptive is a limit that falls when answers take longer than they did when
// the cluster had little to do, and rises while they do not.
type Adaptive struct {
	Min       int     `yaml:"min"`       // 8
	Max       int     `yaml:"max"`       // 1000; requests, if that is set
	Tolerance float64 `yaml:"tolerance"` // 2: so many times as long is still well
}

// A Match tells requests apart: by the part of them that its Selector names.
type Match struct {
	By     string   `yaml:"by"`
	Is     []string `yaml:"is"`     // one of these; none: that it is there is enough
	Prefix string   `yaml:"prefix"` // it begins with this
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
	// Kind is http: a GET of Path, of which 200 to 399 is well; grpc: the health
	// service of gRPC, for Service; or tcp: a connection is enough. Without one
	// it is http if there is a Path, else tcp.
	Kind     string        `yaml:"kind"`
	Path     string        `yaml:"path"`
	Service  string        `yaml:"service"`  // of grpc; empty: the whole server
	Host     string        `yaml:"host"`     // of the request; the cluster's
	TLS      bool          `yaml:"tls"`      // ask over TLS, whose certificate is not verified
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
	// SuccessRate also leaves out those that succeed less often than the
	// others; none.
	SuccessRate *SuccessRate `yaml:"success-rate"`
}

// SuccessRate compares the endpoints of a cluster at intervals. One is left out
// whose rate of success is below the mean of all by more than Deviations
// standard deviations.
type SuccessRate struct {
	Interval   time.Duration `yaml:"interval"`   // 10 s
	Minimum    int           `yaml:"minimum"`    // 100 requests of an endpoint in the interval, else it is not looked at
	Endpoints  int           `yaml:"endpoints"`  // 5 to look at, else none is left out
	Deviations float64       `yaml:"deviations"` // 1.9
}

// Breaker is when a cluster is given up for a while: its requests are refused
// at once.
type Breaker struct {
	Rate    Share         `yaml:"rate"`    // 50 % of requests failed
	Minimum int           `yaml:"minimum"` // 20 requests in the window at least
	Window  time.Duration `yaml:"window"`  // 10 s
	Open    time.Duration `yaml:"open"`    // 5 s, then probes; twice as long after each that fails, up to 1 min
	Probes  int           `yaml:"probes"`  // 3 that have to succeed
	// Slow is how long an answer may take to begin; 0: as long as it does. The
	// breaker trips as well when SlowRate of the requests took longer.
	Slow     time.Duration `yaml:"slow"`
	SlowRate Share         `yaml:"slow-rate"` // 50 %
}

// Retries is how often a request is sent to another endpoint after a failure
// that leaves no doubt: nothing of it was sent, or it may be repeated.
type Retries struct {
	Attempts int   `yaml:"attempts"` // 2 after the first; -1: none
	Budget   Share `yaml:"budget"`   // 20 % of requests
	// On are statuses after which a request that may be repeated is, too: 503, or
	// 5xx for all from 500 on.
	On []string `yaml:"on"`
	// TryTimeout is how long each attempt but the last one may take to begin its answer; 0: as
	// long as the request may.
	TryTimeout time.Duration `yaml:"try-timeout"`
	// Backoff is the pause before a retry after a status or a time-out, twice as long each
	// time, and random between half and all of it; 0: none.
	Backoff time.Duration `yaml:"backoff"`
	// Hedge is after how long without an answer a request that may be repeated
	// is sent to another endpoint besides; whoever answers first answers. 0: never.
	Hedge time.Duration `yaml:"hedge"`
}

// A Share is a part of a whole, written as a percentage. One that is written as
// 0% is less than nothing, as 0 stands for the default.
type Share float64

// written is the share as people write it.
func (s Share) written() float64 { return max(float64(s), 0) }

// UnmarshalText reads a share such as 50%.
func (s *Share) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(string(text), "%")
	f, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(f >= 0 && f <= 100) {
		return fmt.Errorf("%q is no share: write a percentage, for example 50%%", text)
	}
	if *s = Share(f / 100); f == 0 {
		*s = -1
	}
	return nil
}

// String writes s as it is read.
func (s Share) String() string { return strconv.FormatFloat(100*s.written(), 'g', 4, 64) + "%" }

// Bounds of a Definition.
const (
	maxMembers  = 10_000
	maxWeight   = 1000
	maxPriority = 9
	maxZone     = 64
	maxUnixPath = 100 // the kernel's own limit is 108
)

// Check reports what cannot be in a definition.
func (d *Definition) Check() error {
	var errs []error
	if len(d.Endpoints) == 0 && !d.Discovered {
		errs = append(errs, errors.New("endpoints: there is none"))
	}
	errs = append(errs, checkEndpoints(d.Endpoints))
	errs = append(errs, d.checkBalance(), d.checkNumbers(), d.Limits.check(), d.Health.check(), d.Eject.SuccessRate.check(), d.Retries.check(), d.checkProtocol())
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
		if !isUnix(e.Address) && !isHostPort(e.Address) {
			errs = append(errs, fmt.Errorf("endpoints: %q is not an address: write host:port, or unix:/path", e.Address))
		}
		if seen[e.Address] {
			errs = append(errs, fmt.Errorf("endpoints: %s is there twice: give it a weight", e.Address))
		}
		seen[e.Address] = true
		if e.Priority < 0 || e.Priority > maxPriority || len(e.Zone) > maxZone {
			errs = append(errs, fmt.Errorf("endpoints: %s: the priority is not between 0 and %d, or the zone is longer than %d", e.Address, maxPriority, maxZone))
		}
		if e.Weight < 0 || e.Weight > maxWeight {
			errs = append(errs, fmt.Errorf("endpoints: %s: the weight is not between 1 and %d", e.Address, maxWeight))
		}
	}
	return errors.Join(errs...)
}

// isUnix tells whether an address is that of a socket of this machine.
func isUnix(address string) bool {
	path, ok := strings.CutPrefix(address, unixPrefix)
	return ok && len(path) > 1 && path[0] == '/' && len(path) <= maxUnixPath && !strings.ContainsAny(path, ", ")
}

func isHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	n, errPort := strconv.ParseUint(port, 10, 16)
	return err == nil && errPort == nil && host != "" && n > 0 && !strings.ContainsAny(address, ", ") && !IsClusterName(host)
}

// Files are the files and sockets of this machine that d names.
func (d *Definition) Files() (list []string) {
	if t := d.TLS; t != nil {
		for _, name := range []string{t.CA, t.Cert, t.Key} {
			if name != "" {
				list = append(list, name)
			}
		}
	}
	for _, e := range d.Endpoints {
		if path, ok := strings.CutPrefix(e.Address, unixPrefix); ok {
			list = append(list, path)
		}
	}
	return list
}

// CheckSelectors reports selectors that name nothing. variables finds $context
// variables.
func (d *Definition) CheckSelectors(variables func(name string) Variable) error {
	var errs []error
	list := []string{d.Hash}
	for _, m := range slices.Concat(d.Limits.High, d.Limits.Low) {
		list = append(list, m.By)
	}
	for _, text := range list {
		if text == "" {
			continue
		}
		_, err := ParseSelector(text, variables)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (d *Definition) checkBalance() error {
	rule, ok := balances[d.Balance]
	if !ok {
		return fmt.Errorf("balance: %q is none of round-robin, least-request, two-choices, ewma, ring-hash, maglev", d.Balance)
	}
	switch {
	case rule.hashes() && d.Hash == "":
		return fmt.Errorf("hash: %s needs a key, such as header:X-User, cookie:NAME, source or context:identity.sourceIp", d.Balance)
	case !rule.hashes() && d.Hash != "":
		return errors.New("hash: only ring-hash and maglev have a key")
	case rule.hashes() && d.SlowStart > 0:
		return fmt.Errorf("slow-start: %s gives each key to one endpoint, whatever its age", d.Balance)
	}
	if a := d.Affinity; a != nil && (!wire.ValidToken(a.Cookie) || a.MaxAge < 0) {
		return fmt.Errorf("affinity: %q is no name of a cookie, or its age is less than nothing", a.Cookie)
	}
	return nil
}

func (d *Definition) checkProtocol() error {
	switch {
	case d.Protocol != "" && d.Protocol != "http1" && d.Protocol != "h2":
		return fmt.Errorf("protocol: %q is neither http1 nor h2", d.Protocol)
	case d.ProxyProtocol != "" && d.ProxyProtocol != "v1" && d.ProxyProtocol != "v2":
		return fmt.Errorf("proxy-protocol: %q is neither v1 nor v2", d.ProxyProtocol)
	case d.Protocol == "h2" && (d.ProxyProtocol != "" || d.WebSocket):
		return errors.New("protocol: h2 has many requests on a connection: neither proxy-protocol nor websocket go with it")
	case d.Protocol == "h2" && d.Retries.Hedge > 0:
		return errors.New("retries: hedge: not with h2")
	case d.WebSocket && d.Retries.Hedge > 0:
		return errors.New("retries: hedge: not with websocket")
	case d.TLS != nil && (d.TLS.Cert == "") != (d.TLS.Key == ""):
		return errors.New("tls: cert and key go together")
	}
	return nil
}

func (d *Definition) checkNumbers() error {
	e := &d.Eject
	ok := d.Connections >= 0 && d.Pending >= 0 && d.ConnectTimeout >= 0 && e.Failures >= -1 && e.Time >= 0 && e.MaxTime >= 0 && d.SlowStart >= 0
	if b := d.Breaker; b != nil {
		ok = ok && b.Minimum >= 0 && b.Window >= 0 && b.Open >= 0 && b.Probes >= 0 && b.Slow >= 0
		if b.SlowRate != 0 && b.Slow == 0 {
			return errors.New("breaker: slow-rate: say with slow what is slow")
		}
	}
	if !ok {
		return errNegative
	}
	return nil
}

var errNegative = errors.New("a number or a time is less than nothing")

func (l *Limits) check() error {
	if l.Connections < 0 || l.Pending < 0 || l.Requests < 0 || l.Retries < 0 {
		return fmt.Errorf("limits: %w", errNegative)
	}
	if a := l.Adaptive; a != nil && (a.Min < 0 || a.Max < 0 || a.Max > 0 && a.Max < a.Min || a.Tolerance != 0 && !(a.Tolerance > 1)) {
		return errors.New("limits: adaptive: want min up to max, and a tolerance above 1")
	}
	if len(l.High)+len(l.Low) > 0 && l.Requests == 0 && l.Adaptive == nil {
		return errors.New("limits: high and low need a limit of requests, or an adaptive one")
	}
	return nil
}

func (s *SuccessRate) check() error {
	if s != nil && (s.Interval < 0 || s.Minimum < 0 || s.Endpoints < 0 || !(s.Deviations >= 0)) {
		return fmt.Errorf("eject: success-rate: %w", errNegative)
	}
	return nil
}

func (r *Retries) check() error {
	switch {
	case r.Attempts < -1 || r.TryTimeout < 0 || r.Backoff < 0 || r.Hedge < 0:
		return fmt.Errorf("retries: %w", errNegative)
	case r.Attempts > maxRetries:
		return fmt.Errorf("retries: attempts: %d are more than %d", r.Attempts, maxRetries)
	case r.Attempts == -1 && (len(r.On) > 0 || r.TryTimeout > 0 || r.Backoff > 0 || r.Hedge > 0):
		return errors.New("retries: there are no attempts to say more of")
	}
	_, err := parseStatuses(r.On)
	return err
}

// statuses are those of 500 to 599 after which a request is sent again, and 429.
type statuses struct {
	server  [100]bool
	tooMany bool
}

func (s *statuses) has(status int) bool {
	return status == 429 && s.tooMany || status >= 500 && status < 600 && s.server[status-500]
}

func parseStatuses(list []string) (*statuses, error) {
	if len(list) == 0 {
		return nil, nil
	}
	s := new(statuses)
	for _, text := range list {
		n, err := strconv.Atoi(text)
		switch {
		case text == "5xx":
			for i := range s.server {
				s.server[i] = true
			}
		case err == nil && n == 429:
			s.tooMany = true
		case err == nil && n >= 500 && n < 600:
			s.server[n-500] = true
		default:
			return nil, fmt.Errorf("retries: on: %q is neither 5xx, nor 429 or a status from 500 to 599", text)
		}
	}
	return s, nil
}

func (h *Health) check() error {
	switch {
	case h == nil:
		return nil
	case h.kind() == "", h.Service != "" && h.kind() != healthGRPC, h.Path != "" && h.kind() != healthHTTP, h.Path == "" && h.kind() == healthHTTP, h.TLS && h.kind() == healthTCP:
		return errors.New("health: want a kind: http with a path, grpc, perhaps with a service, or tcp with neither")
	case h.Path != "" && (h.Path[0] != '/' || strings.ContainsAny(h.Path, " \t\r\n#")), strings.ContainsAny(h.Host, " \t\r\n/"):
		return fmt.Errorf("health: %q is not a path", h.Path)
	case h.Interval < 0 || h.Timeout < 0 || h.Fall < 0 || h.Rise < 0:
		return errors.New("health: a number or a time is less than nothing")
	case h.Interval != 0 && h.Interval < minInterval:
		return fmt.Errorf("health: interval: %v is shorter than %v", h.Interval, minInterval)
	}
	return nil
}

const (
	healthHTTP = "http"
	healthGRPC = "grpc"
	healthTCP  = "tcp"
)

// kind is how endpoints are asked; empty: there is no such way.
func (h *Health) kind() string {
	switch {
	case h.Kind == "" && h.Path == "":
		return healthTCP
	case h.Kind == "":
		return healthHTTP
	case h.Kind == healthHTTP || h.Kind == healthGRPC || h.Kind == healthTCP:
		return h.Kind
	}
	return ""
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
	if d.Eject.SuccessRate != nil {
		r := *d.Eject.SuccessRate
		setDefault(&r.Interval, 10*time.Second)
		setDefault(&r.Minimum, 100)
		setDefault(&r.Endpoints, 5)
		setDefault(&r.Deviations, 1.9)
		d.Eject.SuccessRate = &r
	}
	if d.Limits.Adaptive != nil {
		a := *d.Limits.Adaptive
		setDefault(&a.Min, 8)
		setDefault(&a.Max, 1000)
		if d.Limits.Requests > 0 {
			a.Max = min(a.Max, d.Limits.Requests)
		}
		a.Min = min(a.Min, a.Max)
		setDefault(&a.Tolerance, 2)
		d.Limits.Adaptive = &a
	}
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
		setDefault(&b.SlowRate, 0.5)
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
