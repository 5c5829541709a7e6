package robust_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// What a registry does.
const (
	truthful  = iota
	gone      // refuses connections; DNS: does not answer
	mute      // takes questions and never answers
	sick      // answers 500; DNS: SERVFAIL
	forgetful // knows of no endpoint; DNS: NXDOMAIN
	babbling  // answers what is none of the protocol; DNS: another question's answer
	registryBehaviours
)

// A registry knows the endpoints, and tells of them by DNS and as Consul does. Each
// of the two does something else.
type registry struct {
	all []*chaotic

	mu            sync.Mutex // guards the fields below
	unlisted      map[*chaotic]bool
	version       int
	changed       chan struct{} // closed by the next change
	dnsDoes, does int
	consul        net.Listener
	consulAddr    string
	servers       sync.WaitGroup
}

func newRegistry(t *testing.T, all []*chaotic) (r *registry, dnsAddr string) {
	r = &registry{all: all, unlisted: map[*chaotic]bool{}, version: 1, changed: make(chan struct{}), consulAddr: "127.0.0.1:0"}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	srv := &dns.Server{PacketConn: udp, Handler: dns.HandlerFunc(r.answerDNS), NotifyStartedFunc: func() { close(started) }}
	ended := make(chan error, 1)
	go func() { ended <- srv.ActivateAndServe() }()
	<-started
	r.become(truthful)
	if r.consul == nil {
		t.Fatal("cannot listen")
	}
	t.Cleanup(func() {
		_ = srv.Shutdown()
		<-ended
		r.become(gone)
		r.servers.Wait()
	})
	return r, udp.LocalAddr().String()
}

// become changes what the registry does as Consul.
func (r *registry) become(does int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.does = does
	r.version++
	r.tellLocked()
	switch {
	case does == gone && r.consul != nil:
		_ = r.consul.Close()
		r.consul = nil
	case does != gone && r.consul == nil:
		ln, err := net.Listen("tcp", r.consulAddr)
		if err != nil {
			r.does = gone // somebody else has the port for now
			return
		}
		r.consul, r.consulAddr = ln, ln.Addr().String()
		srv := &http.Server{Handler: http.HandlerFunc(r.answerConsul), ReadHeaderTimeout: time.Minute}
		r.servers.Go(func() {
			_ = srv.Serve(ln) // until the listener is closed
			_ = srv.Close()
		})
	}
}

// becomeDNS changes what the registry does as a DNS server.
func (r *registry) becomeDNS(does int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dnsDoes = does
}

// list has an endpoint be registered or not.
func (r *registry) list(e *chaotic, listed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unlisted[e] = !listed
	r.version++
	r.tellLocked()
}

func (r *registry) tellLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *registry) listedLocked() (list []*chaotic) {
	for _, e := range r.all {
		if !r.unlisted[e] {
			list = append(list, e)
		}
	}
	return list
}

func (r *registry) answerDNS(w dns.ResponseWriter, m *dns.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, q := new(dns.Msg).SetReply(m), m.Question[0]
	switch r.dnsDoes {
	case gone, mute:
		return
	case sick:
		a.Rcode = dns.RcodeServerFailure
	case forgetful:
		a.Rcode = dns.RcodeNameError
	case babbling:
		a.Question[0].Name = "somebody.else."
	default:
		for _, e := range r.listedLocked() {
			host, port, _ := net.SplitHostPort(e.addr)
			n, _ := strconv.Atoi(port)
			name := "e" + port + "." + host + ".chaos.test."
			srv := &dns.SRV{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeSRV, Class: dns.ClassINET, Ttl: 1}, Priority: 1, Weight: 1, Port: uint16(n), Target: name}
			if q.Qtype == dns.TypeSRV {
				a.Answer = append(a.Answer, srv)
			}
			where := &a.Extra
			if q.Qtype == dns.TypeA && q.Name == name {
				where = &a.Answer
			}
			if q.Qtype == dns.TypeSRV || q.Qtype == dns.TypeA && q.Name == name {
				*where = append(*where, &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.ParseIP(host)})
			}
		}
	}
	_ = w.WriteMsg(a) // who asked may be gone
}

func (r *registry) answerConsul(w http.ResponseWriter, req *http.Request) {
	index, _ := strconv.Atoi(req.URL.Query().Get("index"))
	for {
		r.mu.Lock()
		does, version, changed, list := r.does, r.version, r.changed, r.listedLocked()
		r.mu.Unlock()
		switch {
		case does == mute, (does == truthful || does == forgetful) && version <= index:
			select {
			case <-changed:
				continue
			case <-req.Context().Done():
				return
			}
		case does == gone:
			panic(http.ErrAbortHandler)
		case does == sick:
			http.Error(w, "sick", http.StatusInternalServerError)
			return
		case does == babbling:
			_, _ = io.WriteString(w, `{"what":`)
			return
		case does == forgetful:
			list = nil
		}
		entries := []map[string]any{}
		for _, e := range list {
			host, port, _ := net.SplitHostPort(e.addr)
			n, _ := strconv.Atoi(port)
			entries = append(entries, map[string]any{"Node": map[string]string{"Address": host}, "Service": map[string]any{"Address": host, "Port": n, "Weights": map[string]int{"Passing": 1}}})
		}
		w.Header().Set("X-Consul-Index", strconv.Itoa(version))
		_ = json.NewEncoder(w).Encode(entries) // who asked may be gone
		return
	}
}
