package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"go.yaml.in/yaml/v3"
)

// brought is what a document brings along beside its API, by name, defined as for
// "gatehouse cluster put" and "gatehouse release put".
type brought struct {
	Clusters map[string]any `yaml:"x-gatehouse-clusters"`
	Releases map[string]any `yaml:"x-gatehouse-releases"`
}

// split takes what a document brings along out of it: imports refuse it. A document
// without is returned as it is, as is one that cannot be read: the server says why.
func split(doc []byte) (rest []byte, b brought, err error) {
	if !bytes.Contains(doc, []byte("x-gatehouse-")) {
		return doc, b, nil
	}
	var root yaml.Node
	if yaml.Unmarshal(doc, &root) != nil || len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return doc, b, nil //nolint:nilerr // the server says why
	}
	if err := root.Decode(&b); err != nil {
		return nil, b, fmt.Errorf("x-gatehouse-clusters, x-gatehouse-releases: want maps of definitions by name: %w", err)
	}
	m := root.Content[0]
	for i := 0; i < len(m.Content); {
		if key := m.Content[i].Value; key == "x-gatehouse-clusters" || key == "x-gatehouse-releases" {
			m.Content = slices.Delete(m.Content, i, i+2)
			continue
		}
		i += 2
	}
	rest, err = yaml.Marshal(&root)
	return rest, b, err
}

// putBrought puts the clusters and releases that a document brings along. Those that
// are there already as they stand here are left alone, so that canaries go on.
func (c *client) putBrought(ctx context.Context, b brought) error {
	for _, kind := range []struct {
		path string
		defs map[string]any
	}{{clustersPath, b.Clusters}, {releasesPath, b.Releases}} {
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
