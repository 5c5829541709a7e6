package lambda

import (
	"context"
	"fmt"
	"time"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/function"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// define makes a function's records what a host runs. Code that is not on this
// node yet is unpacked.
func (y *Syncer) define(ctx context.Context, tables record.FunctionTables, rec *record.Function) (*function.Definition, error) {
	def := &function.Definition{
		ARN: functionARN(rec.Scope, rec.Name, ""), Versions: map[string]function.Version{}, Aliases: map[string]function.Alias{},
	}
	var err error
	if def.Versions[latest], err = y.version(ctx, tables, &rec.Latest); err != nil {
		return nil, err
	}
	versions, err := tables.Versions.All(ctx, rec.Name)
	if err != nil {
		return nil, err
	}
	for _, row := range versions {
		if def.Versions[str(row.Value.Version)], err = y.version(ctx, tables, &row.Value.FunctionCode); err != nil {
			return nil, err
		}
	}
	for name, alias := range rec.Aliases {
		a := function.Alias{Version: str(alias.FunctionVersion)}
		if alias.RoutingConfig != nil {
			a.Weights = alias.RoutingConfig.AdditionalVersionWeights
		}
		def.Aliases[name] = a
	}
	if rec.Reserved != nil {
		def.Reserved = new(int(*rec.Reserved))
	}
	if def.Permit, err = permit(rec); err != nil {
		return nil, err
	}
	def.Events = y.events(rec)
	if y.opt.Logs != nil {
		def.Log = y.opt.Logs.Of(rec.Scope)
	}
	return def, nil
}

func (y *Syncer) version(ctx context.Context, tables record.FunctionTables, code *record.FunctionCode) (function.Version, error) {
	v := function.Version{
		Runtime: str(code.Runtime), Handler: str(code.Handler), Code: code.Dir, Watch: code.Dir != "", Role: str(code.Role),
		Memory: int(*code.MemorySize), Timeout: time.Duration(*code.Timeout) * time.Second, LogGroup: str(code.LoggingConfig.LogGroup), Tmp: defaultTmp,
	}
	if code.EphemeralStorage != nil {
		v.Tmp = int(*code.EphemeralStorage.Size)
	}
	v.Tracing = code.TracingConfig != nil && str(code.TracingConfig.Mode) == api.TracingModeActive
	if code.Environment != nil {
		v.Env = code.Environment.Variables
	}
	var err error
	if code.Dir == "" {
		if v.Code, err = y.code.get(ctx, tables.Blobs, code.Zip); err != nil {
			return v, fmt.Errorf("version %s: %w", str(code.Version), err)
		}
	}
	for i, zip := range code.LayerZips {
		dir, err := y.code.get(ctx, tables.Blobs, zip)
		if err != nil {
			return v, fmt.Errorf("layer %s: %w", str(code.Layers[i].Arn), err)
		}
		v.Layers = append(v.Layers, dir)
	}
	return v, nil
}

// permit answers which services may call a function, from the policies of its
// qualifiers.
//
// AWS: "Granting function access to AWS services": a permission is one of the
// function, or of one version or alias, and holds for calls that name it so.
func permit(rec *record.Function) (func(function.Source, string) bool, error) {
	if len(rec.Policies) == 0 {
		return nil, nil
	}
	docs := map[string]*policy.Document{}
	for at, list := range rec.Policies {
		doc, err := policy.Parse(policyText(list))
		if err != nil {
			return nil, fmt.Errorf("policy of %s: %w", at, err)
		}
		docs[at] = doc
	}
	scope, name := rec.Scope, rec.Name
	return func(src function.Source, qualifier string) bool {
		at := qualifier
		if at == "" {
			at = latest
		}
		doc := docs[at]
		if doc == nil {
			return false
		}
		keys := sourceKeys(src)
		return doc.Evaluate(&policy.Request{
			Principal: policy.Principal{Service: src.Service}, Action: "lambda:InvokeFunction",
			Resource: functionARN(scope, name, qualifier), Now: time.Now(), Keys: &keys,
		}).Allowed()
	}, nil
}

// sourceKeys are the condition keys of a call by a service.
type sourceKeys function.Source

// Key returns the value of a condition key.
func (k *sourceKeys) Key(name string) (policy.Values, bool) {
	switch name {
	case "aws:sourcearn":
		return policy.One(k.ARN), k.ARN != ""
	case "aws:sourceaccount":
		return policy.One(k.Account), k.Account != ""
	}
	return policy.Values{}, false
}

// named adds the code that a function's records name.
func named(refs map[store.Ref]struct{}, code *record.FunctionCode) {
	if code.Zip != "" {
		refs[code.Zip] = struct{}{}
	}
	for _, zip := range code.LayerZips {
		refs[zip] = struct{}{}
	}
}
