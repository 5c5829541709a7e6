package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/app"
	"gatehouse/internal/discovery"
	"gatehouse/internal/upstream"
)

// newCluster returns the commands that show clusters and change them.
func newCluster() *cobra.Command {
	cluster := &cobra.Command{
		Use:   "cluster",
		Short: "Show how the clusters of a running server do, define and change them",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cluster.AddCommand(newClusterList(), newClusterShow(), newPut("cluster", clustersPath), newGet("cluster", clustersPath), newDelete("cluster", clustersPath))
	for _, ch := range clusterChanges() {
		cluster.AddCommand(newClusterChange(ch))
	}
	return cluster
}

// A clusterTarget says which server to ask, and how to print the answer.
type clusterTarget struct{ data, admin, output string }

func (t *clusterTarget) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.data, "data", defaultData(), "data directory `DIR` of the running server")
	cmd.Flags().StringVar(&t.admin, "admin", "", "`URL` of the admin address of the server, as in http://127.0.0.1:9901")
	cmd.Flags().StringVar(&t.output, "output", "text", "`FORM` of the output: text or json")
}

func newClusterList() *cobra.Command {
	var t clusterTarget
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the clusters, with how many endpoints each can use",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answer struct {
				Clusters []app.ClusterStatus `json:"clusters"`
			}
			return t.show(cmd, "/clusters", &answer, func(w io.Writer) {
				fmt.Fprintln(w, "CLUSTER\tREADY\tBREAKER\tIN FLIGHT\tREQUESTS\tERRORS\tSOURCE")
				for i := range answer.Clusters {
					printCluster(w, &answer.Clusters[i])
				}
			})
		},
	}
	t.register(cmd)
	return cmd
}

func newClusterShow() *cobra.Command {
	var t clusterTarget
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show the endpoints of a cluster",
		Args:  oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			var s app.ClusterStatus
			return t.show(cmd, "/clusters/"+url.PathEscape(args[0]), &s, func(w io.Writer) { printEndpoints(w, &s) })
		},
	}
	t.register(cmd)
	return cmd
}

// show asks the server, reads its answer into v, and prints it.
func (t *clusterTarget) show(cmd *cobra.Command, path string, v any, text func(io.Writer)) error {
	if t.output != "text" && t.output != "json" {
		return usageError{fmt.Errorf("--output: %q is neither text nor json", t.output)}
	}
	answer, err := t.get(cmd, path)
	if err != nil {
		return err
	}
	if t.output == "json" {
		_, err = cmd.OutOrStdout().Write(answer)
		return err
	}
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("answer of the server: %w", err)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// get asks the admin address of the server.
func (t *clusterTarget) get(cmd *cobra.Command, path string) ([]byte, error) {
	base := strings.TrimSuffix(t.admin, "/")
	if base == "" {
		running, err := app.FindRunning(t.data)
		if err != nil {
			return nil, err
		}
		if base = running.AdminURL(); base == "" {
			return nil, fmt.Errorf("the server has no admin address: start it with --admin")
		}
	}
	req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, base+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Timeout: callTime}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var e struct{ Message string }
		if json.Unmarshal(text, &e) != nil || e.Message == "" {
			e.Message = resp.Status
		}
		return nil, fmt.Errorf("%s", e.Message)
	}
	return text, nil
}

func printCluster(w io.Writer, s *app.ClusterStatus) {
	ready, busy, requests, failed := 0, 0, int64(0), int64(0)
	for _, e := range s.Endpoints {
		if e.Health == "ready" {
			ready++
		}
		busy, requests, failed = busy+e.InFlight, requests+e.Requests, failed+e.Errors
	}
	fmt.Fprintf(w, "%s\t%d of %d\t%s\t%d\t%d\t%d\t%s\n", s.Name, ready, len(s.Endpoints), breakerText(s.Breaker), busy, requests, failed, sourceState(s.Discovery))
}

func breakerText(b *upstream.BreakerStatus) string {
	if b == nil {
		return "none"
	}
	return b.State
}

func printEndpoints(w io.Writer, s *app.ClusterStatus) {
	fmt.Fprintf(w, "cluster %s, balance %s, breaker %s", s.Name, s.Balance, breakerText(s.Breaker))
	if b := s.Breaker; b != nil && b.Reason != "" {
		fmt.Fprintf(w, " (%s; probes in %v)", b.Reason, time.Duration(b.OpenFor)*time.Millisecond)
	}
	if s.Panic {
		fmt.Fprint(w, ", too few endpoints are ready: all are used")
	}
	fmt.Fprintf(w, "\n%d requests under way", s.InFlight)
	if s.Limit > 0 {
		fmt.Fprintf(w, " of at most %d", s.Limit)
	}
	fmt.Fprintf(w, ", %d refused, %d retries left", s.Refused, s.Retries)
	if l := &s.Lacked; l.Sum() > 0 {
		fmt.Fprintf(w, "\nfailed after the last attempt %d, without budget for another %d, with too many retries under way %d, with all endpoints tried %d",
			l.Attempts, l.Budget, l.Retries, l.Endpoints)
	}
	printSource(w, s.Discovery)
	fmt.Fprintln(w, "\n\nENDPOINT\tWEIGHT\tHEALTH\tIN FLIGHT\tREQUESTS\tERRORS\tZONE\tPRIORITY\tREASON")
	for _, e := range s.Endpoints {
		reason := e.Reason
		if reason == "" && e.Failures > 0 && e.LastFailure != "" {
			reason = "last failure: " + e.LastFailure
		}
		if e.EjectFor > 0 {
			reason += fmt.Sprintf(", back in %v", time.Duration(e.EjectFor)*time.Millisecond)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%d\t%s\t%d\t%s\n", e.Address, e.Weight, e.Health, e.InFlight, e.Requests, e.Errors, e.Zone, e.Priority, reason)
	}
}

func sourceState(d *discovery.Status) string {
	if d == nil {
		return ""
	}
	return d.State
}

// printSource tells where the endpoints come from.
func printSource(w io.Writer, d *discovery.Status) {
	if d == nil {
		return
	}
	fmt.Fprintf(w, "\nsource %s: %s, %d found", d.Source, d.State, d.Found)
	if d.Revision != "" {
		fmt.Fprintf(w, ", revision %s", d.Revision)
	}
	if !d.LastSuccess.IsZero() {
		fmt.Fprintf(w, ", last answer %s", d.LastSuccess.Format(time.RFC3339))
	}
	if d.LastError != "" {
		fmt.Fprintf(w, "\nlast failure %s: %s", d.LastFailure.Format(time.RFC3339), d.LastError)
	}
	if d.Changes != nil && d.Changes.Off {
		fmt.Fprint(w, "\nswitched off by hand")
	}
	if d.Changes != nil && len(d.Changes.Endpoints) > 0 {
		fmt.Fprintf(w, "\nchanged by hand:")
		for _, c := range d.Changes.Endpoints {
			fmt.Fprintf(w, " %s", c.Address)
		}
	}
	if d.Skipped != "" {
		fmt.Fprintf(w, "\nnot used: %s", d.Skipped)
	}
}
