package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
)

// Handler returns a handler of the process log: it passes records on to next, and
// adds those that next is enabled for to l too.
func (l *Logs) Handler(next slog.Handler) slog.Handler { return &handler{logs: l, next: next} }

type handler struct {
	logs       *Logs
	next       slog.Handler
	attributes []byte // of each record, as fields of a LogRecord
	group      string // before the names of attributes, with its dots
}

var _ slog.Handler = (*handler)(nil)

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	attributes := h.attributes[:len(h.attributes):len(h.attributes)]
	r.Attrs(func(a slog.Attr) bool {
		attributes = appendAttr(attributes, h.group, a)
		return true
	})
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	h.logs.add(at, r.Level, r.Level.String(), []byte(valid(r.Message)), attributes) // what is lost is counted
	return h.next.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.next = h.next.WithAttrs(attrs)
	next.attributes = h.attributes[:len(h.attributes):len(h.attributes)]
	for _, a := range attrs {
		next.attributes = appendAttr(next.attributes, h.group, a)
	}
	return &next
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.next = h.next.WithGroup(name)
	next.group = h.group + name + "."
	return &next
}

func appendAttr(dst []byte, group string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	switch {
	case v.Kind() == slog.KindGroup:
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, b := range v.Group() {
			dst = appendAttr(dst, group, b)
		}
		return dst
	case a.Key == "":
		return dst
	}
	return appendAttribute(dst, valid(group+a.Key), anyValue(v))
}

func anyValue(v slog.Value) *common.AnyValue {
	switch v.Kind() {
	case slog.KindInt64:
		return number(v.Int64())
	case slog.KindBool:
		return truth(v.Bool())
	case slog.KindFloat64:
		return fraction(v.Float64())
	case slog.KindAny:
		return text(fmt.Sprint(v.Any()))
	}
	return text(v.String())
}
