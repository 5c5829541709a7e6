package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"
)

// A DNS finds endpoints in the domain name system, and asks again when the
// answer's time to live is over.
type DNS struct {
	Name    string        `yaml:"name"`
	Type    string        `yaml:"type"`    // ip: addresses of both families; A, AAAA, or SRV
	Port    int           `yaml:"port"`    // of the endpoints; SRV records have their own
	Servers []string      `yaml:"servers"` // host:port; those of /etc/resolv.conf
	MinTTL  time.Duration `yaml:"min-ttl"` // 1 s
	MaxTTL  time.Duration `yaml:"max-ttl"` // 5 min
	Timeout time.Duration `yaml:"timeout"` // 2 s, of each question to each server
}

// resolvConf names the servers where the configuration does not.
const resolvConf = "/etc/resolv.conf"

func (d *DNS) check() error {
	switch {
	case d.Name == "":
		return errors.New("name: missing")
	case len(d.Name) > 253:
		return errors.New("name: too long")
	case !slices.Contains([]string{"", "ip", "A", "AAAA", "SRV"}, d.Type):
		return fmt.Errorf("type: %q is none of ip, A, AAAA, SRV", d.Type)
	case d.Type == "SRV" && d.Port != 0:
		return errors.New("port: SRV records say it")
	case d.Type != "SRV" && (d.Port < 1 || d.Port > 65535):
		return errors.New("port: want one between 1 and 65535")
	case d.MinTTL < 0 || d.MaxTTL < 0 || d.Timeout < 0:
		return errors.New("a time is less than nothing")
	}
	for _, s := range d.Servers {
		if _, err := netip.ParseAddrPort(s); err != nil {
			return fmt.Errorf("servers: %q is not an address with a port", s)
		}
	}
	return nil
}

// A resolver is a DNS that is asked.
type resolver struct {
	DNS
	mayEmpty bool   // a name that is not there, or has no records, has no endpoints
	config   string // where the servers stand, if the DNS has none
}

func newDNS(d DNS, mayEmpty bool) *resolver {
	d.Type = cmp.Or(d.Type, "ip")
	d.MinTTL = cmp.Or(d.MinTTL, time.Second)
	d.MaxTTL = max(cmp.Or(d.MaxTTL, 5*time.Minute), d.MinTTL)
	d.Timeout = cmp.Or(d.Timeout, 2*time.Second)
	return &resolver{DNS: d, mayEmpty: mayEmpty, config: resolvConf}
}

// String names what is looked up.
func (r *resolver) String() string { return "dns " + r.Type + " " + r.Name }

// Run looks the name up until ctx ends or a look-up fails.
func (r *resolver) Run(ctx context.Context, set func(Found)) error {
	for {
		f, ttl, err := r.lookup(ctx)
		if err != nil {
			return err
		}
		set(f)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(max(ttl, r.MinTTL), r.MaxTTL)):
		}
	}
}

// Bounds of a look-up.
const (
	maxServers   = 3    // as of the system's resolver
	maxTargets   = 1000 // of SRV records
	targetsAtOne = 8    // targets looked up at once
	maxChain     = 16   // aliases in a row
	ednsSize     = 1232 // bytes of an answer by UDP (DNS flag day 2020)
)

// lookup asks for all endpoints. If any part cannot be had, there is none of it.
func (r *resolver) lookup(ctx context.Context) (f Found, ttl time.Duration, err error) {
	servers, names, err := r.servers()
	if err != nil {
		return f, 0, err
	}
	q := &query{r: r, servers: servers}
	for _, name := range names {
		if r.Type == "SRV" {
			f, err = q.services(ctx, name)
		} else {
			f, err = q.hosts(ctx, name)
		}
		if !errors.Is(err, errNothing) {
			break // the next name of the search list only if this one does not exist
		}
	}
	if r.mayEmpty && errors.Is(err, errNothing) {
		return Found{}, 0, nil
	}
	return f, q.ttl.Duration(), err
}

