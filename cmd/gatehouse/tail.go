package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// newTail returns the command that prints log groups.
func newTail() *cobra.Command {
	var to target
	t := tail{}
	cmd := &cobra.Command{
		Use:   "tail [GROUP]...",
		Short: "Print the events of log groups, and follow them",
		Long: "Prints the last events of log groups, in the order of their times, and with --follow what comes from now on.\n" +
			"Without a group it prints all of the Region. Access logs, execution logs and what functions write are log groups.",
		Example: "  gatehouse tail --follow\n" +
			"  gatehouse tail /aws/lambda/hello --filter ERROR --since 1h",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			c, err := to.connect(ctx, time.Second)
			if err != nil {
				return err
			}
			t.client, t.groups, t.out = c, args, cmd.OutOrStdout()
			t.every, t.named = len(args) == 0, len(args) != 1
			return t.run(ctx)
		},
	}
	t.register(cmd)
	to.register(cmd)
	return cmd
}

// A tail prints the end of log groups.
type tail struct {
	lines   int
	follow  bool
	pattern string
	since   time.Duration

	client *client
	groups []string
	every  bool // all groups there are, also those that are made meanwhile
	named  bool // lines begin with the group
	out    io.Writer
	seen   map[string]*seenEvents // by group
}

func (t *tail) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&t.follow, "follow", "f", false, "go on printing until interrupted")
	f.IntVarP(&t.lines, "lines", "n", 100, "how many `EVENTS` of those before")
	f.StringVar(&t.pattern, "filter", "", "only what matches a filter `PATTERN` of CloudWatch Logs")
	f.DurationVar(&t.since, "since", 0, "only what is not older than `TIME`, as in 15m")
}

// seenEvents are those of a group's newest millisecond that were printed.
type seenEvents struct {
	at  int64
	ids map[string]bool
}

// A logEvent is one event.
type logEvent struct {
	EventID       string `json:"eventId"`
	LogStreamName string `json:"logStreamName"`
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	group         string
}

// logPoll is how often followed groups are looked at.
const logPoll = 500 * time.Millisecond

func (t *tail) run(ctx context.Context) error {
	t.seen = map[string]*seenEvents{}
	begun := time.Now()
	if err := t.look(ctx, t.last); err != nil || !t.follow {
		return err
	}
	tick := time.NewTicker(logPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := t.look(ctx, func(ctx context.Context, group string) ([]logEvent, error) { return t.next(ctx, group, begun) })
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// look prints what read returns of all groups, in order.
func (t *tail) look(ctx context.Context, read func(ctx context.Context, group string) ([]logEvent, error)) error {
	if t.every {
		if err := t.list(ctx); err != nil {
			return err
		}
	}
	var all []logEvent
	for _, group := range t.groups {
		list, err := read(ctx, group)
		if isRefused(err, "ResourceNotFoundException") && (t.every || t.follow || strings.HasPrefix(group, "/aws/lambda/")) {
			continue // it is made with its first event
		}
		if err != nil {
			return err
		}
		for i := range list {
			list[i].group = group
		}
		all = append(all, list...)
	}
	slices.SortStableFunc(all, func(a, b logEvent) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	for i := range all {
		if err := t.print(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *tail) print(e *logEvent) error {
	at := time.UnixMilli(e.Timestamp).UTC().Format("2006-01-02T15:04:05.000Z")
	group := ""
	if t.named {
		group = e.group + "\t"
	}
	_, err := fmt.Fprintf(t.out, "%s\t%s%s\n", at, group, strings.TrimRight(e.Message, "\n"))
	return err
}

// list finds out which groups there are.
func (t *tail) list(ctx context.Context) error {
	t.groups = nil
	in := map[string]any{}
	for {
		var out struct {
			LogGroups []struct{ LogGroupName string }
			NextToken string
		}
		if err := t.client.logs(ctx, "DescribeLogGroups", in, &out); err != nil {
			return err
		}
		for _, g := range out.LogGroups {
			t.groups = append(t.groups, g.LogGroupName)
		}
		if out.NextToken == "" {
			return nil
		}
		in["nextToken"] = out.NextToken
	}
}

// last returns the last events of a group.
func (t *tail) last(ctx context.Context, group string) ([]logEvent, error) {
	start := int64(1704067200000) // AWS: no earlier one is taken where the newest come first
	if t.since > 0 {
		start = max(start, time.Now().Add(-t.since).UnixMilli())
	}
	var all []logEvent
	in := map[string]any{"logGroupName": group, "filterPattern": t.pattern, "startTime": start, "startFromHead": false}
	for len(all) < t.lines {
		in["limit"] = min(t.lines-len(all), 10_000)
		list, token, err := t.page(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if token == "" {
			break
		}
		in["nextToken"] = token
	}
	slices.Reverse(all)
	t.note(group, all)
	return all, nil
}

// next returns the events that have come since.
func (t *tail) next(ctx context.Context, group string, begun time.Time) ([]logEvent, error) {
	seen := t.seen[group]
	if seen == nil {
		seen = &seenEvents{at: begun.UnixMilli()}
	}
	var all []logEvent
	in := map[string]any{"logGroupName": group, "filterPattern": t.pattern, "startTime": seen.at}
	for {
		list, token, err := t.page(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			if !seen.ids[e.EventID] {
				all = append(all, e)
			}
		}
		if token == "" {
			break
		}
		in["nextToken"] = token
	}
	t.note(group, all)
	return all, nil
}

// note remembers which events were printed.
func (t *tail) note(group string, list []logEvent) {
	if len(list) == 0 {
		return
	}
	at := list[len(list)-1].Timestamp
	seen := t.seen[group]
	if seen == nil || seen.at != at {
		seen = &seenEvents{at: at, ids: map[string]bool{}}
		t.seen[group] = seen
	}
	if seen.ids == nil {
		seen.ids = map[string]bool{}
	}
	for _, e := range list {
		if e.Timestamp == at {
			seen.ids[e.EventID] = true
		}
	}
}

func (t *tail) page(ctx context.Context, in map[string]any) ([]logEvent, string, error) {
	var out struct {
		Events    []logEvent
		NextToken string
	}
	err := t.client.logs(ctx, "FilterLogEvents", in, &out)
	return out.Events, out.NextToken, err
}

// logs calls CloudWatch Logs.
func (c *client) logs(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.do(ctx, call{
		method: "POST", path: "/", body: body, service: "logs",
		header: []string{"X-Amz-Target", "Logs_20140328." + operation, "Content-Type", "application/x-amz-json-1.1"},
	}, out)
}
