package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"
)

// A dnsServer answers questions about what is registered, by UDP and by TCP.
type dnsServer struct {
	packets net.PacketConn
	listen  net.Listener
}

// Bounds of the DNS's connections by TCP. Further ones wait in the kernel.
const (
	maxDNSConnections = 256
	dnsQuestions      = 100 // of a connection
	dnsIdle           = 10 * time.Second
)

// openDNS opens the address of the setting dns; nil: there is none.
func (n *node) openDNS() error {
	if n.cfg.DNS == "" {
		return nil
	}
	ln, packets, err := listenBoth("dns", n.cfg.DNS)
	if err == nil {
		n.dns = &dnsServer{packets, netutil.LimitListener(ln, maxDNSConnections)}
	}
	return err
}

// serveDNS answers until ctx ends. An upgrade ends it before the successor opens the
// address: who asks meanwhile asks again.
func (n *node) serveDNS(ctx context.Context) error {
	if err := n.registry.Wait(ctx, 0); err != nil {
		return nil // the end was asked for; nobody was answered that there is no such name
	}
	if n.dns == nil {
		if zones := n.registry.Zones(); zones > 0 {
			n.log.Warn("there are namespaces of DNS, and no server answers for them here: set dns", "namespaces", zones)
		}
		return nil
	}
	tcp := &dns.Server{Listener: n.dns.listen, Handler: n.registry, MaxTCPQueries: dnsQuestions, ReadTimeout: dnsIdle, WriteTimeout: dnsIdle, IdleTimeout: func() time.Duration { return dnsIdle }}
	udp := &dns.Server{PacketConn: n.dns.packets, Handler: n.registry}
	ended := make(chan error, 2)
	for _, s := range []*dns.Server{tcp, udp} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { ended <- s.ActivateAndServe() }()
		<-started
	}
	left := 2
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
		left--
	}
	// What is being answered has its time; who waits for a question has not.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, _ = tcp.ShutdownContext(stop), udp.ShutdownContext(stop)
	for range left {
		err = errors.Join(err, <-ended)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("dns: %w", err)
	}
	return nil
}

// close closes what serveDNS did not come to serve.
func (s *dnsServer) close() {
	if s != nil {
		_ = s.listen.Close() // for the second time, if it was served
		_ = s.packets.Close()
	}
}

// address is where the server was bound; empty: nowhere.
func (s *dnsServer) address() string {
	if s == nil {
		return ""
	}
	return s.packets.LocalAddr().String()
}
