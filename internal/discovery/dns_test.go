package discovery_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gatehouse/internal/discovery"
)

// A dnsServer is a real one, by UDP and TCP, with records that tests change.
type dnsServer struct {
	addr string

	mu      sync.Mutex // guards the fields below
	records []dns.RR
	extra   []dns.RR // sent along
	rcode   int
	small   bool // UDP answers are cut short
	asked   map[string]int
}

func newDNSServer(t *testing.T) *dnsServer {
	t.Helper()
	s := &dnsServer{asked: map[string]int{}}
	udp, tcp := samePort(t)
	s.addr = udp.LocalAddr().String()
	for _, srv := range []*dns.Server{{PacketConn: udp, Handler: s}, {Listener: tcp, Handler: s}} {
		started := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(started) }
		done := make(chan error, 1)
		go func() { done <- srv.ActivateAndServe() }()
		<-started
		t.Cleanup(func() {
			_ = srv.Shutdown()
			<-done
		})
	}
	return s
}

// samePort listens by UDP and TCP at one port, which may take a few tries.
func samePort(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for try := 0; ; try++ {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp
		}
		_ = udp.Close()
		if try == 50 {
			t.Fatal(err)
		}
	}
}

// ServeDNS answers one question.
func (s *dnsServer) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ans := new(dns.Msg).SetReply(m)
	q := m.Question[0]
	network := w.RemoteAddr().Network()
	s.asked[network+" "+dns.TypeToString[q.Qtype]]++
	ans.Rcode = s.rcode
	known, name := false, q.Name
	for again := true; again; {
		again = false
		for _, rr := range s.records {
			if !strings.EqualFold(rr.Header().Name, name) {
				continue
			}
			known = true
			if rr.Header().Rrtype == q.Qtype {
				ans.Answer = append(ans.Answer, rr)
			} else if c, ok := rr.(*dns.CNAME); ok {
				ans.Answer, name, again = append(ans.Answer, rr), c.Target, true
				break
			}
		}
	}
	if !known && ans.Rcode == dns.RcodeSuccess {
		ans.Rcode = dns.RcodeNameError
	}
	ans.Extra = s.extra
	if s.small && network == "udp" {
		ans.Answer, ans.Extra, ans.Truncated = nil, nil, true
	}
	_ = w.WriteMsg(ans)
}

// set puts records, in the form of a zone file, in place of those before.
func (s *dnsServer) set(t *testing.T, rcode int, records ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rcode, s.records, s.extra = rcode, nil, nil
	for _, text := range records {
		list := &s.records
		if along, ok := strings.CutPrefix(text, "+"); ok {
			list, text = &s.extra, along
		}
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		*list = append(*list, rr)
	}
}

// dnsSource is a source that asks these servers.
func dnsSource(t *testing.T, d discovery.DNS, servers ...*dnsServer) discovery.Source {
	t.Helper()
	for _, s := range servers {
		d.Servers = append(d.Servers, s.addr)
	}
	return source(t, discovery.Config{DNS: &d})
}

