package cloudformation

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/awsrpc"
)

// storedKind is the type of the value that a parameter names, which is kept in
// SSM; ok is false for parameters of other types.
//
// AWS: "SSM parameter types" of the template reference. AWS::SSM::Parameter::Name
// stands for itself.
func storedKind(p map[string]any) (kind string, ok bool) {
	all, _ := p["Type"].(string)
	kind, ok = strings.CutPrefix(all, "AWS::SSM::Parameter::Value<")
	return strings.TrimSuffix(kind, ">"), ok
}

// resolve reads the values that parameters of t name in SSM, for the caller of
// ctx: anew for each operation.
func (s *Service) resolve(ctx context.Context, t *template, values map[string]string) (map[string]string, error) {
	var found map[string]string
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		kind, stored := storedKind(t.Parameters[name])
		if !stored {
			continue
		}
		out, err := s.opt.API.Call(ctx, "ssm", "GetParameter", map[string]any{"Name": values[name]})
		if err != nil {
			// AWS: the words that clients report.
			return nil, awsrpc.Validation("Unable to fetch parameters [" + values[name] + "] from parameter store for this account.")
		}
		p := asMembers(out["Parameter"])
		got, _ := textOf(p["Type"])
		if got == "SecureString" || (got == "StringList") != (kind != "String" && !strings.HasPrefix(kind, "AWS::")) {
			return nil, awsrpc.Validation("Parameters [" + values[name] + "] referenced by template have types not supported by CloudFormation.")
		}
		if found == nil {
			found = map[string]string{}
		}
		found[name], _ = textOf(p["Value"])
	}
	return found, nil
}
