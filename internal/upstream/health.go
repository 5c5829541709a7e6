package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"gatehouse/internal/wire"
)

// lookUp looks the host name of an endpoint up again and again.
func (m *member) lookUp(ctx context.Context, opt *Options) {
	tick := time.NewTicker(opt.Refresh)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, opt.ConnectTimeout)
		_ = m.addresses.refresh(once) // the last list stays in force
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// watch checks one endpoint at intervals, which vary by a tenth so that many
// endpoints are not asked in the same moment.
func (m *member) watch(ctx context.Context, h *Health, lim wire.ClientLimits) {
	timer := time.NewTimer(rand.N(h.Interval/10 + 1))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := m.check(ctx, h, lim)
		if ctx.Err() != nil {
			return
		}
		m.checked(h, err)
		timer.Reset(h.Interval - h.Interval/20 + rand.N(h.Interval/10+1))
	}
}

// check asks once.
func (m *member) check(ctx context.Context, h *Health, lim wire.ClientLimits) error {
	deadline := time.Now().Add(h.Timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	nc, err := m.addresses.dial(ctx)
	if err != nil {
		return err
	}
	host := h.Host
	if host == "" {
		host = m.group.name + clusterSuffix
	}
	if h.TLS {
		if nc, err = handshake(ctx, nc, healthTLS(h, host)); err != nil {
			return err
		}
	}
	switch h.kind() {
	case healthTCP:
		return nc.Close()
	case healthGRPC:
		return askGRPC(ctx, nc, h.Service, host)
	}
	return ask(ctx, nc, lim, &wire.Request{Method: "GET", Target: h.Path, Host: host}, deadline)
}

// healthTLS is how checks speak TLS: whether the endpoint answers is asked, not who it
// is. Requests verify that.
func healthTLS(h *Health, host string) *tls.Config {
	cfg := &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if h.kind() == healthGRPC {
		cfg.NextProtos = []string{"h2"}
	}
	return cfg
}

// ask sends a request over a connection of its own, and takes a status from 200
// to 399 for good.
func ask(ctx context.Context, nc net.Conn, lim wire.ClientLimits, req *wire.Request, deadline time.Time) error {
	defer nc.Close() //nolint:errcheck // nothing is under way
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	var resp wire.Response
	if err := wire.NewClientConn(nc, lim).Do(req, &resp, deadline); err != nil {
		return Classify(err)
	}
	if resp.Status < 200 || resp.Status >= 400 {
		return fmt.Errorf("status %d", resp.Status)
	}
	return nil
}

// checked notes the outcome of a check.
func (m *member) checked(h *Health, err error) {
	g := m.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.config().def.Health == nil {
		return // nobody wants to know any more
	}
	if err != nil {
		m.lastError = err.Error()
	}
	if (err != nil) == m.down {
		m.checks = 0
		return
	}
	m.checks++
	limit := h.Fall
	if m.down {
		limit = h.Rise
	}
	if m.checks < limit {
		return
	}
	m.down, m.checks = !m.down, 0
	if !m.down {
		// Asked and well: what it did before is over.
		m.lastError, m.ejected, m.since = "", false, monotonic()
		m.fails.Store(0)
	}
	g.settleLocked()
}

// uncheckedLocked takes back what checks have found, as there are none any more.
func (g *group) uncheckedLocked() {
	for _, m := range g.members {
		if m.down {
			m.since = monotonic()
		}
		m.down, m.checks, m.lastError = false, 0, ""
	}
}
