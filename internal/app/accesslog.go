package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/step"
)

// dropTold is how often the operator is told of lines that were dropped.
const dropTold = 10 * time.Second

// accessLogs is where the access logs of all stages go: one place, whatever
// log group a stage names. A nil one is switched off.
type accessLogs struct {
	sink *step.LogSink
	log  *slog.Logger
}

// openAccessLogs makes the place named by the setting, or nil for none.
func openAccessLogs(name string, log *slog.Logger) (*accessLogs, error) {
	switch name {
	case "off":
		return nil, nil
	case "stdout":
		return &accessLogs{step.NewLogSink(step.Stdout, step.LogOptions{}), log}, nil
	}
	open := step.File(name)
	f, err := open() // now rather than with the first line
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("access-log: %w", err)
	}
	return &accessLogs{step.NewLogSink(open, step.LogOptions{}), log}, nil
}

// Sink returns the place for the lines of a log group.
func (l *accessLogs) Sink(string) (gateway.Sink, error) { return l.sink, nil }

// Run tells the operator of dropped lines until ctx ends.
func (l *accessLogs) Run(ctx context.Context) error {
	if l == nil {
		return nil
	}
	tick := time.NewTicker(dropTold)
	defer tick.Stop()
	for told := uint64(0); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if n := l.sink.Dropped(); n > told {
			l.log.Warn("access log lines dropped: it is written too slowly, or not at all", "lines", n-told)
			told = n
		}
	}
}

// write writes the lines until ctx ends, and then those that are left.
func (l *accessLogs) write(ctx context.Context) error {
	if l == nil {
		return nil
	}
	return l.sink.Run(ctx)
}

// reopen opens the file anew, for rotation.
func (l *accessLogs) reopen() {
	if l != nil {
		l.sink.Reopen()
	}
}
