package upstream

import (
	"context"
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
func (m *member) watch(ctx context.Context, lim wire.ClientLimits) {
	h := m.group.def.Health
	timer := time.NewTimer(rand.N(h.Interval/10 + 1))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := m.check(ctx, lim)
		if ctx.Err() != nil {
			return
		}
		m.checked(err)
		timer.Reset(h.Interval - h.Interval/20 + rand.N(h.Interval/10+1))
	}
}

// check asks once.
func (m *member) check(ctx context.Context, lim wire.ClientLimits) error {
	h := m.group.def.Health
	deadline := time.Now().Add(h.Timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	nc, err := m.addresses.dial(ctx)
	if err != nil {
		return err
	}
	if h.Path == "" {
		return nc.Close()
	}
	return ask(ctx, nc, lim, &wire.Request{Method: "GET", Target: h.Path, Host: m.group.healthHost()}, deadline)
}

func (g *group) healthHost() string {
	if h := g.def.Health; h.Host != "" {
		return h.Host
	}
	return g.name + clusterSuffix
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
func (m *member) checked(err error) {
	g := m.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		m.lastError = err.Error()
	}
	if (err != nil) == m.down {
		m.checks = 0
		return
	}
	m.checks++
	limit := g.def.Health.Fall
	if m.down {
		limit = g.def.Health.Rise
	}
	if m.checks < limit {
		return
	}
	m.down, m.checks = !m.down, 0
	if !m.down {
		m.lastError, m.ejected = "", false // asked and well: what it did before is over
		m.fails.Store(0)
	}
	g.settleLocked()
}
