package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/arn"
	"gatehouse/internal/function"
	"gatehouse/internal/journal"
	"gatehouse/internal/record"
	"gatehouse/internal/service/logs"
	"gatehouse/internal/store"
)

// openGroups makes CloudWatch Logs.
func (n *node) openGroups() *logs.Service {
	return logs.New(n.st, logs.Options{
		Dir: filepath.Join(n.cfg.Data, "logs"), Journal: journal.Options{MaxBytes: int64(n.cfg.LogsSize)},
		Metrics: filterMetrics{n.rollups}, Functions: subscribers{n}, Log: n.log,
		Stages: loggedStages{n}, Buckets: n.buckets, Streams: n.cfg.streamWriters(),
	})
}

// streamWriters tells by their names what sends lines to delivery streams.
func (c *Config) streamWriters() func(name string) logs.DeliveryStream {
	known := map[string]logs.DeliveryStream{}
	for name, url := range c.DeliveryStreams {
		known[name] = newDeliveryStream(url).deliver
	}
	return func(name string) logs.DeliveryStream { return known[name] }
}

// loggedStages tells which stages of REST APIs write execution logs.
type loggedStages struct{ n *node }

// ExecutionLogs tells whether a stage is there, and whether any of its methods
// writes a log.
func (l loggedStages) ExecutionLogs(ctx context.Context, scope record.Scope, restAPI, stage string) (exists, on bool, err error) {
	rec, _, err := record.In(l.n.st, l.n.blobs, scope).Stages.Get(ctx, store.ID(restAPI, stage))
	if errors.Is(err, store.ErrNotFound) {
		return false, false, nil
	}
	for _, set := range rec.MethodSettings {
		on = on || set.LoggingLevel != nil && (*set.LoggingLevel == "ERROR" || *set.LoggingLevel == "INFO")
	}
	return err == nil, on, err
}

// subscribers calls the functions that subscribe to log groups.
type subscribers struct{ n *node }

// InvokeForLogs calls a function when it can.
//
// AWS: "Using CloudWatch Logs subscription filters": the function's policy must
// let logs.amazonaws.com in, for the group's ARN.
func (s subscribers) InvokeForLogs(ctx context.Context, name, group string, payload []byte) error {
	a, err := arn.Parse(group)
	if err != nil {
		return err
	}
	_, err = auditedFunctions{s.n.functions.router, s.n.trail}.Invoke(ctx, &function.Invocation{
		Function: name, Kind: function.Event, Payload: payload,
		Source: function.Source{Service: "logs.amazonaws.com", ARN: group, Account: a.Account},
	})
	return err
}

// sendLogs tells what became of log events and of lines of access logs.
func (n *node) sendLogs(to chan<- prometheus.Metric) {
	written, dropped := n.logs.counts()
	logLines.send(to, float64(written))
	logDropped.send(to, float64(dropped))
	audit := n.trail.Stats()
	auditRecords.send(to, float64(audit.Kept))
	auditDropped.send(to, float64(audit.Dropped))
	n.sendTraces(to)
	st := n.groups.Stats()
	events.send(to, float64(st.Entries))
	eventsDropped.send(to, float64(st.Dropped))
	eventsHomeless.send(to, float64(st.Homeless))
	blocksDamaged.send(to, float64(st.Damaged))
	logsBytes.send(to, float64(st.Bytes))
}

// leastLogs is the least room for log groups: some blocks of each.
const leastLogs = 1 << 20

// checkLogs reports settings of logs that cannot work.
func (c *Config) checkLogs() error {
	var errs []error
	if c.LogsSize < leastLogs {
		errs = append(errs, errors.New("logs-size: write at least 1M"))
	}
	for name, url := range c.DeliveryStreams {
		if !isHTTP(url) {
			errs = append(errs, fmt.Errorf("delivery-stream: %s: %q is not a URL: write http://… or https://…", name, url))
		}
	}
	if share, err := strconv.ParseFloat(c.TraceSample, 64); err != nil || share < 0 || share > 1 {
		errs = append(errs, fmt.Errorf("trace-sample: %q is no share: write a number from 0 to 1", c.TraceSample))
	}
	if c.TraceSize != 0 && c.TraceSize < leastLogs {
		errs = append(errs, errors.New("trace-size: write 0, or at least 1M"))
	}
	if c.TraceSize == 0 && c.TraceToken != "" {
		errs = append(errs, errors.New("trace-token: nothing is recorded while trace-size is 0"))
	}
	places := c.accessLogPlaces()
	for _, place := range places {
		switch {
		case place == "":
			errs = append(errs, errors.New("access-log: is empty: write groups, stdout, a file, a URL, otlp or off"))
		case place == logToOTLP && c.OTLPEndpoint == "":
			errs = append(errs, errors.New("access-log: otlp needs otlp-endpoint"))
		case place == logOff && len(places) > 1:
			errs = append(errs, errors.New("access-log: off stands alone"))
		}
	}
	return errors.Join(errs...)
}
