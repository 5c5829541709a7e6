package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"

	"gatehouse/internal/openapi"
)

// restKind are the REST APIs.
type restKind struct{}

func (restKind) list(ctx context.Context, c *client) ([]named, error) {
	var list []named
	for position := ""; ; {
		var page struct {
			Item     []struct{ ID, Name string }
			Position string
		}
		if err := c.do(ctx, call{method: http.MethodGet, path: "/restapis?limit=500&position=" + url.QueryEscape(position)}, &page); err != nil {
			return nil, err
		}
		for _, a := range page.Item {
			list = append(list, named{a.ID, a.Name})
		}
		if position = page.Position; position == "" {
			return list, nil
		}
	}
}

func (restKind) put(ctx context.Context, c *client, id string, doc []byte) (*imported, error) {
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
	warn(api.Warnings)
	return &imported{RestAPI: api.ID, Name: api.Name}, nil
}

func warn(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, "gatehouse: warning:", w)
	}
}

func (restKind) deploy(ctx context.Context, c *client, id, stage string, variables map[string]string) (string, error) {
	api := "/restapis/" + url.PathEscape(id)
	deployment, err := jsonCall(http.MethodPost, api+"/deployments", map[string]any{"stageName": stage, "variables": variables})
	if err != nil {
		return "", err
	}
	var made struct{ ID string }
	if err := c.do(ctx, deployment, &made); err != nil {
		return "", err
	}
	return made.ID, setVariables(ctx, c, api+"/stages/"+url.PathEscape(stage), variables)
}

// setVariables sees to it that a stage which was there before has the
// variables too.
func setVariables(ctx context.Context, c *client, stage string, variables map[string]string) error {
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
	for name, value := range variables {
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

func (restKind) export(ctx context.Context, c *client, id, stage string, f form) ([]byte, error) {
	version := "oas30"
	if f.swagger {
		version = "swagger"
	}
	accept := "application/json"
	if f.yaml {
		accept = "application/yaml"
	}
	path := "/restapis/" + url.PathEscape(id) + "/stages/" + url.PathEscape(stage) + "/exports/" + version
	if !f.bare {
		path += "?extensions=apigateway,documentation"
	}
	var r reply
	err := c.do(ctx, call{method: http.MethodGet, path: path, header: []string{"Accept", accept}, reply: &r}, nil)
	return r.body, err
}

func (restKind) compare(have, want []byte, opt openapi.Options) ([]openapi.Difference, error) {
	before := &openapi.API{}
	if have != nil {
		var err error
		if before, err = openapi.Import(have, opt); err != nil {
			return nil, fmt.Errorf("the export of what is deployed: %w", err)
		}
	}
	after, err := openapi.Import(want, opt)
	if err != nil {
		return nil, err
	}
	list := openapi.Compare(before, after)
	// Models that every API is born with stay when a document without them is
	// imported over it.
	return slices.DeleteFunc(list, func(d openapi.Difference) bool {
		return d.Removed && d.Member == "" && (d.Part == "model Empty" || d.Part == "model Error")
	}), nil
}
