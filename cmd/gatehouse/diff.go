package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

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
	c, err := ch.compare(ctx, to, 0, doc)
	if err != nil {
		return nil, err
	}
	changes, err := c.changes(ctx, stage)
	return &differing{c.id, stage, changes}, err
}

// A compared is a document beside the API it is meant for.
type compared struct {
	c     *client
	k     kind
	id    string // of the API; empty: there is none yet
	doc   []byte // without what it brings along
	first []broughtChange
}

// compare finds the API that a document is meant for, and what of that which it
// brings along is not so yet. It waits so long for a server.
func (ch *chosen) compare(ctx context.Context, to target, wait time.Duration, doc []byte) (*compared, error) {
	doc, along, err := split(doc)
	if err != nil {
		return nil, err
	}
	d := &compared{doc: doc}
	if d.c, err = to.connect(ctx, wait); err != nil {
		return nil, err
	}
	if d.k, err = ch.kindOf(doc); err != nil {
		return nil, err
	}
	if d.id, err = ch.find(ctx, d.c, d.k, doc); err != nil {
		return nil, err
	}
	d.first, err = d.c.broughtChanges(ctx, along)
	return d, err
}

// changes tells how the document differs from what a stage serves. A stage that is
// not there serves nothing.
func (d *compared) changes(ctx context.Context, stage string) ([]openapi.Difference, error) {
	opt, err := d.c.readOptions(ctx, d.id, d.doc)
	if err != nil {
		return nil, err
	}
	var have []byte
	if d.id != "" {
		have, err = d.k.export(ctx, d.c, d.id, stage, form{})
		if err != nil && !isRefused(err, "NotFoundException") {
			return nil, err
		}
	}
	changes, err := d.k.compare(have, d.doc, opt)
	return withBrought(d.first, changes), err
}
