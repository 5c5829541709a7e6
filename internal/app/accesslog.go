package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/arn"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/otlp"
	"gatehouse/internal/record"
	"gatehouse/internal/service/logs"
)

// dropTold is how often the operator is told of lines that were dropped.
const dropTold = 10 * time.Second

// Places of access logs, besides files and URLs.
const (
	logToGroups = "groups"
	logToStdout = "stdout"
	logToOTLP   = "otlp"
	logOff      = "off"
)

// accessLogs is where access logs go: to the log groups and delivery streams
// that stages name, and to places that take the lines of all stages.
type accessLogs struct {
	service *logs.Service
	groups  *logs.Service            // nil: access logs do not go to log groups
	every   []*step.LogSink          // take all lines
	streams map[string]*step.LogSink // delivery streams, by name
	stream  string                   // of log groups, in this run
	otlp    *otlp.Logs               // nil: access logs do not go there
	told    *otlp.Logs               // nil: execution logs do not go there
	log     *slog.Logger

	patience time.Duration // at the end, for URLs that do not answer
	giveUp   func()        // ends what is being sent to them
}

// leastPatience is how long lines have at the end, however short the drain is.
const leastPatience = time.Second

// openAccessLogs makes the places that the settings name.
func (n *node) openAccessLogs() (*accessLogs, error) {
	cfg := n.cfg
	l := &accessLogs{service: n.groups, streams: map[string]*step.LogSink{}, stream: newLogStream(), log: n.log}
	if cfg.OTLPExecutionLogs {
		l.told = n.telemetry.logs
	}
	l.patience = max(cfg.Drain, leastPatience)
	var last context.Context
	last, l.giveUp = context.WithCancel(context.Background())
	for name, url := range cfg.DeliveryStreams {
		l.streams[name] = step.NewLogSink(newDeliveryStream(url).opener(last), step.LogOptions{Flush: time.Second})
	}
	for _, place := range cfg.accessLogPlaces() {
		switch {
		case place == logOff:
		case place == logToGroups:
			l.groups = n.groups
		case place == logToOTLP:
			l.otlp = n.telemetry.logs
		case place == logToStdout:
			l.every = append(l.every, step.NewLogSink(step.Stdout, step.LogOptions{}))
		case isHTTP(place):
			l.every = append(l.every, step.NewLogSink(newDeliveryStream(place).opener(last), step.LogOptions{Flush: time.Second}))
		default:
			open := step.File(place)
			f, err := open() // now rather than with the first line
			if err == nil {
				err = f.Close()
			}
			if err != nil {
				return nil, fmt.Errorf("access-log: %w", err)
			}
			l.every = append(l.every, step.NewLogSink(open, step.LogOptions{}))
		}
	}
	return l, nil
}

// newLogStream is the name of a stream, as API Gateway names its streams.
//
// AWS: logging-metrics.md §2: 32 hex characters.
func newLogStream() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process first
	return hex.EncodeToString(b[:])
}

func isHTTP(place string) bool {
	return strings.HasPrefix(place, "http://") || strings.HasPrefix(place, "https://")
}

// streamPrefix begins the names of the delivery streams of access logs.
//
// AWS: logging-metrics.md §1.1.
const streamPrefix = "deliverystream/amazon-apigateway-"

// hasStream reports whether a delivery stream is known, by the resource of its
// ARN.
func (c *Config) hasStream(resource string) bool {
	name, ok := strings.CutPrefix(resource, streamPrefix)
	_, known := c.DeliveryStreams[name]
	return ok && known
}

// Sink returns what takes the lines for the log group or delivery stream of an
// ARN; nil: nothing does.
func (l *accessLogs) Sink(destination string) (gateway.Sink, error) {
	sinks := make(sinks, 0, len(l.every)+1)
	for _, s := range l.every {
		sinks = append(sinks, s)
	}
	a, err := arn.Parse(destination)
	switch name, isGroup := strings.CutPrefix(a.Resource, "log-group:"); {
	case err != nil, a.Service == "firehose" && l.streams[strings.TrimPrefix(a.Resource, streamPrefix)] == nil:
		// The API takes no such stage; the configuration may have changed since. A
		// stage without its log is better than none.
		l.log.Warn("access log of a stage goes nowhere: no delivery-stream says where that is", "destination", destination)
	case a.Service == "firehose":
		sinks = append(sinks, l.streams[strings.TrimPrefix(a.Resource, streamPrefix)])
	case isGroup && l.groups != nil:
		scope := record.Scope{Account: a.Account, Region: a.Region}
		g := l.groups.Group(scope, strings.TrimSuffix(name, ":*"), true)
		sinks = append(sinks, groupSink{g.Stream(l.stream)})
	}
	if l.otlp != nil {
		sinks = append(sinks, lineSink{l.otlp.Source(otlp.Attribute{Key: "gatehouse.log", Value: "access"}, otlp.Attribute{Key: "gatehouse.log.destination", Value: destination})})
	}
	switch len(sinks) {
	case 0:
		return nil, nil
	case 1:
		return sinks[0], nil
	}
	return sinks, nil
}

