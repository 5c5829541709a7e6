package cloudformation

import (
	"context"
	"regexp"
	"strings"

	"gatehouse/internal/awsrpc"
)

var dynamicReference = regexp.MustCompile(`\{\{resolve:([^{}]*)\}\}`)

// resolve puts the values of parameters of SSM where the properties of a resource
// name them. The resource's record keeps the names: AWS, too, changes a resource
// only if its template does.
//
// AWS: "Using dynamic references". ssm-secure is allowed for few properties, none
// of them of a type that is here.
func (w *worker) resolve(ctx context.Context) error {
	known := map[string]string{}
	for _, props := range []*map[string]any{&w.props, &w.old} {
		if *props == nil {
			continue
		}
		got, err := w.resolved(ctx, *props, known)
		if err != nil {
			return err
		}
		*props, _ = got.(map[string]any)
	}
	return nil
}

func (w *worker) resolved(ctx context.Context, v any, known map[string]string) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			got, err := w.resolved(ctx, member, known)
			if err != nil {
				return nil, err
			}
			out[name] = got
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = w.resolved(ctx, e, known); err != nil {
				return nil, err
			}
		}
		return out, nil
	case string:
		if !strings.Contains(v, "{{resolve:") {
			return v, nil
		}
		var failed error
		out := dynamicReference.ReplaceAllStringFunc(v, func(match string) string {
			value, err := w.parameter(ctx, match[len("{{resolve:"):len(match)-2], known)
			if err != nil && failed == nil {
				failed = err
			}
			return value
		})
		return out, failed
	}
	return v, nil
}

// parameter returns the value of a reference "ssm:name" or "ssm:name:version".
func (w *worker) parameter(ctx context.Context, reference string, known map[string]string) (string, error) {
	if value, ok := known[reference]; ok {
		return value, nil
	}
	name, ok := strings.CutPrefix(reference, "ssm:")
	if !ok {
		kind, _, _ := strings.Cut(reference, ":")
		return "", awsrpc.Validation("Gatehouse does not support dynamic references of the kind " + kind + " in properties of " + w.kind.Type)
	}
	out, err := w.s.opt.API.Call(ctx, "ssm", "GetParameter", map[string]any{"Name": name})
	if err != nil {
		return "", err
	}
	p := asMembers(out["Parameter"])
	if kind, _ := textOf(p["Type"]); kind == "SecureString" {
		return "", awsrpc.Validation("SSM Secure reference is not supported in: [" + w.kind.Type + "/Properties]")
	}
	value, _ := textOf(p["Value"])
	known[reference] = value
	return value, nil
}
