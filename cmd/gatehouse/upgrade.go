package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/app"
)

// newUpgrade returns the command that puts a new process into the place of a
// running one.
func newUpgrade() *cobra.Command {
	var data string
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "upgrade",
		Short: "Put a new process into the place of a running server",
		Long: "Has a running server start its program anew, with the arguments and the environment that it was\n" +
			"started with, and go once that one serves: after the program, the configuration file or both were\n" +
			"replaced. No request is refused meanwhile. If the new process cannot serve, the old program goes on,\n" +
			"and the command fails.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), within)
			defer cancel()
			pid, err := upgrade(ctx, data)
			if errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("no new process serves after %v: see the server's log", within)
			}
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "process %d serves\n", pid)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", app.Defaults().Data, "data directory of the server")
	cmd.Flags().DurationVar(&within, "within", time.Minute, "how long it may take")
	return cmd
}

// lookEvery is how often upgrade looks whether another process serves.
const lookEvery = 20 * time.Millisecond

func upgrade(ctx context.Context, data string) (pid int, err error) {
	before, err := app.FindRunning(data)
	if err != nil {
		return 0, err
	}
	if err := answering(ctx, before); err != nil {
		return 0, err
	}
	if err := askUpgrade(before.PID); err != nil {
		return 0, fmt.Errorf("process %d: %w", before.PID, err)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		// The file is missing for a moment.
		now, err := app.FindRunning(data)
		switch {
		case err != nil:
		case now.PID == before.PID && now.FailedUpgrades > before.FailedUpgrades:
			return 0, fmt.Errorf("process %d serves on: %s", now.PID, now.NoUpgrade)
		case now.PID != before.PID && now.FailedUpgrades > 0:
			return 0, fmt.Errorf("the old program serves on, in process %d: %s", now.PID, now.NoUpgrade)
		case now.PID != before.PID:
			return now.PID, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// answering returns nil if somebody listens where a server is said to. After a crash
// nobody does, and its process id may be somebody else's.
func answering(ctx context.Context, r app.Running) error {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(r.Endpoint(), "http://"))
	if err != nil {
		return fmt.Errorf("process %d, which run.json names, does not serve: %w", r.PID, err)
	}
	return nc.Close()
}