// servers returns whom to ask, and by which full names.
func (r *resolver) servers() (servers, names []string, err error) {
	if len(r.Servers) > 0 {
		return r.Servers, []string{dns.Fqdn(r.Name)}, nil
	}
	conf, err := dns.ClientConfigFromFile(r.config)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range conf.Servers {
		servers = append(servers, net.JoinHostPort(s, conf.Port))
	}
	if len(servers) == 0 {
		return nil, nil, fmt.Errorf("%s names no server", r.config)
	}
	return servers[:min(len(servers), maxServers)], conf.NameList(r.Name), nil
}

// A query is one look-up, which takes several questions.
type query struct {
	r       *resolver
	servers []string
	ttl     lowest
}

// A lowest is the lowest time to live seen; nil: none was.
type lowest struct{ seconds *uint32 }

func (l *lowest) add(rr dns.RR) {
	if s := rr.Header().Ttl; l.seconds == nil || s < *l.seconds {
		l.seconds = &s
	}
}

// Duration is the time itself.
func (l *lowest) Duration() time.Duration {
	if l.seconds == nil {
		return 0
	}
	return time.Duration(*l.seconds) * time.Second
}

// hosts looks up the addresses of a name.
func (q *query) hosts(ctx context.Context, name string) (Found, error) {
	addrs, records, err := q.addresses(ctx, name)
	if err != nil {
		return Found{}, err
	}
	for _, rr := range records {
		q.ttl.add(rr)
	}
	var f Found
	for _, a := range addrs {
		f.Endpoints = append(f.Endpoints, Endpoint{Address: address(a.String(), q.r.Port)})
	}
	return f, nil
}

// types are the record types of addresses that are asked for.
func (q *query) types() []uint16 {
	switch q.r.Type {
	case "A":
		return []uint16{dns.TypeA}
	case "AAAA":
		return []uint16{dns.TypeAAAA}
	}
	return []uint16{dns.TypeA, dns.TypeAAAA}
}

