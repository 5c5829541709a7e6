package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"gatehouse/internal/app"
	"gatehouse/internal/metrics"
)

// newTop returns the command that shows what is going on.
func newTop() *cobra.Command {
	t := topOptions{}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show the traffic of a running server, by stage and route",
		Long: "Shows the requests of every stage, busiest first, and of the methods and routes whose detailed metrics are\n" +
			"enabled: how many a second, the share of errors, latencies, and the latency of the backends. It asks the server's\n" +
			"admin address twice and shows what happened in between.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := t.check(); err != nil {
				return usageError{err}
			}
			return t.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&t.data, "data", defaultData(), "data directory `DIR` of the running server")
	f.StringVar(&t.admin, "admin", "", "`URL` of the server's admin address, as in http://127.0.0.1:9901")
	f.DurationVar(&t.interval, "interval", 2*time.Second, "`TIME` between two looks")
	f.IntVar(&t.limit, "limit", 20, "show the `N` busiest; 0: all")
	f.BoolVar(&t.once, "once", false, "look once")
	f.DurationVar(&t.last, "last", 0, "show the whole minutes of the last `TIME` that the server remembers, as in 15m, once and at once")
	f.StringVar(&t.output, "output", "text", "`FORMAT`: text, or json for one document a line")
	return cmd
}

type topOptions struct {
	data, admin, output string
	interval, last      time.Duration
	limit               int
	once                bool
}

func (t *topOptions) check() error {
	switch {
	case t.output != "text" && t.output != "json":
		return fmt.Errorf("--output is text or json, not %q", t.output)
	case t.interval < 10*time.Millisecond:
		return errors.New("--interval must be 10ms or more")
	case t.last != 0 && t.last < time.Minute:
		return errors.New("--last must be 1m or more")
	case t.limit < 0:
		return errors.New("--limit must not be negative")
	}
	return nil
}

// run shows one table after the other until ctx ends.
func (t *topOptions) run(ctx context.Context, w io.Writer) error {
	url, err := t.url()
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: callTime}
	if t.last != 0 {
		return t.showLast(ctx, client, url, w)
	}
	before, err := fetchTraffic(ctx, client, url)
	if err != nil {
		return err
	}
	clear := ""
	if f, ok := w.(*os.File); ok && !t.once && isTerminal(f) {
		clear = "\x1b[H\x1b[2J"
	}
	tick := time.NewTicker(t.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := fetchTraffic(ctx, client, url)
		if err != nil {
			return err
		}
		if err := t.show(w, clear, newTopView(before, now, t.limit)); err != nil || t.once {
			return err
		}
		before = now
	}
}

// showLast shows what the server remembers.
func (t *topOptions) showLast(ctx context.Context, client *http.Client, url string, w io.Writer) error {
	now, err := fetchTraffic(ctx, client, url+"?last="+t.last.String())
	if err != nil {
		return err
	}
	if now.From == nil {
		return errors.New("the server remembers nothing yet: it knows the minutes that have ended since it was started")
	}
	return t.show(w, "", newTopView(&app.Traffic{At: *now.From}, now, t.limit))
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// url is the address of the server's traffic.
func (t *topOptions) url() (string, error) {
	if t.admin != "" {
		return strings.TrimSuffix(t.admin, "/") + "/traffic", nil
	}
	running, err := app.FindRunning(t.data)
	if err != nil {
		return "", err
	}
	if running.Admin == "" {
		return "", errors.New("the server has no admin address: start it with --admin")
	}
	return running.AdminURL() + "/traffic", nil
}

// maxTraffic bounds the answer of a server: some 1 KiB for each series.
const maxTraffic = 256 << 20

func fetchTraffic(ctx context.Context, client *http.Client, url string) (*app.Traffic, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no server answers at %s (%w)", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	out := new(app.Traffic)
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxTraffic)).Decode(out); err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	return out, nil
}

// A topView is what happened between two looks.
type topView struct {
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds"` // between the looks
	Rows    []topRow  `json:"rows"`    // busiest first
	Left    int       `json:"leftOut"` // rows beyond the limit
}

