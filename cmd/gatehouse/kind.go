package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"gatehouse/internal/openapi"
)

// A kind is a kind of API that is described by OpenAPI documents.
type kind interface {
	// list returns all APIs of the kind.
	list(ctx context.Context, c *client) ([]named, error)
	// put imports doc over the API of this id; empty: as a new one.
	put(ctx context.Context, c *client, id string, doc []byte) (*imported, error)
	// deploy deploys the API, makes the stage if it is not there, and sees to it
	// that the stage has the variables.
	deploy(ctx context.Context, c *client, id, stage string, variables map[string]string) (deployment string, err error)
	// export returns the document of what a stage serves.
	export(ctx context.Context, c *client, id, stage string, form form) ([]byte, error)
	// compare tells how two documents differ.
	compare(have, want []byte, opt openapi.Options) ([]openapi.Difference, error)
}

// A named API.
type named struct{ id, name string }

// A form is how an export is to be written.
type form struct {
	swagger, yaml bool
	bare          bool // without AWS's extensions
}

// chosen is which API a command is about.
type chosen struct {
	apiID string
	api   string // "rest", "http" or, of what the document looks like, ""
}

func (ch *chosen) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&ch.apiID, "api-id", "", "`ID` of the API, whatever its name")
	cmd.Flags().StringVar(&ch.api, "type", "", "type of the API: rest or http (default: what the document was exported from, else rest)")
}

// kindOf returns the kind of API that a document is to become.
//
// AWS: exports of HTTP APIs say so by "x-amazon-apigateway-importexport-version".
func (ch *chosen) kindOf(doc []byte) (kind, error) {
	switch ch.api {
	case "rest":
		return restKind{}, nil
	case "http":
		return httpKind{}, nil
	case "":
	default:
		return nil, usageError{fmt.Errorf("--type %q is neither rest nor http", ch.api)}
	}
	var d struct {
		Version any `yaml:"x-amazon-apigateway-importexport-version"`
	}
	if err := yaml.Unmarshal(doc, &d); err == nil && d.Version != nil {
		return httpKind{}, nil
	}
	return restKind{}, nil
}

// find returns the id of the API that a document is about, or nothing.
func (ch *chosen) find(ctx context.Context, c *client, k kind, doc []byte) (string, error) {
	if ch.apiID != "" {
		return ch.apiID, nil
	}
	return findAPI(ctx, c, k, title(doc))
}

// readOptions are what reading a document depends on.
func (c *client) readOptions(ctx context.Context, id string, doc []byte) (openapi.Options, error) {
	opt := openapi.Options{Region: c.region, RestAPI: id, BasePath: openapi.BasePathIgnore}
	if !strings.Contains(string(doc), "${AWS::AccountId}") {
		return opt, nil
	}
	var err error
	opt.Account, err = c.account(ctx)
	return opt, err
}
