package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"go.yaml.in/yaml/v3"
)

// putClusters puts the clusters and releases that a document brings along, in
// x-gatehouse-clusters and x-gatehouse-releases: by name, defined as for
// "gatehouse cluster put" and "gatehouse release put". Those that are there
// already as they stand here are left alone, so that canaries go on.
func (c *client) putClusters(ctx context.Context, doc []byte) error {
	var brought struct {
		Clusters map[string]any `yaml:"x-gatehouse-clusters"`
		Releases map[string]any `yaml:"x-gatehouse-releases"`
	}
	if err := yaml.Unmarshal(doc, &brought); err != nil {
		return fmt.Errorf("x-gatehouse-clusters, x-gatehouse-releases: want maps of definitions by name: %w", err)
	}
	for _, kind := range []struct {
		path string
		defs map[string]any
	}{{clustersPath, brought.Clusters}, {releasesPath, brought.Releases}} {
		for _, name := range slices.Sorted(maps.Keys(kind.defs)) {
			text, err := yaml.Marshal(kind.defs[name])
			if err != nil {
				return err
			}
			path := kind.path + "/" + url.PathEscape(name)
			var have struct{ Definition string }
			err = c.own(ctx, http.MethodGet, path, nil, &have)
			if err == nil && have.Definition == string(text) {
				continue
			}
			if err != nil && !isRefused(err, "NotFoundException") {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := c.own(ctx, http.MethodPut, path, text, nil); err != nil {
				return fmt.Errorf("%s of the document: %w", name, err)
			}
		}
	}
	return nil
}
