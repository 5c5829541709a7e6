package main

import (
	"context"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func newFunctionLogs() *cobra.Command {
	var to target
	t := tail{}
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Print what a function has written",
		Long:  "Print the end of a function's log group, and with --follow what it writes from now on.",
		Args:  oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			c, err := to.connect(ctx, time.Second)
			if err != nil {
				return err
			}
			group, err := functionGroup(ctx, c, args[0])
			if err != nil {
				return err
			}
			t.client, t.groups, t.out = c, []string{group}, cmd.OutOrStdout()
			return t.run(ctx)
		},
	}
	t.register(cmd)
	to.register(cmd)
	return cmd
}

// functionGroup is the log group of a function, which it keeps when the function
// is deleted.
func functionGroup(ctx context.Context, c *client, name string) (string, error) {
	var out struct{ LoggingConfig struct{ LogGroup string } }
	err := c.do(ctx, call{method: "GET", path: "/2015-03-31/functions/" + name + "/configuration", service: "lambda"}, &out)
	if isRefused(err, "ResourceNotFoundException") || err == nil && out.LoggingConfig.LogGroup == "" {
		return "/aws/lambda/" + name, nil
	}
	return out.LoggingConfig.LogGroup, err
}