func source(t *testing.T, c discovery.Config) discovery.Source {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	src, err := c.Source(discovery.Surroundings{})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// answers runs src and hands over what it finds. The channel err gets what Run
// returned.
func answers(t *testing.T, src discovery.Source) (finds chan discovery.Found, errs chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	finds, errs = make(chan discovery.Found), make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		errs <- src.Run(ctx, func(f discovery.Found) {
			select {
			case finds <- f:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return finds, errs
}

// once is the first answer of src, or why there is none.
func once(t *testing.T, src discovery.Source) (discovery.Found, error) {
	t.Helper()
	finds, errs := answers(t, src)
	select {
	case f := <-finds:
		return f, nil
	case err := <-errs:
		return discovery.Found{}, err
	}
}

func TestDNS(t *testing.T) {
	tests := []struct {
		name    string
		empty   string
		dns     discovery.DNS
		rcode   int
		records []string
		want    string
		err     string
	}{
		{name: "both families", dns: discovery.DNS{Name: "o.test", Port: 80},
			records: []string{"o.test. 5 A 10.0.0.1", "o.test. 5 A 10.0.0.2", "o.test. 5 AAAA fd00::1"}, want: "10.0.0.1:80 10.0.0.2:80 [fd00::1]:80"},
		{name: "one family", dns: discovery.DNS{Name: "o.test", Port: 80, Type: "A"},
			records: []string{"o.test. 5 A 10.0.0.1", "o.test. 5 AAAA fd00::1"}, want: "10.0.0.1:80"},
		{name: "aliases", dns: discovery.DNS{Name: "o.test", Port: 80, Type: "A"},
			records: []string{"o.test. 5 CNAME p.test.", "p.test. 5 CNAME q.test.", "q.test. 5 A 10.0.0.3", "x.test. 5 A 10.0.0.4"}, want: "10.0.0.3:80"},
		{name: "no such name", dns: discovery.DNS{Name: "o.test", Port: 80}, err: "o.test. does not exist"},
		{name: "no address", dns: discovery.DNS{Name: "o.test", Port: 80}, records: []string{"o.test. 5 TXT hello"}, err: "o.test. has no address"},
		{name: "refused", dns: discovery.DNS{Name: "o.test", Port: 80}, rcode: dns.RcodeServerFailure, err: "SERVFAIL"},
		{name: "services", dns: discovery.DNS{Name: "_http._tcp.o.test", Type: "SRV"},
			records: []string{"_http._tcp.o.test. 5 SRV 0 3 8080 a.test.", "_http._tcp.o.test. 5 SRV 0 0 8081 b.test.", "_http._tcp.o.test. 5 SRV 9 1 8082 b.test.",
				"a.test. 5 A 10.0.0.1", "b.test. 5 A 10.0.0.2", "b.test. 5 AAAA fd00::2"},
			want: "10.0.0.1:8080*III 10.0.0.2:8081 10.0.0.2:8082/1 [fd00::2]:8081 [fd00::2]:8082/1"},
		{name: "services with addresses sent along", dns: discovery.DNS{Name: "s.test", Type: "SRV"},
			records: []string{"s.test. 5 SRV 0 1 8080 a.test.", "+a.test. 5 A 10.0.0.7"}, want: "10.0.0.7:8080"},
		{name: "services with a target that does not exist", dns: discovery.DNS{Name: "s.test", Type: "SRV"},
			records: []string{"s.test. 5 SRV 0 1 8080 a.test.", "s.test. 5 SRV 0 1 8080 gone.test.", "a.test. 5 A 10.0.0.7"}, err: "gone.test. does not exist"},
		{name: "services with a target that does not exist, where there may be none", empty: "allow", dns: discovery.DNS{Name: "s.test", Type: "SRV"},
			records: []string{"s.test. 5 SRV 0 1 8080 a.test.", "s.test. 5 SRV 0 1 8080 gone.test.", "a.test. 5 A 10.0.0.7"}, err: "gone.test. does not exist"},
		{name: "no such name, where there may be none", empty: "allow", dns: discovery.DNS{Name: "o.test", Port: 80}, want: ""},
		{name: "no such service, where there may be none", empty: "allow", dns: discovery.DNS{Name: "s.test", Type: "SRV"}, want: ""},
		{name: "no address, where there may be none", empty: "allow", dns: discovery.DNS{Name: "o.test", Port: 80}, records: []string{"o.test. 5 TXT hello"}, want: ""},
		{name: "refused, where there may be none", empty: "allow", dns: discovery.DNS{Name: "o.test", Port: 80}, rcode: dns.RcodeServerFailure, err: "SERVFAIL"},
		{name: "service not available", dns: discovery.DNS{Name: "s.test", Type: "SRV"}, records: []string{"s.test. 5 SRV 0 0 0 ."}, want: ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := newDNSServer(t)
			server.set(t, tt.rcode, tt.records...)
			tt.dns.Servers = []string{server.addr}
			f, err := once(t, source(t, discovery.Config{DNS: &tt.dns, Empty: tt.empty}))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if got := text(f.Endpoints); err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// The next server is asked when one fails, and TCP when an answer does not fit.
func TestDNSServers(t *testing.T) {
	bad, good := newDNSServer(t), newDNSServer(t)
	bad.set(t, dns.RcodeServerFailure)
	good.set(t, 0, "o.test. 5 A 10.0.0.1")
	good.mu.Lock()
	good.small = true
	good.mu.Unlock()
	f, err := once(t, dnsSource(t, discovery.DNS{Name: "o.test", Port: 80, Type: "A"}, bad, good))
	if got := text(f.Endpoints); err != nil || got != "10.0.0.1:80" {
		t.Errorf("got %q, %v", got, err)
	}
	bad.mu.Lock()
	defer bad.mu.Unlock()
	good.mu.Lock()
	defer good.mu.Unlock()
	if bad.asked["udp A"] != 1 || good.asked["udp A"] != 1 || good.asked["tcp A"] != 1 {
		t.Errorf("asked %v, then %v", bad.asked, good.asked)
	}
}

// A name is looked up again when its time to live is over, within bounds.
func TestDNSAgain(t *testing.T) {
	server := newDNSServer(t)
	server.set(t, 0, "o.test. 0 A 10.0.0.1")
	finds, errs := answers(t, dnsSource(t, discovery.DNS{Name: "o.test", Port: 80, Type: "A", MinTTL: time.Millisecond}, server))
	if f := <-finds; text(f.Endpoints) != "10.0.0.1:80" {
		t.Fatalf("first %v", f)
	}
	server.set(t, 0, "o.test. 3600 A 10.0.0.2")
	for {
		if f := <-finds; text(f.Endpoints) == "10.0.0.2:80" {
			break
		}
	}
	select {
	case f := <-finds:
		t.Errorf("asked again within the hour: %v", f)
	case err := <-errs:
		t.Error(err)
	default:
	}
}
