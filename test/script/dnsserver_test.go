package script_test

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/internal/app"
)

// A dnsServer answers for one service, by UDP.
type dnsServer struct {
	server *dns.Server

	mu      sync.Mutex // guards the field below
	records []dns.RR
}

// dns NAME SERVICE [HOST:PORT]... starts a DNS server whose address is $NAME, or
// changes what the running one says: SERVICE has these targets. Without any it
// answers SERVFAIL.
func cmdDNS(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "dns NAME SERVICE [HOST:PORT]...")
	w := worldOf(ts)
	s := w.dns[args[0]]
	if s == nil {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		ts.Check(err)
		s = &dnsServer{}
		s.server = &dns.Server{PacketConn: conn, Handler: s}
		done := make(chan error, 1)
		go func() { done <- s.server.ActivateAndServe() }()
		ts.Defer(func() {
			_ = conn.Close()
			<-done
		})
		w.dns[args[0]] = s
		ts.Setenv(args[0], conn.LocalAddr().String())
	}
	var records []dns.RR
	for i, target := range args[2:] {
		host, port, err := net.SplitHostPort(target)
		ts.Check(err)
		n, err := strconv.ParseUint(port, 10, 16)
		ts.Check(err)
		name := "t" + strconv.Itoa(i) + ".test."
		records = append(records,
			&dns.SRV{Hdr: dns.RR_Header{Name: dns.Fqdn(args[1]), Rrtype: dns.TypeSRV, Class: dns.ClassINET}, Weight: 1, Port: uint16(n), Target: name},
			&dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.ParseIP(host)})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = records
}

// ServeDNS answers one question.
func (s *dnsServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ans := new(dns.Msg).SetReply(q)
	if len(s.records) == 0 {
		ans.Rcode = dns.RcodeServerFailure
	}
	for _, rr := range s.records {
		if h := rr.Header(); h.Rrtype == q.Question[0].Qtype && strings.EqualFold(h.Name, q.Question[0].Name) {
			ans.Answer = append(ans.Answer, rr)
		}
	}
	_ = w.WriteMsg(ans)
}

// dig [-tcp] TYPE NAME asks the DNS of the running server, and writes the code of the
// answer and its records, in order, a line for each.
func cmdDig(ts *testscript.TestScript, neg bool, args []string) {
	client := &dns.Client{Timeout: patience}
	if len(args) > 0 && args[0] == "-tcp" {
		client.Net, args = "tcp", args[1:]
	}
	usage(ts, neg, len(args) == 2, "dig [-tcp] TYPE NAME")
	running, err := app.FindRunning(ts.MkAbs("data"))
	ts.Check(err)
	m := new(dns.Msg).SetQuestion(dns.Fqdn(args[1]), dns.StringToType[args[0]])
	a, _, err := client.Exchange(m, running.DNS)
	ts.Check(err)
	lines := []string{}
	for _, list := range [][]dns.RR{a.Answer, a.Ns, a.Extra} {
		for _, rr := range list {
			lines = append(lines, strings.ReplaceAll(rr.String(), "\t", " "))
		}
	}
	slices.Sort(lines)
	_, err = fmt.Fprintf(ts.Stdout(), "%s\n%s\n", dns.RcodeToString[a.Rcode], strings.Join(lines, "\n"))
	ts.Check(err)
}
