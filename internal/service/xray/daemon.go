package xray

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
)

// A Daemon is what the SDKs of X-Ray talk to: it takes segments by UDP and, on the
// same port by TCP, answers what the sampling rules are. Callers do not sign.
//
// AWS: "AWS X-Ray daemon", which passes both on to X-Ray.
type Daemon struct {
	Service *Service
	UDP     net.PacketConn
	TCP     net.Listener
	Scope   record.Scope // where segments belong whose trace is not known here
	Log     *slog.Logger
}

// Bounds of what callers may send and hold.
const (
	maxDatagram    = maxDocument + 1<<10
	daemonBuffer   = 4 << 20 // of the kernel, for bursts
	daemonHeadTime = 5 * time.Second
	daemonCallTime = 10 * time.Second
	daemonMaxBody  = 256 << 10
)

// Run serves until ctx ends, and closes both addresses.
func (d *Daemon) Run(ctx context.Context) error {
	calls, err := awsrpc.NewHandler([]awsrpc.Mount{api.Mount(&samplingOnly{s: d.Service, scope: d.Scope})},
		awsrpc.Options{Dev: true, Account: d.Scope.Account, MaxBody: daemonMaxBody, Log: d.Log})
	if err != nil {
		return fmt.Errorf("xray-listen: %w", err)
	}
	srv := &http.Server{Handler: calls, ReadHeaderTimeout: daemonHeadTime, ReadTimeout: daemonCallTime, WriteTimeout: daemonCallTime, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(d.Log.Handler(), slog.LevelDebug)}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		<-ctx.Done()
		return errors.Join(srv.Close(), d.UDP.Close())
	})
	g.Go(func() error {
		if err := srv.Serve(d.TCP); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("xray-listen: %w", err)
		}
		return nil
	})
	g.Go(func() error { return d.receive(ctx) })
	return g.Wait()
}

// receive takes segments until ctx ends.
func (d *Daemon) receive(ctx context.Context) error {
	if c, ok := d.UDP.(interface{ SetReadBuffer(int) error }); ok {
		_ = c.SetReadBuffer(daemonBuffer) // as much as the kernel gives
	}
	b := make([]byte, maxDatagram)
	for {
		n, _, err := d.UDP.ReadFrom(b)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("xray-listen: %w", err)
		case err != nil: // as for want of memory: no reason to end
			d.Log.Warn("segments cannot be received, next try in a second", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(retryTime):
			}
			continue
		}
		d.Service.take(d.Scope, b[:n])
	}
}

// take keeps the segment of a datagram, without waiting.
//
// AWS: "Sending segment documents to the X-Ray daemon": a line with the format, and
// the document.
func (s *Service) take(scope record.Scope, datagram []byte) {
	head, doc, ok := bytes.Cut(datagram, []byte("\n"))
	if !ok || !bytes.Contains(head, []byte(`"format"`)) {
		s.invalid.Add(1)
		return
	}
	now := time.Now()
	seg, code := readSegment(bytes.TrimSpace(doc), now)
	if code != "" {
		s.invalid.Add(1)
		return
	}
	if known, ok := s.places.of(seg.TraceID); ok {
		scope = known
	}
	j, err := s.journal(scope)
	if err != nil || !s.rate.TakeAt(now) {
		s.dropped.Add(1)
		return
	}
	j.Append(entryOf(&seg, doc)) // what finds no room is counted
}

// samplingOnly are the operations that SDKs ask a daemon for.
type samplingOnly struct {
	api.UnimplementedServer
	s     *Service
	scope record.Scope
}

// as is ctx with the daemon as the caller.
func (o *samplingOnly) as(ctx context.Context) context.Context {
	c := awsrpc.CallerFrom(ctx)
	c.Account, c.Region = o.scope.Account, o.scope.Region
	return awsrpc.WithCaller(ctx, c)
}

// GetSamplingRules returns the rules.
func (o *samplingOnly) GetSamplingRules(ctx context.Context, in *api.GetSamplingRulesInput) (*api.GetSamplingRulesResponse, error) {
	return o.s.GetSamplingRules(o.as(ctx), in)
}

// GetSamplingTargets takes what a client has chosen.
func (o *samplingOnly) GetSamplingTargets(ctx context.Context, in *api.GetSamplingTargetsInput) (*api.GetSamplingTargetsResponse, error) {
	return o.s.GetSamplingTargets(o.as(ctx), in)
}