// addresses looks up a name by all types at once.
func (q *query) addresses(ctx context.Context, name string) ([]netip.Addr, []dns.RR, error) {
	types := q.types()
	answers := make([][]dns.RR, len(types))
	g, ctx := errgroup.WithContext(ctx)
	for i, t := range types {
		g.Go(func() (err error) {
			answers[i], _, err = q.ask(ctx, name, t)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	all := slices.Concat(answers...)
	addrs := addressesOf(all)
	if len(addrs) == 0 {
		return nil, nil, fmt.Errorf("%w: %s has no address", errNothing, name)
	}
	return addrs, all, nil
}

func addressesOf(records []dns.RR) (addrs []netip.Addr) {
	for _, rr := range records {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	return addrs
}

// services looks up the targets of a service, and the addresses of each.
func (q *query) services(ctx context.Context, name string) (Found, error) {
	records, extra, err := q.ask(ctx, name, dns.TypeSRV)
	if err != nil {
		return Found{}, err
	}
	var targets []*dns.SRV
	for _, rr := range records {
		q.ttl.add(rr)
		if srv, ok := rr.(*dns.SRV); ok && srv.Target != "." { // RFC 2782: "." is: not available here
			targets = append(targets, srv)
		}
	}
	if len(targets) > maxTargets {
		return Found{}, fmt.Errorf("%s has %d targets, more than %d", name, len(targets), maxTargets)
	}
	addrs := make([][]netip.Addr, len(targets))
	used := make([][]dns.RR, len(targets))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(targetsAtOne)
	for i, srv := range targets {
		if used[i], err = follow(extra, srv.Target, dns.TypeA, dns.TypeAAAA); err == nil && len(used[i]) > 0 {
			addrs[i] = addressesOf(used[i]) // sent along
			continue
		}
		g.Go(func() (err error) {
			if addrs[i], used[i], err = q.addresses(ctx, srv.Target); errors.Is(err, errNothing) {
				err = errors.New(err.Error()) // the service is there, and a part of it cannot be had
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Found{}, err
	}
	for _, rr := range slices.Concat(used...) {
		q.ttl.add(rr)
	}
	return Found{Endpoints: endpointsOf(targets, addrs)}, nil
}

// endpointsOf makes endpoints of targets and their addresses. The priorities
// become small numbers in the same order (RFC 2782: the lowest comes first).
func endpointsOf(targets []*dns.SRV, addrs [][]netip.Addr) (list []Endpoint) {
	heaviest := uint16(0)
	var order []uint16
	for _, srv := range targets {
		heaviest = max(heaviest, srv.Weight)
		order = append(order, srv.Priority)
	}
	slices.Sort(order)
	order = slices.Compact(order)
	for i, srv := range targets {
		rank, _ := slices.BinarySearch(order, srv.Priority)
		weight := int(srv.Weight)
		if heaviest > maxWeight {
			weight = weight * maxWeight / int(heaviest)
		}
		for _, a := range addrs[i] {
			list = append(list, Endpoint{Address: address(a.String(), int(srv.Port)), Weight: max(weight, 1), Priority: min(rank, maxPriority)})
		}
	}
	return list
}

// errNothing is why the next name of a search list is tried.
var errNothing = errors.New("nothing found")

// ask asks one server after the other. It returns the records of the type at
// the end of the aliases of name, with these, and what the server sent along.
func (q *query) ask(ctx context.Context, name string, t uint16) (records, extra []dns.RR, err error) {
	var errs []error
	for _, server := range q.servers {
		m, err := q.exchange(ctx, server, name, t)
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err != nil:
			errs = append(errs, fmt.Errorf("ask %s: %w", server, err))
			continue
		case m.Rcode == dns.RcodeNameError:
			return nil, nil, fmt.Errorf("%w: %s does not exist", errNothing, name)
		case m.Rcode != dns.RcodeSuccess:
			errs = append(errs, fmt.Errorf("ask %s for %s: %s", server, name, dns.RcodeToString[m.Rcode]))
			continue
		}
		records, err = follow(m.Answer, name, t)
		if err != nil {
			errs = append(errs, fmt.Errorf("ask %s: %w", server, err))
			continue
		}
		return records, m.Extra, nil
	}
	return nil, nil, errors.Join(errs...)
}

// exchange asks one server by UDP, and by TCP if the answer does not fit.
func (q *query) exchange(ctx context.Context, server, name string, t uint16) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(name, t)
	m.SetEdns0(ednsSize, false)
	c := &dns.Client{Timeout: q.r.Timeout}
	ans, _, err := c.ExchangeContext(ctx, m, server)
	if err == nil && ans.Truncated {
		c.Net = "tcp"
		ans, _, err = c.ExchangeContext(ctx, m, server)
	}
	if err != nil {
		return nil, err
	}
	if len(ans.Question) != 1 || ans.Question[0].Qtype != t || !strings.EqualFold(ans.Question[0].Name, name) {
		return nil, errors.New("the answer is to another question")
	}
	return ans, nil
}

// follow returns the records of these types at the end of the aliases of name,
// and the aliases, which have a time to live too.
func follow(records []dns.RR, name string, types ...uint16) (found []dns.RR, err error) {
	for range maxChain {
		var alias *dns.CNAME
		at := len(found)
		for _, rr := range records {
			if h := rr.Header(); !strings.EqualFold(h.Name, name) || h.Class != dns.ClassINET {
				continue
			}
			if c, ok := rr.(*dns.CNAME); ok {
				alias = c
			}
			if slices.Contains(types, rr.Header().Rrtype) {
				found = append(found, rr)
			}
		}
		if len(found) > at || alias == nil {
			return found, nil
		}
		found = append(found, alias)
		name = alias.Target
	}
	return nil, errors.New("more than " + strconv.Itoa(maxChain) + " aliases in a row")
}
