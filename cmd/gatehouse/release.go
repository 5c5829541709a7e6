package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

const (
	clustersPath = "/gatehouse/clusters"
	releasesPath = "/gatehouse/releases"
)

// newRelease returns the commands that part requests between clusters.
func newRelease() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Part requests between versions of a backend on a running server",
		Long: "Part the requests that call NAME.cluster between clusters: by weights, rules, or step by step as a canary.\n" +
			"docs/releases.md tells of definitions.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPut("release", releasesPath), newGet("release", releasesPath), newReleaseList(), newReleaseShow(), newDelete("release", releasesPath), newReleaseSwitch())
	for _, a := range []struct{ name, short string }{
		{"return", "Undo the last switch"},
		{"pause", "Stop a canary where it is"},
		{"resume", "Go on with a canary that was stopped, or begin again after it was rolled back"},
		{"promote", "Give the canary everything"},
		{"abort", "Give the canary nothing"},
	} {
		cmd.AddCommand(newReleaseAction(a.name, a.short))
	}
	return cmd
}

// own makes a call of Gatehouse's own API.
func (c *client) own(ctx context.Context, method, path string, body []byte, out any) error {
	return c.do(ctx, call{method: method, path: path, body: body, service: "gatehouse"}, out)
}

// oneNamed wants the name of one thing.
func oneNamed(kind string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("want the name of one %s; see \"%s --help\"", kind, cmd.CommandPath())}
		}
		return nil
	}
}

// newPut returns the command that puts a definition from a file.
func newPut(kind, path string) *cobra.Command {
	var to target
	var file string
	cmd := &cobra.Command{
		Use:   "put NAME",
		Short: "Put the definition of a " + kind + ", in the place of the one before",
		Args:  oneNamed(kind),
		RunE: func(cmd *cobra.Command, args []string) error {
			var text []byte
			var err error
			if file == "-" {
				text, err = io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxAnswer))
			} else {
				text, err = os.ReadFile(file)
			}
			if err != nil {
				return err
			}
			c, err := to.connect(cmd.Context(), 0)
			if err != nil {
				return err
			}
			if err := c.own(cmd.Context(), http.MethodPut, path+"/"+url.PathEscape(args[0]), text, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s is in force\n", kind, args[0])
			return nil
		},
	}
	to.register(cmd)
	cmd.Flags().StringVarP(&file, "file", "f", "-", "`FILE` with the definition, YAML or JSON; - for standard input")
	return cmd
}

// newGet returns the command that prints a definition as it was put.
func newGet(kind, path string) *cobra.Command {
	var to target
	cmd := &cobra.Command{
		Use: "get NAME", Short: "Print the definition of a " + kind + " as it was put", Args: oneNamed(kind),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := to.connect(cmd.Context(), 0)
			if err != nil {
				return err
			}
			var answer struct{ Definition string }
			if err := c.own(cmd.Context(), http.MethodGet, path+"/"+url.PathEscape(args[0]), nil, &answer); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSuffix(answer.Definition, "\n"))
			return err
		},
	}
	to.register(cmd)
	return cmd
}

func newDelete(kind, path string) *cobra.Command {
	var to target
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete a " + kind, Args: oneNamed(kind),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := to.connect(cmd.Context(), 0)
			if err != nil {
				return err
			}
			return c.own(cmd.Context(), http.MethodDelete, path+"/"+url.PathEscape(args[0]), nil, nil)
		},
	}
	to.register(cmd)
	return cmd
}

// A shownRelease is what the API tells of a release.
type shownRelease struct {
	Name    string         `json:"name"`
	Weights map[string]int `json:"weights"`
	Canary  *struct {
		Target string    `json:"target"`
		Phase  string    `json:"phase"`
		Step   int       `json:"step"`
		Steps  int       `json:"steps"`
		Since  time.Time `json:"since"`
	} `json:"canary"`
	Status struct {
		Targets []struct {
			Cluster  string  `json:"cluster"`
			Requests int64   `json:"requests"`
			Failed   int64   `json:"failed"`
			P50      float64 `json:"p50Millis"`
			P99      float64 `json:"p99Millis"`
		} `json:"targets"`
		Mirror *struct {
			Cluster                                   string
			Copied, Dropped, Failed, Same             int64
			StatusDiffers, HeadersDiffer, BodyDiffers int64
		} `json:"mirror"`
	} `json:"status"`
	History []struct {
		At            time.Time
		By, What, Why string
	} `json:"history"`
}

