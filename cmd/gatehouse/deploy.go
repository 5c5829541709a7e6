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
			"one, deploy it to a stage, wait until that is served, and tell what changed there.\n\n" +
			"A directory that \"gatehouse pull\" wrote is deployed as stacks of CloudFormation.",
		Example: "  gatehouse deploy petstore.yaml --stage prod --var backend=127.0.0.1:9000\n  gatehouse deploy settings",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
				done, err := im.deployDirectory(cmd.Context(), to, args[0])
				if err != nil {
					return err
				}
				return out.print(cmd.OutOrStdout(), done, func(w io.Writer) error { return printStacks(w, done) })
			}
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

// deployDirectory deploys what "gatehouse pull" wrote.
func (im *importer) deployDirectory(ctx context.Context, to target, dir string) ([]stackDone, error) {
	if im.stage != "" || len(im.variables) > 0 || im.apiID != "" || im.api != "" {
		return nil, usageError{errors.New("a directory says itself what its APIs and stages are: leave out --stage, --var, --api-id and --type")}
	}
	c, err := to.connect(ctx, im.wait)
	if err != nil {
		return nil, err
	}
	return c.deployStacks(ctx, dir, func(format string, args ...any) { fmt.Fprintf(os.Stderr, "gatehouse: "+format+"\n", args...) })
}

func (im *importer) deployAndTell(ctx context.Context, to target, doc []byte) (*deployed, error) {
	c, err := im.compare(ctx, to, im.wait, doc)
	if err != nil {
		return nil, err
	}
	changes, err := c.changes(ctx, im.stage)
	if err != nil {
		return nil, err
	}
	done, err := im.bring(ctx, c)
	if err != nil {
		return nil, err
	}
	return &deployed{*done, changes}, to.served(ctx, done)
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
