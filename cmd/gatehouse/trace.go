package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/app"
	"gatehouse/internal/gateway"
)

// An adminTarget says whose admin address to ask.
type adminTarget struct{ data, admin string }

func (t *adminTarget) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.data, "data", defaultData(), "data directory `DIR` of the running server")
	cmd.Flags().StringVar(&t.admin, "admin", "", "`URL` of the server's admin address, as in http://127.0.0.1:9901")
}

// get reads a document from the admin address.
func (t *adminTarget) get(ctx context.Context, path string, out any) error {
	return t.ask(ctx, http.MethodGet, path, out)
}

// unknown is an error that adds nothing to the server's words: it does not know
// what it was asked for.
type unknown struct{}

// Error returns nothing.
func (unknown) Error() string { return "" }

// ask makes a request to the admin address.
func (t *adminTarget) ask(ctx context.Context, method, path string, out any) error {
	base := strings.TrimSuffix(t.admin, "/")
	if base == "" {
		running, err := app.FindRunning(t.data)
		if err != nil {
			return err
		}
		if running.Admin == "" {
			return errors.New("the server has no admin address: start it with --admin")
		}
		base = running.AdminURL()
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Timeout: callTime}).Do(req)
	if err != nil {
		return fmt.Errorf("no server answers at %s (%w)", base, err)
	}
	defer resp.Body.Close()
	body := io.LimitReader(resp.Body, maxAnswer)
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		var e struct{ Error string }
		if json.NewDecoder(body).Decode(&e) == nil && e.Error != "" {
			if resp.StatusCode == http.StatusNotFound {
				return fmt.Errorf("%s%w", e.Error, unknown{})
			}
			return errors.New(e.Error)
		}
		return fmt.Errorf("%s: %s", base+path, resp.Status)
	}
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return fmt.Errorf("%s: %w", base+path, err)
	}
	return nil
}

// recording looks a request up.
func (t *adminTarget) recording(ctx context.Context, id string) (*gateway.Recording, error) {
	var list []gateway.Recording
	if err := t.get(ctx, "/recordings/"+url.PathEscape(id), &list); err != nil {
		return nil, err
	}
	return &list[0], nil // never empty
}

// waitPoll is how often a request that is waited for is looked for.
const waitPoll = 200 * time.Millisecond

// await has the next request with an id recorded, and returns its recording.
func (t *adminTarget) await(ctx context.Context, id string, within time.Duration) (*gateway.Recording, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := t.ask(ctx, http.MethodPost, "/recordings/"+url.PathEscape(id), new(struct{})); err != nil {
		return nil, err
	}
	tick := time.NewTicker(waitPoll)
	defer tick.Stop()
	for {
		rec, err := t.recording(ctx, id)
		if err == nil && len(rec.Steps) > 0 {
			return rec, nil
		}
		if err != nil && !errors.As(err, new(unknown)) && ctx.Err() == nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no request with the id %s came within %v", id, within)
		case <-tick.C:
		}
	}
}

// newTrace returns the command that tells what happened to a request.
func newTrace() *cobra.Command {
	var to adminTarget
	output, wait := "text", time.Duration(0)
	cmd := &cobra.Command{
		Use:   "trace REQUEST-ID",
		Short: "Tell what happened to a request, step by step",
		Long: "Tells what happened to a request: how it ended and why, and if it was chosen to be recorded, what each step\n" +
			"took and changed. Failed requests are known in any case; --trace-sample of the server and the header\n" +
			"X-Gatehouse-Trace choose others, and --wait the next one with this id. The id is x-amzn-requestid, x-amz-apigw-id\n" +
			"or the root of x-amzn-trace-id; with --wait it is one of those that the client sends. A message of a WebSocket\n" +
			"API has its request id and that of its connection, by which the last one is told, or the next.",
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			rec, err := to.find(cmd.Context(), args[0], wait)
			if err != nil {
				return err
			}
			if output == "json" {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(rec)
			}
			return printRecording(cmd.OutOrStdout(), rec)
		},
	}
	to.register(cmd)
	cmd.Flags().StringVar(&output, "output", "text", "`FORMAT`: text, or json")
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait for the next request with this id for `TIME`, as in 1m, and have it recorded step by step")
	return cmd
}

