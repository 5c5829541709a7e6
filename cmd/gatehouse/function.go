package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

const functionsPath = "/2015-03-31/functions"

func newFunction() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "function",
		Short: "Deploy, call and watch functions of a running server",
		Long: "Deploy, call and watch Lambda functions of a running server, for development: code is run from a directory as\n" +
			"it stands, and started anew when a file changes. All of it can be done with \"aws lambda\" too.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFunctionDeploy(), newFunctionList(), newFunctionInvoke(), newFunctionLogs(), newFunctionDelete())
	return cmd
}

func oneName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("want the name of one function; see \"%s --help\"", cmd.CommandPath())}
	}
	return nil
}

// lambdaCall is a call of the Lambda API.
func lambdaCall(method, path string, body any) (call, error) {
	c, err := jsonCall(method, path, body)
	c.service = "lambda"
	if body == nil {
		c.body = nil
	}
	return c, err
}

// lambda makes a call of the Lambda API.
func (c *client) lambda(ctx context.Context, method, path string, body, out any) error {
	call, err := lambdaCall(method, path, body)
	if err != nil {
		return err
	}
	return c.do(ctx, call, out)
}

func functionPath(name, rest string) string { return functionsPath + "/" + url.PathEscape(name) + rest }

// A shownFunction is what commands tell of a function.
type shownFunction struct {
	Name     string `json:"name"`
	ARN      string `json:"arn"`
	Runtime  string `json:"runtime"`
	Handler  string `json:"handler"`
	Modified string `json:"lastModified"`
	Created  bool   `json:"created,omitempty"`
}

// A configuration is what the API tells of one.
type configuration struct {
	FunctionName, FunctionArn, Runtime, Handler, LastModified string
}

func (c *configuration) shown() shownFunction {
	return shownFunction{Name: c.FunctionName, ARN: c.FunctionArn, Runtime: c.Runtime, Handler: c.Handler, Modified: c.LastModified}
}

func newFunctionList() *cobra.Command {
	var to target
	var out output
	cmd := &cobra.Command{
		Use: "list", Short: "List the functions", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := to.connect(cmd.Context(), 0)
			if err != nil {
				return err
			}
			list, err := listFunctions(cmd.Context(), c)
			if err != nil {
				return err
			}
			return out.print(cmd.OutOrStdout(), list, func(w io.Writer) error { return printFunctions(w, list) })
		},
	}
	to.register(cmd)
	out.register(cmd)
	return cmd
}

func listFunctions(ctx context.Context, c *client) ([]shownFunction, error) {
	list := []shownFunction{}
	for marker := ""; ; {
		var page struct {
			Functions  []configuration
			NextMarker string
		}
		if err := c.lambda(ctx, http.MethodGet, functionsPath+"/?Marker="+url.QueryEscape(marker), nil, &page); err != nil {
			return nil, err
		}
		for i := range page.Functions {
			list = append(list, page.Functions[i].shown())
		}
		if marker = page.NextMarker; marker == "" {
			return list, nil
		}
	}
}

func printFunctions(w io.Writer, list []shownFunction) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tRUNTIME\tHANDLER\tMODIFIED")
	for _, f := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Name, f.Runtime, f.Handler, f.Modified)
	}
	return t.Flush()
}

func newFunctionDelete() *cobra.Command {
	var to target
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete a function", Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := to.connect(cmd.Context(), 0)
			if err != nil {
				return err
			}
			return c.lambda(cmd.Context(), http.MethodDelete, functionPath(args[0], ""), nil, nil)
		},
	}
	to.register(cmd)
	return cmd
}

// An invoker is what "gatehouse function invoke" was asked to do.
type invoker struct {
	event, tail bool
	qualifier   string
}

func newFunctionInvoke() *cobra.Command {
	var in invoker
	var to target
	cmd := &cobra.Command{
		Use:   "invoke NAME [PAYLOAD]",
		Short: "Call a function",
		Long: "Call a function with a JSON document, and print its answer. The document is given as it is, as @FILE, or as - for\n" +
			"standard input; without one it is {}. The exit code is 1 when the function fails.",
		Example: "  gatehouse function invoke hello '{\"name\": \"Ada\"}' --tail",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usageError{fmt.Errorf("want the name of a function, and a payload; see \"%s --help\"", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			payload := []byte("{}")
			if len(args) == 2 {
				var err error
				if payload, err = readPayload(args[1], cmd.InOrStdin()); err != nil {
					return err
				}
			} else {
				fmt.Fprintln(cmd.ErrOrStderr(), "gatehouse: no payload was given: the event is {} (- reads one from standard input)")
			}
			c, err := to.connect(cmd.Context(), 0)
			if err != nil {
				return err
			}
			return in.run(cmd, c, args[0], payload)
		},
	}
	cmd.Flags().BoolVar(&in.event, "event", false, "do not wait for the answer")
	cmd.Flags().BoolVar(&in.tail, "tail", false, "print the end of the log, on standard error")
	cmd.Flags().StringVar(&in.qualifier, "qualifier", "", "`VERSION` or alias to call")
	to.register(cmd)
	return cmd
}

// maxEvent is how large an event may be. AWS: 6 MB (quotas of Lambda).
const maxEvent = 6 << 20

func readPayload(arg string, stdin io.Reader) ([]byte, error) {
	if arg == "-" {
		event, err := io.ReadAll(io.LimitReader(stdin, maxEvent+1))
		switch {
		case err != nil:
			return nil, fmt.Errorf("read standard input: %w", err)
		case len(event) == 0:
			return nil, errors.New("standard input is empty: there is no event to call the function with")
		case len(event) > maxEvent:
			return nil, fmt.Errorf("the event on standard input is larger than %d MB", maxEvent>>20)
		}
		return event, nil
	}
	if file, ok := strings.CutPrefix(arg, "@"); ok {
		return os.ReadFile(file)
	}
	return []byte(arg), nil
}

// functionTime is how long a function may run, and a little more.
const functionTime = 16 * time.Minute

func (in *invoker) run(cmd *cobra.Command, c *client, name string, payload []byte) error {
	c.http.Timeout = functionTime
	var got reply
	call := call{method: http.MethodPost, path: functionPath(name, "/invocations"), body: payload, service: "lambda", reply: &got}
	if in.qualifier != "" {
		call.path += "?Qualifier=" + url.QueryEscape(in.qualifier)
	}
	if in.event {
		call.header = append(call.header, "X-Amz-Invocation-Type", "Event")
	}
	if in.tail && !in.event {
		call.header = append(call.header, "X-Amz-Log-Type", "Tail")
	}
	if err := c.do(cmd.Context(), call, nil); err != nil {
		return err
	}
	if log, err := base64.StdEncoding.DecodeString(got.header.Get("X-Amz-Log-Result")); err == nil {
		_, _ = cmd.ErrOrStderr().Write(log) // the answer matters more
	}
	if len(got.body) > 0 {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", got.body); err != nil {
			return err
		}
	}
	if kind := got.header.Get("X-Amz-Function-Error"); kind != "" {
		return errors.New("the function failed: " + kind)
	}
	return nil
}
