package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/internal/app"
)

// newCompact returns the command that makes a store as small as it can be.
func newCompact() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "compact",
		Short: "Give back the room that a store does not need",
		Long: "Rewrites the store in a data directory, of which no server may be running. A server does so\n" +
			"itself when it starts and most of a large file is free.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, after, err := app.CompactStore(data)
			if errors.Is(err, os.ErrNotExist) {
				return usageError{fmt.Errorf("%s holds no store: name a data directory with --data", data)}
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d bytes, were %d\n", after, before)
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", app.Defaults().Data, "data directory")
	return cmd
}