// find looks a request up or, with a time, waits for it.
func (t *adminTarget) find(ctx context.Context, id string, wait time.Duration) (*gateway.Recording, error) {
	if wait > 0 {
		return t.await(ctx, id, wait)
	}
	return t.recording(ctx, id)
}

// printRecording prints a recording for people.
func printRecording(w io.Writer, rec *gateway.Recording) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" && value != "0" {
			fmt.Fprintf(&b, "%-12s %s\n", name, value)
		}
	}
	line("request", rec.RequestID)
	line("at", rec.Start.UTC().Format("2006-01-02T15:04:05.000Z"))
	line("what", rec.Method+" "+rec.Host+rec.Path)
	if rec.API != "" {
		line("served by", rec.API+"/"+rec.Stage+" "+rec.Route)
	}
	line("connection", strings.TrimSpace(rec.ConnectionID+" "+rec.Event))
	line("from", rec.SourceIP)
	line("caller", rec.Caller)
	line("API key", rec.APIKeyID)
	line("answered", fmt.Sprintf("%d in %v", rec.Status, time.Duration(rec.Micros)*time.Microsecond))
	if rec.BackendMicros > 0 {
		line("backend", fmt.Sprintf("%d in %v", rec.BackendStatus, time.Duration(rec.BackendMicros)*time.Microsecond))
	}
	line("fault", rec.Fault)
	line("told", rec.Message)
	line("because", rec.Cause)
	line("authorizer", rec.AuthorizerError)
	line("integration", rec.BackendError)
	for i := range rec.Steps {
		s := &rec.Steps[i]
		fmt.Fprintf(&b, "\n%2d  %-28s %v\n", i+1, s.Name, time.Duration(s.Micros)*time.Microsecond)
		for _, c := range s.Changes {
			fmt.Fprintf(&b, "      %s\n", c)
		}
		if s.Error != "" {
			fmt.Fprintf(&b, "      ended here: %s\n", s.Error)
		}
	}
	_, err := io.WriteString(w, printableLines(b.String()))
	return err
}

// newErrors returns the command that tells what failed.
func newErrors() *cobra.Command {
	var to adminTarget
	last, limit, output := 15*time.Minute, 30, "text"
	cmd := &cobra.Command{
		Use:   "errors",
		Short: "Tell what failed lately, grouped by reason",
		Long: "Tells which requests were refused or failed, grouped by API, stage, method and reason, most frequent first. The\n" +
			"last column is the id of one of them, for \"gatehouse trace\".",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []app.Failure
			if err := to.get(cmd.Context(), "/failures?last="+url.QueryEscape(last.String()), &list); err != nil {
				return err
			}
			if output == "json" {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(list)
			}
			return printFailures(cmd.OutOrStdout(), list, limit)
		},
	}
	to.register(cmd)
	cmd.Flags().DurationVar(&last, "last", last, "what failed in the last `TIME`")
	cmd.Flags().IntVar(&limit, "limit", limit, "show the `N` most frequent; 0: all")
	cmd.Flags().StringVar(&output, "output", output, "`FORMAT`: text, or json")
	return cmd
}

func printFailures(w io.Writer, list []app.Failure, limit int) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "nothing failed")
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "COUNT\tSTATUS\tAPI\tROUTE\tFAULT\tREASON\tREQUEST")
	for i, f := range list {
		if limit > 0 && i == limit {
			break
		}
		reason := strings.Join(strings.Fields(f.Reason), " ")
		if len(reason) > 100 {
			reason = strings.ToValidUTF8(reason[:100], "") + "…"
		}
		fmt.Fprintf(tw, "%d\t%d\t%s\t%s\t%s\t%s\t%s\n", f.Count, f.Status, dash(f.API+"/"+f.Stage), dash(f.Route), dash(f.Fault), printable(reason), f.RequestID)
	}
	return tw.Flush()
}

func dash(text string) string {
	if text == "" || text == "/" {
		return "-"
	}
	return text
}
