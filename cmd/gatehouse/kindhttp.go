package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"gatehouse/internal/openapi"
)

// httpKind are the HTTP APIs.
type httpKind struct{}

func (httpKind) list(ctx context.Context, c *client) ([]named, error) {
	var list []named
	for token := ""; ; {
		var page struct {
			Items     []struct{ APIID, Name, ProtocolType string }
			NextToken string
		}
		if err := c.do(ctx, call{method: http.MethodGet, path: "/v2/apis?maxResults=500&nextToken=" + url.QueryEscape(token)}, &page); err != nil {
			return nil, err
		}
		for _, a := range page.Items {
			if a.ProtocolType == "HTTP" {
				list = append(list, named{a.APIID, a.Name})
			}
		}
		if token = page.NextToken; token == "" {
			return list, nil
		}
	}
}

func (httpKind) put(ctx context.Context, c *client, id string, doc []byte) (*imported, error) {
	path := "/v2/apis"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	call, err := jsonCall(http.MethodPut, path, map[string]any{"body": string(doc)})
	if err != nil {
		return nil, err
	}
	var api struct {
		APIID, Name string
		Warnings    []string
	}
	if err := c.do(ctx, call, &api); err != nil {
		return nil, err
	}
	warn(api.Warnings)
	return &imported{RestAPI: api.APIID, Name: api.Name}, nil
}

func (httpKind) deploy(ctx context.Context, c *client, id, stage string, variables map[string]string) (string, error) {
	stages := "/v2/apis/" + url.PathEscape(id) + "/stages"
	var current struct {
		AutoDeploy     bool
		DeploymentID   string
		StageVariables map[string]string
	}
	err := c.do(ctx, call{method: http.MethodGet, path: stages + "/" + url.PathEscape(stage)}, &current)
	if isRefused(err, "NotFoundException") {
		var make call
		if make, err = jsonCall(http.MethodPost, stages, map[string]any{"stageName": stage, "stageVariables": variables}); err == nil {
			err = c.do(ctx, make, nil)
		}
	} else if err == nil && len(variables) > 0 {
		var change call
		if change, err = jsonCall(http.MethodPatch, stages+"/"+url.PathEscape(stage), map[string]any{"stageVariables": variables}); err == nil {
			err = c.do(ctx, change, nil)
		}
	}
	if err != nil || current.AutoDeploy {
		return current.DeploymentID, err
	}
	deployment, err := jsonCall(http.MethodPost, "/v2/apis/"+url.PathEscape(id)+"/deployments", map[string]any{"stageName": stage})
	if err != nil {
		return "", err
	}
	var made struct{ DeploymentID string }
	err = c.do(ctx, deployment, &made)
	return made.DeploymentID, err
}

func (httpKind) export(ctx context.Context, c *client, id, stage string, f form) ([]byte, error) {
	if f.swagger {
		return nil, usageError{fmt.Errorf("HTTP APIs are exported as OpenAPI 3.0 only")}
	}
	outputType := "JSON"
	if f.yaml {
		outputType = "YAML"
	}
	path := fmt.Sprintf("/v2/apis/%s/exports/OAS30?outputType=%s&exportVersion=1.0&includeExtensions=%t&stageName=%s",
		url.PathEscape(id), outputType, !f.bare, url.QueryEscape(stage))
	var r reply
	err := c.do(ctx, call{method: http.MethodGet, path: path, reply: &r}, nil)
	return r.body, err
}

func (httpKind) compare(have, want []byte, opt openapi.Options) ([]openapi.Difference, error) {
	before := &openapi.HTTPAPI{}
	if have != nil {
		var err error
		if before, err = openapi.ImportHTTP(have, opt); err != nil {
			return nil, fmt.Errorf("the export of what is deployed: %w", err)
		}
	}
	after, err := openapi.ImportHTTP(want, opt)
	if err != nil {
		return nil, err
	}
	return openapi.CompareHTTP(before, after), nil
}