// A topRow is one stage, or one method or route of it. Durations are in
// milliseconds.
type topRow struct {
	API         string  `json:"api"`
	Stage       string  `json:"stage"`
	Name        string  `json:"name,omitempty"` // of the API
	Method      string  `json:"method,omitempty"`
	Path        string  `json:"path,omitempty"`
	Rate        float64 `json:"requestsPerSecond"`
	Count       uint64  `json:"requests"`
	ClientError float64 `json:"clientErrorRate"` // shares, 0 to 1
	ServerError float64 `json:"serverErrorRate"`
	P50         float64 `json:"latencyP50"`
	P99         float64 `json:"latencyP99"`
	BackendP50  float64 `json:"integrationLatencyP50"`
	BackendP99  float64 `json:"integrationLatencyP99"`
	In          float64 `json:"bytesReceivedPerSecond"`
	Out         float64 `json:"bytesSentPerSecond"`
}

// newTopView compares two looks. A server that was started anew has counted
// nothing before.
func newTopView(before, now *app.Traffic, limit int) *topView {
	type name [6]string
	nameOf := func(s *app.TrafficSeries) name {
		return name{s.Account, s.Region, s.API, s.Stage, s.Method, s.Path}
	}
	earlier := make(map[name]*metrics.Figures, len(before.Series))
	for i := range before.Series {
		earlier[nameOf(&before.Series[i])] = &before.Series[i].Figures
	}
	v := &topView{At: now.At, Seconds: max(now.At.Sub(before.At).Seconds(), 0.001), Rows: []topRow{}}
	for i := range now.Series {
		s := &now.Series[i]
		f := s.Figures
		if e := earlier[nameOf(s)]; e != nil {
			f = f.Since(e)
		}
		v.Rows = append(v.Rows, newTopRow(s, &f, v.Seconds))
	}
	slices.SortStableFunc(v.Rows, func(a, b topRow) int { return cmp.Compare(b.Count, a.Count) })
	if limit > 0 && len(v.Rows) > limit {
		v.Rows, v.Left = v.Rows[:limit], len(v.Rows)-limit
	}
	return v
}

func newTopRow(s *app.TrafficSeries, f *metrics.Figures, seconds float64) topRow {
	share := func(n uint64) float64 { return float64(n) / float64(max(1, f.Count)) }
	millis := func(d *metrics.Distribution, q float64) float64 {
		return float64(d.Quantile(q)) / float64(time.Millisecond)
	}
	return topRow{
		API: s.API, Stage: s.Stage, Name: s.Name, Method: s.Method, Path: s.Path,
		Rate: float64(f.Count) / seconds, Count: f.Count, ClientError: share(f.ClientErrors), ServerError: share(f.ServerErrors),
		P50: millis(&f.Latency, 0.5), P99: millis(&f.Latency, 0.99),
		BackendP50: millis(&f.Integration, 0.5), BackendP99: millis(&f.Integration, 0.99),
		In: float64(f.Received) / seconds, Out: float64(f.Sent) / seconds,
	}
}

// show writes a view.
func (t *topOptions) show(w io.Writer, clear string, v *topView) error {
	if t.output == "json" {
		return json.NewEncoder(w).Encode(v)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s  the last %.1f s; latencies in ms\n\n", clear, v.At.Format(time.DateTime), v.Seconds)
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "REQ/S\t4XX\t5XX\tP50\tP99\tBACKEND P50\tP99\tIN KB/S\tOUT KB/S\t  API STAGE ROUTE")
	for i := range v.Rows {
		r := &v.Rows[i]
		fmt.Fprintf(tw, "%.1f\t%.1f%%\t%.1f%%\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t%.1f\t  %s\n", r.Rate, 100*r.ClientError, 100*r.ServerError,
			r.P50, r.P99, r.BackendP50, r.BackendP99, r.In/1000, r.Out/1000, r.name())
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if v.Left > 0 {
		fmt.Fprintf(&b, "and %d more (--limit)\n", v.Left)
	}
	if len(v.Rows) == 0 {
		b.WriteString("No stage is deployed.\n")
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// name is what a row is of. Names of APIs may be anything.
func (r *topRow) name() string {
	return printable(strings.TrimSpace(strings.Join([]string{r.Name, r.API, r.Stage, r.Method, r.Path}, " ")))
}

// printable is text without what a terminal would act upon.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, text)
}

// printableLines is printable of each line.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
