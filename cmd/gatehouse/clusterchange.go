package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

// A clusterChange is one thing to change about a cluster or an endpoint of it.
type clusterChange struct {
	use, short string
	args       int
	// call makes the call; args are the cluster, and what use names.
	call func(args []string, weight int) (call, error)
	done string // printed, with the arguments
	flag bool   // it takes --weight
}

// clusterChanges are the commands that change clusters.
func clusterChanges() []clusterChange {
	endpoint := func(args []string) string {
		return "/gatehouse/clusters/" + url.PathEscape(args[0]) + "/endpoints/" + url.PathEscape(args[1])
	}
	patch := func(body map[string]any) func([]string, int) (call, error) {
		return func(args []string, _ int) (call, error) { return jsonCall(http.MethodPatch, endpoint(args), body) }
	}
	whole := func(off bool) func([]string, int) (call, error) {
		return func(args []string, _ int) (call, error) {
			return jsonCall(http.MethodPatch, "/gatehouse/clusters/"+url.PathEscape(args[0]), map[string]any{"off": off})
		}
	}
	return []clusterChange{
		{use: "add CLUSTER HOST:PORT", short: "Add an endpoint to a cluster", args: 2, done: "added", flag: true, call: func(args []string, weight int) (call, error) {
			return jsonCall(http.MethodPost, "/gatehouse/clusters/"+url.PathEscape(args[0])+"/endpoints", map[string]any{"address": args[1], "weight": weight})
		}},
		{use: "remove CLUSTER HOST:PORT", short: "Remove an endpoint that was added", args: 2, done: "removed", call: func(args []string, _ int) (call, error) {
			return call{method: http.MethodDelete, path: endpoint(args)}, nil
		}},
		{use: "drain CLUSTER HOST:PORT", short: "Send an endpoint no new requests", args: 2, done: "drains", call: patch(map[string]any{"draining": true})},
		{use: "undrain CLUSTER HOST:PORT", short: "Send a drained endpoint requests again", args: 2, done: "takes requests", call: patch(map[string]any{"draining": false})},
		{use: "weight CLUSTER HOST:PORT WEIGHT", short: "Change the weight of an endpoint; 0: that of its source again", args: 3, done: "has the weight", call: func(args []string, _ int) (call, error) {
			n, err := strconv.Atoi(args[2])
			if err != nil || n < 0 || n > 1000 {
				return call{}, usageError{fmt.Errorf("%q is not a weight between 0 and 1000", args[2])}
			}
			return jsonCall(http.MethodPatch, endpoint(args), map[string]any{"weight": n})
		}},
		{use: "off CLUSTER", short: "Send no endpoint of a cluster new requests", args: 1, done: "is off", call: whole(true)},
		{use: "on CLUSTER", short: "Take back what off did", args: 1, done: "is on", call: whole(false)},
	}
}

// newClusterChange returns one command that changes clusters.
func newClusterChange(ch clusterChange) *cobra.Command {
	var to target
	var out output
	weight := 1
	cmd := &cobra.Command{
		Use: ch.use, Short: ch.short,
		Long: ch.short + ". The change acts at once, on all endpoints whatever their source, and stays until it is taken back.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != ch.args {
				return usageError{errors.New("want " + ch.use)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ch.call(args, weight)
			if err != nil {
				return err
			}
			return ch.run(cmd.Context(), &to, &out, a, args, cmd.OutOrStdout())
		},
	}
	if ch.flag {
		cmd.Flags().IntVar(&weight, "weight", 1, "`N`, from 1 to 1000")
	}
	to.register(cmd)
	out.register(cmd)
	return cmd
}

// run makes the call and prints what came of it.
func (ch *clusterChange) run(ctx context.Context, to *target, out *output, a call, args []string, w io.Writer) error {
	c, err := to.connect(ctx, 0)
	if err != nil {
		return err
	}
	a.service = "gatehouse"
	var answer json.RawMessage
	if err := c.do(ctx, a, &answer); err != nil {
		return err
	}
	return out.print(w, answer, func(w io.Writer) error {
		what := args[0]
		if len(args) > 1 {
			what += " " + args[1]
		}
		text := what + " " + ch.done
		if len(args) > 2 {
			text += " " + args[2]
		}
		_, err := fmt.Fprintln(w, text)
		return err
	})
}