// Group returns what takes the events of execution logs for a log group, which is
// made when the first comes.
func (l *accessLogs) Group(scope record.Scope, name string) gateway.EventSink {
	sink := eventSink{stream: l.service.Group(scope, name, true).Stream(l.stream)}
	if l.told != nil {
		sink.source = l.told.Source(otlp.Attribute{Key: "gatehouse.log", Value: "execution"}, otlp.Attribute{Key: "gatehouse.log.group", Value: name},
			otlp.Attribute{Key: "cloud.account.id", Value: scope.Account}, otlp.Attribute{Key: "cloud.region", Value: scope.Region})
	}
	return sink
}

// An eventSink takes events for a log group and its deliveries, and for
// OpenTelemetry.
type eventSink struct {
	stream *logs.Stream
	source *otlp.Source // nil: OpenTelemetry gets none
}

// Write adds an event. What OpenTelemetry has no room for is counted there.
func (s eventSink) Write(at int64, text, whole []byte) bool {
	if s.source != nil {
		s.source.Write(time.UnixMilli(at), text)
	}
	return s.stream.WriteWhole(at, text, whole)
}

// Delivers reports whether deliveries follow the group.
func (s eventSink) Delivers() bool { return s.stream.Delivers() }

// sinks are several places for the same lines.
type sinks []gateway.Sink

// Write takes a line.
func (s sinks) Write(at time.Time, line []byte) {
	for _, sink := range s {
		sink.Write(at, line)
	}
}

// A groupSink makes lines events of a log group.
type groupSink struct{ stream *logs.Stream }

// Write takes a line.
func (s groupSink) Write(at time.Time, line []byte) {
	s.stream.WriteNow(at.UnixMilli(), line[:len(line)-1]) // what is lost is counted
}

// A lineSink makes lines records of OpenTelemetry.
type lineSink struct{ source *otlp.Source }

// Write takes a line.
func (s lineSink) Write(at time.Time, line []byte) {
	s.source.Write(at, line[:len(line)-1]) // what is lost is counted
}

// all are the places that have a queue of their own.
func (l *accessLogs) all() []*step.LogSink {
	list := append([]*step.LogSink(nil), l.every...)
	for _, s := range l.streams {
		list = append(list, s)
	}
	return list
}

// Run writes lines until ctx ends, and then those that are left, if that does not
// take longer than its patience, and tells the operator of those that were dropped.
func (l *accessLogs) Run(ctx context.Context) error {
	defer l.giveUp()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(l.patience, l.giveUp) })
	defer stop()
	writers, ctx := errgroup.WithContext(ctx)
	for _, s := range l.all() {
		writers.Go(func() error { return s.Run(ctx) })
	}
	written := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() { l.tell(written) })
	err := writers.Wait()
	close(written)
	told.Wait()
	return err
}

// tell tells of lines that were dropped until all are written, and then once more.
func (l *accessLogs) tell(written <-chan struct{}) {
	tick := time.NewTicker(dropTold)
	defer tick.Stop()
	last := false
	for told := uint64(0); !last; {
		select {
		case <-written:
			last = true
		case <-tick.C:
		}
		if _, n := l.counts(); n > told {
			l.log.Warn("access log lines dropped: it is written too slowly, or not at all", "lines", n-told)
			told = n
		}
	}
}

// counts are the lines that were written, and those that were lost, but for what
// log groups count themselves.
func (l *accessLogs) counts() (written, dropped uint64) {
	for _, s := range l.all() {
		written, dropped = written+s.Lines(), dropped+s.Dropped()
	}
	return written, dropped
}

// reopen opens files anew, for rotation.
func (l *accessLogs) reopen() {
	for _, s := range l.every {
		s.Reopen()
	}
}
