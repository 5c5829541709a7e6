package servicediscovery_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	api "gatehouse/internal/awsapi/servicediscovery"
)

// serve answers questions by UDP and TCP with what w knows, and returns who asks them.
func (w *world) serve() (ask func(network string, m *dns.Msg) *dns.Msg) {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	addr := map[string]string{"tcp": ln.Addr().String(), "udp": udp.LocalAddr().String()}
	for _, s := range []*dns.Server{{Listener: ln, Handler: w.follow}, {PacketConn: udp, Handler: w.follow}} {
		started, ended := make(chan struct{}), make(chan error, 1)
		s.NotifyStartedFunc = func() { close(started) }
		go func() { ended <- s.ActivateAndServe() }()
		<-started
		w.t.Cleanup(func() { _ = s.Shutdown(); <-ended })
	}
	return func(network string, m *dns.Msg) *dns.Msg {
		w.t.Helper()
		page, err := w.st.List(w.ctx, "", "", 1)
		if err == nil {
			err = w.follow.Wait(w.ctx, page.Rev)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		a, _, err := (&dns.Client{Net: network, Timeout: time.Minute}).Exchange(m, addr[network])
		if err != nil {
			w.t.Fatalf("%s %v: %v", network, m.Question, err)
		}
		a.Compress = true // as it was on the way
		return a
	}
}

func question(name string, kind uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, kind) }

// dnsService makes a service of a namespace of DNS with one kind of records.
func (w *world) dnsService(namespace, name, policy string, kinds ...string) (id string) {
	w.t.Helper()
	op, err := w.CreatePrivateDnsNamespace(w.ctx, &api.CreatePrivateDnsNamespaceInput{Name: &namespace, Vpc: new("vpc-1")})
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := w.GetOperation(w.ctx, &api.GetOperationInput{OperationId: op.OperationId})
	if err != nil {
		w.t.Fatal(err)
	}
	in := &api.CreateServiceInput{Name: &name, NamespaceId: new(got.Operation.Targets["NAMESPACE"]), DnsConfig: &api.DnsConfig{RoutingPolicy: &policy}}
	for _, kind := range kinds {
		in.DnsConfig.DnsRecords = append(in.DnsConfig.DnsRecords, api.DnsRecord{Type: &kind, TTL: new(int64(30))})
	}
	out, err := w.CreateService(w.ctx, in)
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.Service.Id
}

// TestAnswerPolicies: MULTIVALUE gives up to eight of the instances, WEIGHTED one; with
// time, all of them.
func TestAnswerPolicies(t *testing.T) {
	w := newWorld(t)
	w.run()
	ask := w.serve()
	for _, tt := range []struct {
		namespace, policy string
		want              int
	}{{"many.test", "MULTIVALUE", 8}, {"one.test", "WEIGHTED", 1}} {
		srv := w.dnsService(tt.namespace, "s", tt.policy, "A")
		for i := range 20 {
			w.mustRegister(srv, fmt.Sprint("i-", i), "AWS_INSTANCE_IPV4", fmt.Sprint("10.0.0.", i))
		}
		w.mustRegister(srv, "leaving", "AWS_INSTANCE_IPV4", "10.0.0.99", "GATEHOUSE_DRAINING", "true")
		seen := map[string]bool{}
		for range 400 {
			a := ask("udp", question("s."+tt.namespace+".", dns.TypeA))
			if len(a.Answer) != tt.want || !a.Authoritative || a.RecursionAvailable {
				t.Fatalf("%s: %v", tt.policy, a)
			}
			for _, rr := range a.Answer {
				seen[rr.(*dns.A).A.String()] = true
			}
		}
		if len(seen) != 20 || seen["10.0.0.99"] {
			t.Errorf("%s: of 20 instances and one that drains, %d were told of", tt.policy, len(seen))
		}
	}
}

// TestAnswerSizes: an answer that is too long for UDP is cut short and says so; by TCP,
// or to who can take it, it comes whole.
func TestAnswerSizes(t *testing.T) {
	w := newWorld(t)
	w.run()
	ask := w.serve()
	srv := w.dnsService(strings.Repeat("long.", 8)+"test", "_http._tcp", "MULTIVALUE", "SRV")
	for i := range 8 {
		w.mustRegister(srv, fmt.Sprint("i-", i), "AWS_INSTANCE_IPV4", fmt.Sprint("10.0.0.", i), "AWS_INSTANCE_IPV6", fmt.Sprint("fd00::", i+1), "AWS_INSTANCE_PORT", "80")
	}
	name := "_http._tcp." + strings.Repeat("long.", 8) + "test."
	if a := ask("udp", question(name, dns.TypeSRV)); !a.Truncated || a.Len() > dns.MinMsgSize {
		t.Errorf("by UDP: %d bytes, truncated %v", a.Len(), a.Truncated)
	}
	if a := ask("tcp", question(name, dns.TypeSRV)); a.Truncated || len(a.Answer) != 8 || len(a.Extra) != 16 {
		t.Errorf("by TCP: %d records and %d more, truncated %v", len(a.Answer), len(a.Extra), a.Truncated)
	}
	large := question(name, dns.TypeSRV).SetEdns0(4096, false)
	if a := ask("udp", large); len(a.Answer) != 8 || a.Len() > 1232 || a.IsEdns0() == nil {
		t.Errorf("by UDP with room: %d records in %d bytes", len(a.Answer), a.Len())
	}
}

// TestAnswerRefuses: what is no question about a namespace is refused.
func TestAnswerRefuses(t *testing.T) {
	w := newWorld(t)
	w.run()
	ask := w.serve()
	w.dnsService("a.test", "s", "MULTIVALUE", "A")
	w.service("http.test", "s", false) // an HTTP namespace, of which DNS knows nothing
	chaos := question("s.a.test.", dns.TypeA)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	badVersion := question("s.a.test.", dns.TypeA).SetEdns0(1232, false)
	badVersion.IsEdns0().SetVersion(1)
	for _, tt := range []struct {
		name string
		m    *dns.Msg
		want int
	}{
		{"another domain", question("s.b.test.", dns.TypeA), dns.RcodeRefused},
		{"an HTTP namespace", question("s.http.test.", dns.TypeA), dns.RcodeRefused},
		{"the root", question(".", dns.TypeNS), dns.RcodeRefused},
		{"a transfer", question("a.test.", dns.TypeAXFR), dns.RcodeRefused},
		{"another class", chaos, dns.RcodeRefused},
		{"another version of EDNS", badVersion, dns.RcodeBadVers},
		{"a name that is longer by a letter", question("s.aa.test.", dns.TypeA), dns.RcodeRefused},
		{"below a service", question("x.s.a.test.", dns.TypeA), dns.RcodeNameError},
		{"the namespace itself", question("a.test.", dns.TypeA), dns.RcodeSuccess},
		{"all types", question("s.a.test.", dns.TypeANY), dns.RcodeSuccess},
	} {
		if a := ask("tcp", tt.m); a.Rcode != tt.want || len(a.Answer) != 0 {
			t.Errorf("%s: %v", tt.name, a)
		}
	}
}
