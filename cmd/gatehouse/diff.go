package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"gatehouse/internal/openapi"
)

// A differing is what "gatehouse diff" found.
type differing struct {
	API     string               `json:"apiId,omitempty"`
	Stage   string               `json:"stageName"`
	Changes []openapi.Difference `json:"changes"`
}

func newDiff() *cobra.Command {
	var ch chosen
	var to target
	var out output
	var stage string
	cmd := &cobra.Command{
		Use:   "diff FILE",
		Short: "Tell what a deployment of an API definition would change",
		Long: "Compare an OpenAPI document with what a stage of the API of its title serves. Nothing is changed.\n" +
			"A line begins with + for what would be new, - for what would go, ~ for what would change.\n" +
			"The exit code is 0 if nothing differs, and 1 if something does.",
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := readDefinition(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			if stage == "" {
				return usageError{errors.New("say what to compare with: --stage")}
			}
			found, err := ch.diff(cmd.Context(), to, stage, doc)
			if err != nil {
				return err
			}
			if err := out.print(cmd.OutOrStdout(), found, func(w io.Writer) error { return printChanges(w, found.Changes) }); err != nil {
				return err
			}
			if n := len(found.Changes); n > 0 {
				return fmt.Errorf("%d differences", n)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&stage, "stage", "", "compare with this `STAGE`")
	ch.register(cmd)
	to.register(cmd)
	out.register(cmd)
	return cmd
}

func (ch *chosen) diff(ctx context.Context, to target, stage string, doc []byte) (*differing, error) {
	doc, along, err := split(doc)
	if err != nil {
		return nil, err
	}
	c, err := to.connect(ctx, 0)
	if err != nil {
		return nil, err
	}
	k, err := ch.kindOf(doc)
	if err != nil {
		return nil, err
	}
	id, err := ch.find(ctx, c, k, doc)
	if err != nil {
		return nil, err
	}
	first, err := c.broughtChanges(ctx, along)
	if err != nil {
		return nil, err
	}
	changes, err := ch.changes(ctx, c, k, id, stage, doc)
	return &differing{id, stage, withBrought(first, changes)}, err
}
