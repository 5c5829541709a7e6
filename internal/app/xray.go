package app

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"

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

// checkXRay reports an address that cannot work.
func (c *Config) checkXRay() error {
	if c.XRayDaemon == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(c.XRayDaemon)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		return fmt.Errorf("xray-daemon: %q is not an address: write host:port, as 127.0.0.1:2000", c.XRayDaemon)
	}
	return nil
}
