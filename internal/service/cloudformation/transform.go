package cloudformation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/sam"
)

// Transforms make another template of the one that was given: nested ones first,
// then those of the section Transform in its order. There are AWS's own; macros
// that are functions of somebody are not supported.

const (
	includeTransform   = "AWS::Include"
	extensionTransform = "AWS::LanguageExtensions"
)

// A transformError is why a template could not be transformed. A change set that
// fails by it exists and tells it.
type transformError struct{ name, reason string }

func (e *transformError) Error() string {
	return "Transform " + e.name + " failed with: " + e.reason
}

// asRPC makes a transformError what callers of CreateStack are told.
func asRPC(err error) error {
	if e, ok := errors.AsType[*transformError](err); ok {
		return awsrpc.Validation(e.Error())
	}
	return err
}

// A transformation is the work on one template.
type transformation struct {
	s      *Service
	ctx    context.Context //nolint:containedctx // it lives for one call
	values map[string]any  // of parameters and pseudo parameters
	left   int             // documents that may still be included
}

// maxIncludes bounds the documents that one template includes.
const maxIncludes = 100

// expand returns the template that the transforms of body make, or "" if it has
// none.
func (s *Service) expand(ctx context.Context, body string, parameters []api.Parameter, before map[string]string, t tables) (string, error) {
	if !strings.Contains(body, "Transform") {
		return "", nil
	}
	doc, err := parseDocument(body)
	if err != nil {
		return "", err
	}
	root, ok := doc.(map[string]any)
	if !ok {
		return "", errFormat("unsupported structure.")
	}
	tr := &transformation{s: s, ctx: ctx, left: maxIncludes}
	if tr.values, err = s.early(ctx, root, parameters, before, t); err != nil {
		return "", err
	}
	steps, err := transformsOf(root["Transform"])
	if err != nil {
		return "", err
	}
	delete(root, "Transform")
	nested, err := tr.include(root)
	if err != nil {
		return "", err
	}
	if len(steps) == 0 && maxIncludes == tr.left {
		return "", nil
	}
	if root, ok = nested.(map[string]any); !ok {
		return "", errFormat("unsupported structure.")
	}
	for _, step := range steps {
		if root, err = tr.apply(step, root); err != nil {
			return "", err
		}
	}
	b := &budget{}
	return marshalText(root), b.measure(root, 0)
}

// early are the values that transforms may use: of parameters, as they are given,
// by default or in SSM, and of the Region.
func (s *Service) early(ctx context.Context, root map[string]any, parameters []api.Parameter, before map[string]string, t tables) (map[string]any, error) {
	section, err := objects(root, "Parameters")
	if err != nil {
		return nil, err
	}
	declared := &template{Parameters: section}
	bound, err := declared.bind(parameters, before)
	if err != nil {
		return nil, err
	}
	stored, err := s.resolve(ctx, declared, bound)
	if err != nil {
		return nil, err
	}
	maps.Copy(bound, stored)
	values := map[string]any{"AWS::Region": t.region, "AWS::Partition": arn.Partition(t.region), "AWS::AccountId": t.account}
	for name, v := range bound {
		values[name] = parameterValue(section[name], v)
	}
	return values, nil
}

// A step is one transform with its parameters.
type step struct {
	name       string
	parameters map[string]any
}

// transformsOf reads the section Transform.
func transformsOf(v any) ([]step, error) {
	list, ok := v.([]any)
	switch {
	case v == nil:
		return nil, nil
	case !ok:
		list = []any{v}
	}
	var steps []step
	for _, e := range list {
		m := asMembers(e)
		name, isText := e.(string)
		if m != nil {
			name, isText = m["Name"].(string)
		}
		if !isText {
			return nil, errFormat("Transform must be a string, an object with a Name, or a list of these.")
		}
		if !slices.Contains([]string{sam.Name, includeTransform, extensionTransform}, name) {
			return nil, awsrpc.Validation("No transform named " + name + " found.")
		}
		steps = append(steps, step{name, asMembers(m["Parameters"])})
	}
	return steps, nil
}

// apply does one transform of the section Transform.
func (tr *transformation) apply(s step, root map[string]any) (map[string]any, error) {
	switch s.name {
	case includeTransform:
		return tr.merge(root, s.parameters)
	case extensionTransform:
		return tr.extend(root)
	}
	out, err := sam.Transform(root, sam.Options{Partition: tr.values["AWS::Partition"].(string), Region: tr.values["AWS::Region"].(string), Values: tr.values})
	if err != nil {
		return nil, &transformError{s.name, err.Error()}
	}
	return out, nil
}

// include puts in the place of each {"Fn::Transform": {"Name": "AWS::Include"}}
// what it names.
func (tr *transformation) include(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			if name == "Fn::Transform" {
				continue
			}
			got, err := tr.include(member)
			if err != nil {
				return nil, err
			}
			out[name] = got
		}
		call, has := v["Fn::Transform"]
		if !has {
			return out, nil
		}
		steps, err := transformsOf(call)
		if err != nil {
			return nil, err
		}
		for _, s := range steps {
			if s.name != includeTransform {
				return nil, awsrpc.Validation("The transform " + s.name + " can only stand in the section Transform")
			}
			if out, err = tr.merge(out, s.parameters); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = tr.include(e); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// merge lays m over the members of the document that parameters name.
//
// AWS: "Location", a URI of S3; a document may include no other.
func (tr *transformation) merge(m, parameters map[string]any) (map[string]any, error) {
	fail := func(reason string) (map[string]any, error) {
		return nil, &transformError{includeTransform, reason}
	}
	ev := &evaluator{t: &template{}, values: tr.values}
	location, err := ev.string(parameters["Location"], "Fn::Transform")
	if err != nil {
		return fail("The specified location parameter is not a text: " + reasonOf(err))
	}
	rest, ok := strings.CutPrefix(location, "s3://")
	if !ok || !strings.Contains(rest, "/") {
		return fail("The location parameter is not a valid S3 uri.")
	}
	if tr.left--; tr.left < 0 || tr.s.opt.Templates == nil {
		return fail("The template includes too many documents, or there is no S3 here.")
	}
	text, err := tr.s.opt.Templates.Template(tr.ctx, "https://s3.amazonaws.com/"+rest, maxURLTemplate)
	if err != nil {
		return fail("S3 error: " + reasonOf(err))
	}
	doc, err := parseDocument(string(text))
	if err != nil {
		return fail(reasonOf(err))
	}
	out, ok := doc.(map[string]any)
	if !ok {
		return fail("The document is not an object.")
	}
	for name, v := range m {
		out[name] = v
	}
	return out, nil
}
