package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/internal/app"
	"gatehouse/internal/openapi"
)

// A deployed is what "gatehouse deploy" did.
type deployed struct {
	imported
	Changes []openapi.Difference `json:"changes"` // of what the stage serves
}

func newDeploy() *cobra.Command {
	var im importer
	var to target
	var out output
	cmd := &cobra.Command{
		Use:   "deploy FILE",
		Short: "Make a stage serve an API definition, and tell what changed",
		Long: "Import an OpenAPI document (JSON or YAML; - reads standard input) over the API of its title, or as a new\n" +
			"one, deploy it to a stage, wait until that is served, and tell what changed there.",
		Example: "  gatehouse deploy petstore.yaml --stage prod --var backend=127.0.0.1:9000",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := readDefinition(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			if im.stage == "" {
				return usageError{errors.New("say where to deploy to with --stage")}
			}
			done, err := im.deployAndTell(cmd.Context(), to, doc)
			if err != nil {
				return err
			}
			return out.print(cmd.OutOrStdout(), done, done.text)
		},
	}
	cmd.Flags().StringVar(&im.stage, "stage", "", "deploy to this `STAGE`")
	im.register(cmd)
	to.register(cmd)
	out.register(cmd)
	return cmd
}

func (im *importer) deployAndTell(ctx context.Context, to target, doc []byte) (*deployed, error) {
	c, err := to.connect(ctx, im.wait)
	if err != nil {
		return nil, err
	}
	k, err := im.kindOf(doc)
	if err != nil {
		return nil, err
	}
	id, err := im.find(ctx, c, k, doc)
	if err != nil {
		return nil, err
	}
	changes, err := im.changes(ctx, c, k, id, im.stage, doc)
	if err != nil {
		return nil, err
	}
	if err := c.putClusters(ctx, doc); err != nil {
		return nil, err
	}
	done, err := im.put(ctx, c, k, id, doc)
	if err != nil {
		return nil, err
	}
	return &deployed{*done, changes}, to.served(ctx, done)
}

// changes tells how a document differs from what a stage of an API serves. A
// stage that is not there serves nothing.
func (ch *chosen) changes(ctx context.Context, c *client, k kind, id, stage string, doc []byte) ([]openapi.Difference, error) {
	opt, err := c.readOptions(ctx, id, doc)
	if err != nil {
		return nil, err
	}
	var have []byte
	if id != "" {
		have, err = k.export(ctx, c, id, stage, form{})
		if err != nil && !isRefused(err, "NotFoundException") {
			return nil, err
		}
	}
	return k.compare(have, doc, opt)
}

// served reports why a server on this machine does not serve what was deployed.
// The answer to a deployment waits until it is served, but a stage that cannot
// be served goes on with its last good version. Other servers are not asked.
func (t *target) served(ctx context.Context, done *imported) error {
	if t.endpoint != "" {
		return nil
	}
	running, err := app.FindRunning(t.data)
	if err != nil || running.AdminURL() == "" {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, running.AdminURL()+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Timeout: callTime}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var state struct {
		RefusedStages []struct{ API, Stage, Reason string }
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&state); err != nil {
		return fmt.Errorf("%s/readyz: %w", running.AdminURL(), err)
	}
	for _, r := range state.RefusedStages {
		if r.API == done.RestAPI && r.Stage == done.Stage {
			return fmt.Errorf("API %s is deployed to %s, but cannot be served: %s; its last good version, if there was one, goes on", r.API, r.Stage, r.Reason)
		}
	}
	return nil
}

// text tells people what was done; the last line is the URL alone, for scripts.
func (d *deployed) text(w io.Writer) error {
	if err := d.made(w); err != nil {
		return err
	}
	if !d.Created {
		if err := printChanges(w, d.Changes); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "deployment %s on stage %s\n%s\n", d.Deployment, d.Stage, d.URL)
	return err
}

func printChanges(w io.Writer, list []openapi.Difference) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no changes")
		return err
	}
	for _, d := range list {
		if _, err := fmt.Fprintln(w, d); err != nil {
			return err
		}
	}
	return nil
}

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
	changes, err := ch.changes(ctx, c, k, id, stage, doc)
	return &differing{id, stage, changes}, err
}

func newExport() *cobra.Command {
	var to target
	var f form
	var stage, file string
	cmd := &cobra.Command{
		Use:   "export API",
		Short: "Write what a stage of an API serves as an OpenAPI document",
		Long: "Write the definition that a stage serves as an OpenAPI document with AWS's extensions, which\n" +
			"\"gatehouse deploy\" and AWS read as the same API. API is the id or the name of a REST or HTTP API.",
		Example: "  gatehouse export petstore --stage prod --yaml --file petstore.yaml",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("want the id or the name of one API; see \"%s --help\"", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := to.connect(cmd.Context(), 0)
			if err != nil {
				return err
			}
			k, id, err := c.anyAPI(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			doc, err := k.export(cmd.Context(), c, id, stage, f)
			if err != nil {
				return err
			}
			if file != "" {
				return os.WriteFile(file, doc, 0o644)
			}
			_, err = cmd.OutOrStdout().Write(doc)
			return err
		},
	}
	cmd.Flags().StringVar(&stage, "stage", "prod", "`STAGE` to export")
	cmd.Flags().StringVar(&file, "file", "", "write to `FILE` instead of standard output")
	cmd.Flags().BoolVar(&f.swagger, "swagger", false, "write OpenAPI 2.0 instead of 3.0")
	cmd.Flags().BoolVar(&f.yaml, "yaml", false, "write YAML instead of JSON")
	cmd.Flags().BoolVar(&f.bare, "no-extensions", false, "leave out what only AWS understands")
	to.register(cmd)
	return cmd
}

// anyAPI finds a REST or HTTP API by its id or its name.
func (c *client) anyAPI(ctx context.Context, want string) (kind, string, error) {
	var found []string
	var of kind
	for _, k := range []kind{restKind{}, httpKind{}} {
		all, err := k.list(ctx, c)
		if err != nil {
			return nil, "", err
		}
		for _, a := range all {
			if a.id == want {
				return k, a.id, nil
			}
			if a.name == want {
				found, of = append(found, a.id), k
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, "", fmt.Errorf("there is no API with the id or the name %q in %s", want, c.region)
	case 1:
		return of, found[0], nil
	}
	return nil, "", fmt.Errorf("several APIs are called %q: %v; say which by its id", want, found)
}
