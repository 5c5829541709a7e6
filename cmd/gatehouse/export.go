package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

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
