package iam

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/internal/arn"
	v1 "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Resources knows what APIs, stages and domain names are set to, for policies
// that ask: aws:ResourceTag/… and apigateway:Resource/….
type Resources struct{ st store.Store }

// NewResources returns the resources of a store.
func NewResources(st store.Store) *Resources { return &Resources{st} }

// A thing is what a call is about.
type thing struct {
	tags   map[string]string // keys in lower case
	keys   map[string][]string
	closed map[string]bool // keys that it has, and that are not known here
}

// of returns the API, stage or domain name that a call is about, or is below of.
//
// AWS: "Using tags to control access to API Gateway REST API resources": what is
// below an API has the tags of the API.
func (r *Resources) of(ctx context.Context, c *awsrpc.Call) (*thing, error) {
	path := strings.TrimPrefix(canonicalPath(c), "/v2")
	if rest, ok := strings.CutPrefix(path, "/tags/"); ok {
		if text, err := url.PathUnescape(rest); err == nil {
			if name, err := arn.Parse(text); err == nil {
				path = strings.TrimPrefix(name.Resource, "/v2")
			}
		}
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range parts {
		if text, err := url.PathUnescape(parts[i]); err == nil {
			parts[i] = text
		}
	}
	if len(parts) > 1 && parts[0] == "domainnames" {
		parts[1] = record.DomainKey(parts[1], c.Query.Get("domainNameId"))
	}
	t := &thing{tags: map[string]string{}, keys: map[string][]string{}, closed: map[string]bool{}}
	if len(parts) < 2 {
		return t, nil
	}
	tables := record.In(r.st, store.NewBlobs(r.st, ""), record.Scope{Account: c.Caller.Account, Region: c.Caller.Region})
	err := t.read(ctx, &tables, parts)
	if errors.Is(err, store.ErrNotFound) {
		err = nil // the operation says so
	}
	return t, err
}

// read reads the records that a path names.
func (t *thing) read(ctx context.Context, tables *record.Tables, parts []string) error {
	switch parts[0] {
	case "restapis":
		rec, _, err := tables.RestAPIs.Get(ctx, store.ID(parts[1]))
		if err != nil {
			return err
		}
		t.tag(rec.Tags)
		t.set("apiname", rec.Name)
		t.flag("disableexecuteapiendpoint", rec.DisableExecuteApiEndpoint)
		t.endpoint(rec.EndpointConfiguration)
		return t.below(parts, func(stage string) error {
			rec, _, err := tables.Stages.Get(ctx, store.ID(parts[1], stage))
			if err != nil {
				return err
			}
			t.tag(rec.Tags)
			t.set("stagename", rec.StageName)
			if log := rec.AccessLogSettings; log != nil {
				t.set("accessloggingdestination", log.DestinationArn)
				t.set("accessloggingformat", log.Format)
			}
			return nil
		})
	case "apis":
		rec, _, err := tables.APIs.Get(ctx, store.ID(parts[1]))
		if err != nil {
			return err
		}
		t.tag(rec.Tags)
		t.set("apiname", rec.Name)
		t.flag("disableexecuteapiendpoint", rec.DisableExecuteApiEndpoint)
		return t.below(parts, func(stage string) error {
			rec, _, err := tables.APIStages.Get(ctx, store.ID(parts[1], stage))
			if err != nil {
				return err
			}
			t.tag(rec.Tags)
			t.set("stagename", rec.StageName)
			if log := rec.AccessLogSettings; log != nil {
				t.set("accessloggingdestination", log.DestinationArn)
				t.set("accessloggingformat", log.Format)
			}
			return nil
		})
	case "domainnames":
		rec, _, err := tables.DomainNames.Get(ctx, store.ID(parts[1]))
		if err != nil {
			return err
		}
		t.tag(rec.Tags)
		t.set("securitypolicy", rec.SecurityPolicy)
		t.endpoint(rec.EndpointConfiguration)
		if m := rec.MutualTlsAuthentication; m != nil {
			t.set("mtlstruststoreuri", m.TruststoreUri)
			t.set("mtlstruststoreversion", m.TruststoreVersion)
		}
	}
	return t.readRest(ctx, tables, parts)
}

// readRest reads the records that have tags and nothing else to ask for.
func (t *thing) readRest(ctx context.Context, tables *record.Tables, parts []string) error {
	switch parts[0] {
	case "apikeys":
		rec, _, err := tables.APIKeys.Get(ctx, store.ID(parts[1]))
		t.tag(rec.Tags)
		return err
	case "usageplans":
		rec, _, err := tables.UsagePlans.Get(ctx, store.ID(parts[1]))
		t.tag(rec.Tags)
		return err
	case "clientcertificates":
		rec, _, err := tables.ClientCertificates.Get(ctx, store.ID(parts[1]))
		t.tag(rec.Tags)
		return err
	case "vpclinks": // of both versions
		old, _, err := tables.VPCLinks.Get(ctx, store.ID(parts[1]))
		if errors.Is(err, store.ErrNotFound) {
			rec, _, err := tables.APIVPCLinks.Get(ctx, store.ID(parts[1]))
			t.tag(rec.Tags)
			return err
		}
		t.tag(old.Tags)
		return err
	}
	return nil
}

// below reads the stage that a path names, and notes what of the settings of
// authorizers, methods and routes is kept where it is not looked for.
func (t *thing) below(parts []string, stage func(name string) error) error {
	if len(parts) < 4 {
		return nil
	}
	switch parts[2] {
	case "stages":
		return stage(parts[3])
	case "authorizers":
		t.closed["authorizertype"], t.closed["authorizeruri"] = true, true
	case "resources", "routes":
		t.closed["apikeyrequired"], t.closed["routeauthorizationtype"] = true, true
	}
	return nil
}

func (t *thing) tag(tags map[string]string) {
	for k, v := range tags {
		t.tags[strings.ToLower(k)] = v
	}
}

func (t *thing) set(key string, value *string) {
	if value != nil {
		t.keys[key] = []string{*value}
	}
}

func (t *thing) flag(key string, value *bool) {
	t.keys[key] = []string{strconv.FormatBool(value != nil && *value)}
}

func (t *thing) endpoint(e *v1.EndpointConfiguration) {
	if e != nil {
		t.keys["endpointtype"] = e.Types
	}
}
