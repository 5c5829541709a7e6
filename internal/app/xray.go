package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/function"
	"gatehouse/internal/record"
	"gatehouse/internal/service/xray"
	"gatehouse/internal/trace"
)

// An xrayDaemon is told segments by UDP. They wait in a queue of bounded length;
// what finds no room, or cannot be sent, is dropped and counted.
type xrayDaemon struct {
	conn    net.Conn
	queue   chan []byte
	dropped atomic.Uint64
}

const (
	// xrayHeader stands before each segment. AWS: "Sending segment documents to
	// the X-Ray daemon".
	xrayHeader = "{\"format\": \"json\", \"version\": 1}\n"
	xrayQueue  = 1024
	// xrayMax is the largest segment document that the daemon takes.
	xrayMax = 64 << 10
)

// openXRay returns the daemon at an address; nil if that is empty.
func openXRay(addr string) (*xrayDaemon, error) {
	if addr == "" {
		return nil, nil
	}
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("xray-daemon: %w", err)
	}
	return &xrayDaemon{conn: conn, queue: make(chan []byte, xrayQueue)}, nil
}

// Write queues a segment.
func (d *xrayDaemon) Write(s *trace.Segment) {
	document := s.Document()
	if len(document) > xrayMax {
		d.dropped.Add(1)
		return
	}
	select {
	case d.queue <- append([]byte(xrayHeader), document...):
	default:
		d.dropped.Add(1)
	}
}

// run sends what is queued until ctx ends.
func (d *xrayDaemon) run(ctx context.Context) error {
	if d == nil {
		return nil
	}
	defer d.conn.Close() //nolint:errcheck // nothing is lost by it
	for {
		select {
		case <-ctx.Done():
			return nil
		case b := <-d.queue:
			if _, err := d.conn.Write(b); err != nil {
				d.dropped.Add(1) // as when nobody listens there
			}
		}
	}
}

// lost is how many segments were dropped.
func (d *xrayDaemon) lost() uint64 {
	if d == nil {
		return 0
	}
	return d.dropped.Load()
}

// openTraces makes what keeps traces, and the daemons.
func (n *node) openTraces() error {
	cfg := n.cfg
	rules, err := readRules(cfg.XRayRules)
	if err != nil {
		return err
	}
	n.traces = xray.New(n.st, xray.Options{Dir: filepath.Join(cfg.Data, "traces"), MaxBytes: int64(cfg.XRaySize), Rules: rules, Log: n.log})
	if n.xrayTo, err = openXRay(cfg.XRayDaemon); err != nil || cfg.XRayListen == "" {
		return err
	}
	tcp, udp, err := listenBoth("xray-listen", cfg.XRayListen)
	if err != nil {
		return err
	}
	n.xrayHere = &xray.Daemon{Service: n.traces, UDP: udp, TCP: tcp, Log: n.log, Scope: record.Scope{Account: cfg.Account, Region: cfg.XRayRegion}}
	return nil
}

// readRules reads a file of sampling rules; no rules if there is none.
func readRules(file string) ([]trace.Rule, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("xray-rules: %w", err)
	}
	rules, err := trace.ParseLocal(b)
	if err != nil {
		return nil, fmt.Errorf("xray-rules: %s: %w", file, err)
	}
	return rules, nil
}

// closeXRay closes the addresses of a daemon, if there is one and Run has not.
func closeXRay(d *xray.Daemon) {
	if d != nil {
		_, _ = d.TCP.Close(), d.UDP.Close() // nothing is lost by it
	}
}

// serveXRay is the daemon, if there is one.
func (n *node) serveXRay(ctx context.Context) error {
	if n.xrayHere == nil {
		return nil
	}
	return n.xrayHere.Run(ctx)
}

// segments is where segments of the data plane go.
func (n *node) segments() trace.Sink {
	list := trace.Sinks{n.traces}
	if n.xrayTo != nil {
		list = append(list, n.xrayTo)
	}
	if n.telemetry.traces != nil {
		list = append(list, n.telemetry.traces)
	}
	return list
}

// segmentsV2 is where segments of HTTP and WebSocket APIs go: X-Ray has none of
// them, unless it is asked to; nil: nowhere.
func (n *node) segmentsV2() trace.Sink {
	switch {
	case n.cfg.HTTPAPITracing:
		return n.segments()
	case n.telemetry.traces != nil:
		return n.telemetry.traces
	}
	return nil
}

// A functionTracer is told of invocations.
type functionTracer struct {
	trace.Sink
	traces *xray.Service
}

// Began notes where a trace belongs.
func (t functionTracer) Began(traceID, account, region string) {
	t.traces.Began(traceID, account, region)
}

// tracer is told of the invocations of functions.
func (n *node) tracer() function.Tracer { return functionTracer{n.segments(), n.traces} }

// xrayAddress is where functions find the daemon; empty: there is none.
func (n *node) xrayAddress() string {
	if n.xrayHere == nil {
		return ""
	}
	return reachable(n.xrayHere.UDP.LocalAddr().String())
}

// sendTraces tells what became of segments.
func (n *node) sendTraces(to chan<- prometheus.Metric) {
	segmentsDropped.send(to, float64(n.xrayTo.lost()))
	st := n.traces.Stats()
	traceSegments.send(to, float64(st.Kept))
	tracesDropped.send(to, float64(st.Dropped))
	tracesInvalid.send(to, float64(st.Invalid))
	tracesBytes.send(to, float64(st.Bytes))
}

// checkXRay reports settings of traces that cannot work.
func (c *Config) checkXRay() error {
	var errs []error
	for _, s := range []struct{ name, addr string }{{"xray-daemon", c.XRayDaemon}, {"xray-listen", c.XRayListen}} {
		if s.addr == "" {
			continue
		}
		_, port, err := net.SplitHostPort(s.addr)
		if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
			errs = append(errs, fmt.Errorf("%s: %q is not an address: write host:port, as 127.0.0.1:2000", s.name, s.addr))
		}
	}
	if c.XRaySize < leastLogs {
		errs = append(errs, errors.New("xray-size: write at least 1M"))
	}
	if c.XRayRegion == "" {
		errs = append(errs, errors.New("xray-region: is empty: write a Region, as us-east-1"))
	}
	_, err := readRules(c.XRayRules)
	return errors.Join(append(errs, err)...)
}
