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

	"gatehouse/internal/openapi"
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

// A broughtChange is a cluster or a release of a document that is not yet as it stands
// there.
type broughtChange struct {
	openapi.Difference
	path string
	text []byte
}

// broughtChanges are what a document would change about clusters and releases. Those
// that are there already as they stand in it are left alone, so that canaries go on.
func (c *client) broughtChanges(ctx context.Context, b brought) (list []broughtChange, err error) {
	for _, kind := range []struct {
		name, path string
		defs       map[string]any
	}{{"cluster", clustersPath, b.Clusters}, {"release", releasesPath, b.Releases}} {
		for _, name := range slices.Sorted(maps.Keys(kind.defs)) {
			text, err := yaml.Marshal(kind.defs[name])
			if err != nil {
				return nil, err
			}
			ch := broughtChange{path: kind.path + "/" + url.PathEscape(name), text: text}
			ch.Part = kind.name + " " + name
			var have struct{ Definition string }
			err = c.own(ctx, http.MethodGet, ch.path, nil, &have)
			switch {
			case isRefused(err, "NotFoundException"):
				ch.Added = true
			case err != nil:
				return nil, fmt.Errorf("%s: %w", ch.Part, err)
			case have.Definition == string(text):
				continue
			default:
				ch.Member, ch.Before, ch.After = "definition", have.Definition, string(text)
			}
			list = append(list, ch)
		}
	}
	return list, nil
}

// putBrought makes changes of clusters and releases.
func (c *client) putBrought(ctx context.Context, list []broughtChange) error {
	for _, ch := range list {
		if err := c.own(ctx, http.MethodPut, ch.path, ch.text, nil); err != nil {
			return fmt.Errorf("%s of the document: %w", ch.Part, err)
		}
	}
	return nil
}

// withBrought are the changes of an API after those of what its document brings along.
func withBrought(list []broughtChange, changes []openapi.Difference) []openapi.Difference {
	var all []openapi.Difference
	for _, ch := range list {
		all = append(all, ch.Difference)
	}
	return append(all, changes...)
}
