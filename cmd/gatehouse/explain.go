package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

// A question is which request to a method is to be explained.
type question struct {
	api, stage, method, path string
	as, sourceIP             string
}

func (q *question) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&q.api, "api", "", "`ID` of the API")
	cmd.Flags().StringVar(&q.stage, "stage", "", "`STAGE` that is called (default \"prod\", of an HTTP API \"$default\")")
	cmd.Flags().StringVar(&q.method, "method", http.MethodGet, "HTTP `METHOD`")
	cmd.Flags().StringVar(&q.path, "path", "/", "`PATH` that is called, without the stage; of no meaning for a WebSocket API")
	cmd.Flags().StringVar(&q.sourceIP, "source-ip", "", "`ADDRESS` that the request comes from")
}

// newExplain returns the command that tells what decides about a request.
func newExplain() *cobra.Command {
	var to target
	var q question
	cmd := &cobra.Command{
		Use:   "explain [REQUEST-ID]",
		Short: "Tell who may make a request to a method, and which policy decides",
		Long: "Tells whether a request would be let in, and what decides: a policy of the caller's or of the API's, an\n" +
			"authorizer, or nothing. For a WebSocket API that is asked when a client connects. Without --as the request is not signed. The API is taken as it is defined now; what a stage serves\n" +
			"is what was deployed last. With the id of a request that was refused it tells how that ended, and what\n" +
			"decides about the same request now.",
		Example: "  gatehouse explain --api a1b2c3 --method GET --path /pets/7 --as arn:aws:iam::000000000000:user/ann\n" +
			"  gatehouse explain 3d673e5a-06ef-47ca-8126-68fc746cd9d7",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				admin := adminTarget{data: to.data}
				rec, err := admin.recording(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				rec.Steps = nil
				if err := printRecording(cmd.OutOrStdout(), rec); err != nil || rec.API == "" || !explicable(rec.Route) {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout())
				q = question{api: rec.API, stage: rec.Stage, method: rec.Method, path: rec.Path, as: rec.Caller, sourceIP: rec.SourceIP}
				to.region = rec.Region
			}
			return q.answer(cmd.Context(), &to, func(c *client, m *guarded, w io.Writer) error {
				text, err := m.explain(cmd.Context(), c, q.as)
				if err == nil {
					_, err = fmt.Fprintln(w, text)
				}
				return err
			}, cmd.OutOrStdout())
		},
	}
	q.register(cmd)
	cmd.Flags().StringVar(&q.as, "as", "", "`ARN` of the user or role that signs")
	to.register(cmd)
	return cmd
}

// newWhoCanCall returns the command that asks for all users and roles.
func newWhoCanCall() *cobra.Command {
	var to target
	var q question
	cmd := &cobra.Command{
		Use:   "who-can-call [API METHOD PATH]",
		Short: "List who may call a method",
		Example: "  gatehouse who-can-call a1b2c3 GET /pets/7\n" +
			"  gatehouse who-can-call --api a1b2c3 --path /pets/7",
		Args: cobra.MaximumNArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			for i, to := range []*string{&q.api, &q.method, &q.path}[:len(args)] {
				*to = args[i]
			}
			return q.answer(cmd.Context(), &to, func(c *client, m *guarded, w io.Writer) error {
				return m.everybody(cmd.Context(), c, w)
			}, cmd.OutOrStdout())
		},
	}
	q.register(cmd)
	to.register(cmd)
	return cmd
}

// explicable tells whether a request that was served by a route met what is
// explained here: messages of a WebSocket API do not.
func explicable(route string) bool {
	return strings.Contains(route, " /") || route == "$connect" || route == "$default"
}

// answer finds the method and lets say answer.
func (q *question) answer(ctx context.Context, to *target, say func(*client, *guarded, io.Writer) error, w io.Writer) error {
	if q.api == "" {
		return usageError{errors.New("say which API with --api")}
	}
	q.method = strings.ToUpper(q.method)
	q.path, _, _ = strings.Cut(q.path, "?")
	if !strings.HasPrefix(q.path, "/") {
		q.path = "/" + q.path
	}
	c, err := to.connect(ctx, 0)
	if err != nil {
		return err
	}
	m, err := q.find(ctx, c)
	if isRefused(err, "NotFoundException") {
		m, err = q.findV2(ctx, c)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, authorization %s%s\n", m.key(), m.AuthorizationType, m.extra())
	return say(c, m, w)
}
