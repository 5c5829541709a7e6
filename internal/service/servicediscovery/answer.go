package servicediscovery

import (
	"net"

	"github.com/miekg/dns"

	"gatehouse/internal/discovery"
)

var _ dns.Handler = (*Follower)(nil)

// ednsSize bounds answers by UDP: what passes every network in one piece.
const ednsSize = 1232

// ServeDNS answers a question about the namespaces of DNS: with the records of a
// service, as its instances are registered and well, and of instances with SRV
// records. Questions about other domains are refused.
func (f *Follower) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := f.answer(q)
	size := dns.MaxMsgSize
	if w.LocalAddr().Network() == "udp" {
		size = dns.MinMsgSize
	}
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(ednsSize, false)
		if size == dns.MinMsgSize {
			size = max(size, min(int(opt.UDPSize()), ednsSize))
		}
		if opt.Version() != 0 {
			m.Rcode, m.Answer, m.Ns, m.Extra = dns.RcodeBadVers, nil, nil, m.Extra[len(m.Extra)-1:]
		}
	}
	m.Truncate(size)
	_ = w.WriteMsg(m) // who asked may be gone
}

func (f *Follower) answer(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	if len(q.Question) != 1 || q.Opcode != dns.OpcodeQuery {
		m.Rcode = dns.RcodeNotImplemented
		return m
	}
	question := q.Question[0]
	a := f.ask(question.Name)
	if a.zone == "" || question.Qclass != dns.ClassINET || question.Qtype == dns.TypeAXFR || question.Qtype == dns.TypeIXFR {
		m.Rcode = dns.RcodeRefused
		return m
	}
	m.Authoritative = true
	switch {
	case !a.there:
		m.Rcode = dns.RcodeNameError
	case a.instance != nil:
		m.Answer = a.addresses(nil, question.Name, question.Qtype, a.instance)
	case a.service != "":
		a.records(m, question)
	}
	if question.Qtype == dns.TypeSOA && question.Name != "" && dns.CanonicalName(question.Name) == a.zone {
		m.Answer = []dns.RR{a.start()}
	}
	if len(m.Answer) == 0 {
		m.Ns = []dns.RR{a.start()} // for how long there is none
	}
	return m
}

// records puts those of a service into an answer.
func (a *asked) records(m *dns.Msg, q dns.Question) {
	for _, r := range a.is.records.DnsRecords {
		ttl := uint32(*r.TTL)
		for i := range a.chosen {
			at := &a.chosen[i]
			switch kind := str(r.Type); {
			case kind == "SRV" && q.Qtype == dns.TypeSRV && at.Port != 0:
				target := at.ID + "." + a.service
				// AWS: the values of priority and weight are 1 (services-route53).
				m.Answer = append(m.Answer, &dns.SRV{Hdr: header(q.Name, dns.TypeSRV, ttl), Priority: 1, Weight: 1, Port: uint16(at.Port), Target: target})
				m.Extra = a.addresses(m.Extra, target, dns.TypeA, at)
				m.Extra = a.addresses(m.Extra, target, dns.TypeAAAA, at)
			case kind == "CNAME" && (q.Qtype == dns.TypeCNAME || q.Qtype == dns.TypeA || q.Qtype == dns.TypeAAAA):
				if name := at.Attributes[discovery.AttrName]; name != "" {
					m.Answer = append(m.Answer, &dns.CNAME{Hdr: header(q.Name, dns.TypeCNAME, ttl), Target: dns.Fqdn(name)})
				}
			case kind == dns.TypeToString[q.Qtype]:
				m.Answer = appendAddress(m.Answer, q.Name, q.Qtype, ttl, at)
			}
		}
	}
	m.Answer = dns.Dedup(m.Answer, nil) // instances may share an address
}

// addresses are those of an instance that a SRV record leads to.
func (a *asked) addresses(list []dns.RR, name string, kind uint16, i *discovery.Instance) []dns.RR {
	return appendAddress(list, name, kind, uint32(*a.is.records.DnsRecords[0].TTL), i)
}

// appendAddress appends the record of an instance's address, if it has one of
// that kind.
func appendAddress(list []dns.RR, name string, kind uint16, ttl uint32, i *discovery.Instance) []dns.RR {
	switch {
	case kind == dns.TypeA && i.Attributes[discovery.AttrIPv4] != "":
		return append(list, &dns.A{Hdr: header(name, kind, ttl), A: net.ParseIP(i.Attributes[discovery.AttrIPv4])})
	case kind == dns.TypeAAAA && i.Attributes[discovery.AttrIPv6] != "":
		return append(list, &dns.AAAA{Hdr: header(name, kind, ttl), AAAA: net.ParseIP(i.Attributes[discovery.AttrIPv6])})
	}
	return list
}

func header(name string, kind uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: ttl}
}

// start is the SOA record of a zone. Nobody transfers it: its number stays.
func (a *asked) start() *dns.SOA {
	return &dns.SOA{
		Hdr: header(a.zone, dns.TypeSOA, a.soa), Ns: "ns." + a.zone, Mbox: "hostmaster." + a.zone,
		Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: a.soa,
	}
}
