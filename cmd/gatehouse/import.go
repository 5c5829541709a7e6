package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// maxDefinition is how large an API definition may be.
//
// AWS: "API definition file size for import: 6 MB" (REST API quotas).
const maxDefinition = 6 << 20

// An importer is what "gatehouse import" was asked to do.
type importer struct {
	apiID     string
	stage     string
	variables map[string]string
	wait      time.Duration
}

// An imported is what it did.
type imported struct {
	RestAPI    string `json:"restApiId"`
	Name       string `json:"name"`
	Created    bool   `json:"created"` // false: an API of that name was there and was overwritten
	Deployment string `json:"deploymentId,omitempty"`
	Stage      string `json:"stageName,omitempty"`
	URL        string `json:"url,omitempty"`
}

func newImport() *cobra.Command {
	var im importer
	var to target
	var out output
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Import an API definition into a running server, and deploy it",
		Long: "Import an OpenAPI 2.0 or 3.0 document (JSON or YAML; - reads standard input) as a REST API.\n" +
			"If the server has an API with the title of the document, that API is overwritten: importing twice is\n" +
			"the same as importing once. With --deploy the API is deployed to a stage too, which is made if needed.\n\n" +
			"This does what \"aws apigateway import-rest-api\", \"put-rest-api\" and \"create-deployment\" do. The server is\n" +
			"found through its data directory, and the calls are signed with its root credential; for another server\n" +
			"give --endpoint, and the credential in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
		Example: "  gatehouse import petstore.yaml --deploy prod --var backend=127.0.0.1:9000",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := readDefinition(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			done, err := im.run(cmd.Context(), to, doc)
			if err != nil {
				return err
			}
			return out.print(cmd.OutOrStdout(), done, done.text)
		},
	}
	cmd.Flags().StringVar(&im.apiID, "api-id", "", "overwrite the API with this `ID`, whatever its name")
	cmd.Flags().StringVar(&im.stage, "deploy", "", "deploy to this `STAGE`")
	cmd.Flags().StringToStringVar(&im.variables, "var", nil, "stage variable; may be repeated")
	cmd.Flags().DurationVar(&im.wait, "wait", 0, "wait up to this `TIME` for the server to be ready")
	to.register(cmd)
	out.register(cmd)
	return cmd
}

func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("want one file; see \"%s --help\"", cmd.CommandPath())}
	}
	return nil
}

func readDefinition(name string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	doc, err := io.ReadAll(io.LimitReader(in, maxDefinition+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(doc) > maxDefinition {
		return nil, fmt.Errorf("%s is larger than %d MB, which no import takes", name, maxDefinition>>20)
	}
	return doc, nil
}

func (im *importer) run(ctx context.Context, to target, doc []byte) (*imported, error) {
	if len(im.variables) > 0 && im.stage == "" {
		return nil, usageError{errors.New("--var belongs to a stage: say which with --deploy")}
	}
	c, err := to.connect(ctx, im.wait)
	if err != nil {
		return nil, err
	}
	done, err := im.put(ctx, c, doc)
	if err != nil {
		return nil, err
	}
	if im.stage == "" {
		return done, nil
	}
	if err := im.deploy(ctx, c, done); err != nil {
		return nil, fmt.Errorf("%s is imported as API %s, but not deployed: %w", done.Name, done.RestAPI, err)
	}
	done.Stage = im.stage
	done.URL = c.dataPlane + "/_aws/execute-api/" + done.RestAPI + "/" + im.stage
	return done, nil
}

// put imports doc over the API of its title, or as a new one.
func (im *importer) put(ctx context.Context, c *client, doc []byte) (*imported, error) {
	id := im.apiID
	if id == "" {
		var err error
		if id, err = findAPI(ctx, c, title(doc)); err != nil {
			return nil, err
		}
	}
	call := call{method: http.MethodPost, path: "/restapis?mode=import", body: doc}
	if id != "" {
		call.method, call.path = http.MethodPut, "/restapis/"+url.PathEscape(id)+"?mode=overwrite"
	}
	var api struct {
		ID       string
		Name     string
		Warnings []string
	}
	if err := c.do(ctx, call, &api); err != nil {
		return nil, err
	}
	for _, w := range api.Warnings {
		fmt.Fprintln(os.Stderr, "gatehouse: warning:", w)
	}
	return &imported{RestAPI: api.ID, Name: api.Name, Created: id == ""}, nil
}

// title is the title of an OpenAPI document; empty if it has none, or is none:
// the server will say so.
func title(doc []byte) string {
	var d struct {
		Info struct {
			Title string `yaml:"title"`
		} `yaml:"info"`
	}
	if err := yaml.Unmarshal(doc, &d); err != nil {
		return ""
	}
	return d.Info.Title
}

// findAPI returns the id of the API called name, or nothing if there is none.
func findAPI(ctx context.Context, c *client, name string) (string, error) {
	var found []string
	for position := ""; name != ""; {
		var page struct {
			Item     []struct{ ID, Name string }
			Position string
		}
		if err := c.do(ctx, call{method: http.MethodGet, path: "/restapis?limit=500&position=" + url.QueryEscape(position)}, &page); err != nil {
			return "", err
		}
		for _, a := range page.Item {
			if a.Name == name {
				found = append(found, a.ID)
			}
		}
		if position = page.Position; position == "" {
			break
		}
	}
	if len(found) > 1 {
		return "", fmt.Errorf("several APIs are called %q: %s; choose one with --api-id", name, strings.Join(found, ", "))
	}
	return strings.Join(found, ""), nil
}

func (im *importer) deploy(ctx context.Context, c *client, done *imported) error {
	api := "/restapis/" + url.PathEscape(done.RestAPI)
	deployment, err := jsonCall(http.MethodPost, api+"/deployments", map[string]any{"stageName": im.stage, "variables": im.variables})
	if err != nil {
		return err
	}
	var made struct{ ID string }
	if err := c.do(ctx, deployment, &made); err != nil {
		return err
	}
	done.Deployment = made.ID
	return im.setVariables(ctx, c, api+"/stages/"+url.PathEscape(im.stage))
}

// setVariables sees to it that a stage which was there before has the
// variables too.
func (im *importer) setVariables(ctx context.Context, c *client, stage string) error {
	var current struct{ Variables map[string]string }
	if err := c.do(ctx, call{method: http.MethodGet, path: stage}, &current); err != nil {
		return err
	}
	type patch struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value string `json:"value"`
	}
	var ops []patch
	for name, value := range im.variables {
		if current.Variables[name] != value {
			ops = append(ops, patch{"replace", "/variables/" + name, value})
		}
	}
	if len(ops) == 0 {
		return nil
	}
	change, err := jsonCall(http.MethodPatch, stage, map[string]any{"patchOperations": ops})
	if err != nil {
		return err
	}
	return c.do(ctx, change, nil)
}

// text tells people what was done; the last line is the URL alone, for scripts.
func (d *imported) text(w io.Writer) error {
	verb := "overwritten"
	if d.Created {
		verb = "created"
	}
	_, err := fmt.Fprintf(w, "%s: API %s %s\n", d.Name, d.RestAPI, verb)
	if err == nil && d.Stage != "" {
		_, err = fmt.Fprintf(w, "deployment %s on stage %s\n%s\n", d.Deployment, d.Stage, d.URL)
	}
	return err
}
