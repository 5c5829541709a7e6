package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	chosen
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
		Long: "Import an OpenAPI 2.0 or 3.0 document (JSON or YAML; - reads standard input) as a REST or an HTTP API.\n" +
			"Clusters and releases that it brings along are put before that.\n" +
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
	im.register(cmd)
	cmd.Flags().StringVar(&im.stage, "deploy", "", "deploy to this `STAGE`")
	to.register(cmd)
	out.register(cmd)
	return cmd
}

// register adds the flags that all commands have which import.
func (im *importer) register(cmd *cobra.Command) {
	im.chosen.register(cmd)
	cmd.Flags().StringToStringVar(&im.variables, "var", nil, "stage variable; may be repeated")
	cmd.Flags().DurationVar(&im.wait, "wait", 0, "wait up to this `TIME` for the server to be ready")
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
	c, err := im.compare(ctx, to, im.wait, doc)
	if err != nil {
		return nil, err
	}
	return im.bring(ctx, c)
}

// bring imports a document, and before it what it brings along.
func (im *importer) bring(ctx context.Context, d *compared) (*imported, error) {
	if err := d.c.putBrought(ctx, d.first); err != nil {
		return nil, err
	}
	return im.put(ctx, d.c, d.k, d.id, d.doc)
}

// put imports doc over the API of this id, or as a new one, and deploys it if a
// stage was named.
func (im *importer) put(ctx context.Context, c *client, k kind, id string, doc []byte) (*imported, error) {
	done, err := k.put(ctx, c, id, doc)
	if err != nil {
		return nil, err
	}
	done.Created = id == ""
	if im.stage == "" {
		return done, nil
	}
	if done.Deployment, err = k.deploy(ctx, c, done.RestAPI, im.stage, im.variables); err != nil {
		return nil, fmt.Errorf("%s is imported as API %s, but not deployed: %w", done.Name, done.RestAPI, err)
	}
	done.Stage = im.stage
	done.URL = c.dataPlane + "/_aws/execute-api/" + done.RestAPI
	if im.stage != "$default" {
		done.URL += "/" + im.stage
	}
	return done, nil
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
func findAPI(ctx context.Context, c *client, k kind, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	all, err := k.list(ctx, c)
	if err != nil {
		return "", err
	}
	var found []string
	for _, a := range all {
		if a.name == name {
			found = append(found, a.id)
		}
	}
	if len(found) > 1 {
		return "", fmt.Errorf("several APIs are called %q: %s; choose one with --api-id", name, strings.Join(found, ", "))
	}
	return strings.Join(found, ""), nil
}

// text tells people what was done; the last line is the URL alone, for scripts.
func (d *imported) text(w io.Writer) error {
	err := d.made(w)
	if err == nil && d.Stage != "" {
		_, err = fmt.Fprintf(w, "deployment %s on stage %s\n%s\n", d.Deployment, d.Stage, d.URL)
	}
	return err
}

// made tells which API a document was imported into.
func (d *imported) made(w io.Writer) error {
	verb := "overwritten"
	if d.Created {
		verb = "created"
	}
	_, err := fmt.Fprintf(w, "%s: API %s %s\n", d.Name, d.RestAPI, verb)
	return err
}