func newReleaseList() *cobra.Command {
	var to target
	var out output
	cmd := &cobra.Command{
		Use: "list", Short: "List the releases", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := to.connect(cmd.Context(), 0)
			if err != nil {
				return err
			}
			var answer struct{ Releases []shownRelease }
			if err := c.own(cmd.Context(), http.MethodGet, releasesPath, nil, &answer); err != nil {
				return err
			}
			return out.print(cmd.OutOrStdout(), answer.Releases, func(w io.Writer) error {
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "RELEASE\tWEIGHTS\tCANARY")
				for i := range answer.Releases {
					r := &answer.Releases[i]
					fmt.Fprintf(t, "%s\t%s\t%s\n", r.Name, weightsText(r.Weights), r.canary())
				}
				return t.Flush()
			})
		},
	}
	to.register(cmd)
	out.register(cmd)
	return cmd
}

// weightsText is shares in the order of names.
func weightsText(weights map[string]int) string {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		parts = append(parts, fmt.Sprintf("%s %.4g%%", name, 100*float64(weights[name])/float64(max(sum, 1))))
	}
	return strings.Join(parts, ", ")
}

func (r *shownRelease) canary() string {
	if r.Canary == nil {
		return "none"
	}
	return fmt.Sprintf("%s, step %d of %d", r.Canary.Phase, r.Canary.Step, r.Canary.Steps)
}

func newReleaseShow() *cobra.Command {
	var to target
	var out output
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show what a release does, and what has become of it", Args: oneNamed("release"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := to.connect(cmd.Context(), 0)
			if err != nil {
				return err
			}
			var raw json.RawMessage
			if err := c.own(cmd.Context(), http.MethodGet, releasesPath+"/"+url.PathEscape(args[0]), nil, &raw); err != nil {
				return err
			}
			return out.print(cmd.OutOrStdout(), raw, func(w io.Writer) error {
				var r shownRelease
				if err := json.Unmarshal(raw, &r); err != nil {
					return err
				}
				return r.print(w)
			})
		},
	}
	to.register(cmd)
	out.register(cmd)
	return cmd
}

func (r *shownRelease) print(w io.Writer) error {
	fmt.Fprintf(w, "release %s: %s\ncanary: %s\n\n", r.Name, weightsText(r.Weights), r.canary())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TARGET\tREQUESTS\tFAILED\tP50\tP99")
	for _, s := range r.Status.Targets {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.1f ms\t%.1f ms\n", s.Cluster, s.Requests, s.Failed, s.P50, s.P99)
	}
	if m := r.Status.Mirror; m != nil {
		fmt.Fprintf(t, "\nmirror %s: %d copies, %d not sent, %d without an answer; %d answers alike, %d of another status, %d with other headers, %d with another body\n",
			m.Cluster, m.Copied, m.Dropped, m.Failed, m.Same, m.StatusDiffers, m.HeadersDiffer, m.BodyDiffers)
	}
	fmt.Fprintln(t, "\nWHEN\tWHAT\tWHY\tBY")
	for _, h := range r.History {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", h.At.Format(time.RFC3339), h.What, h.Why, h.By)
	}
	return t.Flush()
}

func newReleaseSwitch() *cobra.Command {
	var to target
	var cluster string
	cmd := &cobra.Command{
		Use: "switch NAME --to CLUSTER", Short: "Give everything to one target at once", Args: oneNamed("release"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cluster == "" {
				return usageError{fmt.Errorf("--to: say to which target")}
			}
			body, err := json.Marshal(map[string]string{"to": cluster})
			if err != nil {
				return err
			}
			return actOn(cmd, &to, args[0], "switch", body)
		},
	}
	to.register(cmd)
	cmd.Flags().StringVar(&cluster, "to", "", "the target, a `CLUSTER` of the release")
	return cmd
}

func newReleaseAction(action, short string) *cobra.Command {
	var to target
	cmd := &cobra.Command{
		Use: action + " NAME", Short: short, Args: oneNamed("release"),
		RunE: func(cmd *cobra.Command, args []string) error { return actOn(cmd, &to, args[0], action, nil) },
	}
	to.register(cmd)
	return cmd
}

// actOn has a release do something, and prints its shares afterwards.
func actOn(cmd *cobra.Command, to *target, name, action string, body []byte) error {
	c, err := to.connect(cmd.Context(), 0)
	if err != nil {
		return err
	}
	var r shownRelease
	if err := c.own(cmd.Context(), http.MethodPost, releasesPath+"/"+url.PathEscape(name)+"/"+action, body, &r); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "release %s: %s\n", r.Name, weightsText(r.Weights))
	return nil
}
