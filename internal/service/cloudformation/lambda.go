package cloudformation

import (
	"archive/zip"
	"bytes"
	"context"
	_ "embed" // of what functions import
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
)

// lambdaKinds are functions and what belongs to them.
func lambdaKinds() []*kind {
	const service = "lambda"
	return []*kind{
		{
			Type: "AWS::Lambda::Function", service: service, props: "Architectures Code DeadLetterConfig Description Environment EphemeralStorage FunctionName! Handler ImageConfig " +
				"KmsKeyArn Layers LoggingConfig MemorySize PackageType! ReservedConcurrentExecutions Role Runtime SnapStart Tags@ Timeout TracingConfig VpcConfig",
			rename: map[string]string{"KmsKeyArn": "KMSKeyArn"}, remove: "DeleteFunction", key: "FunctionName", makes: makeFunction, turns: turnFunction, reads: readFunction,
		},
		{
			Type: "AWS::Lambda::Permission", service: service, create: "AddPermission", remove: "RemovePermission", always: true,
			props: "Action FunctionName EventSourceToken FunctionUrlAuthType InvokedViaFunctionUrl Principal PrincipalOrgID SourceAccount SourceArn",
			under: "FunctionName", key: "StatementId", attrs: "Id", reads: readPermission,
			makes: func(ctx context.Context, w *worker) error {
				in := maps.Clone(w.props)
				id := w.physicalName(100)
				in["StatementId"] = id
				_, err := w.call(ctx, "AddPermission", in)
				if err == nil {
					w.id, w.attributes["Id"] = id, id
				}
				return err
			},
		},
		{
			Type: "AWS::Lambda::Version", service: service, create: "PublishVersion", always: true,
			props: "FunctionName CodeSha256 Description", ref: "FunctionArn", attrs: "Version=Version FunctionArn=FunctionArn", reads: readVersion,
			ends: func(ctx context.Context, w *worker) error {
				_, err := w.call(ctx, "DeleteFunction", map[string]any{"FunctionName": w.props["FunctionName"], "Qualifier": w.id[strings.LastIndexByte(w.id, ':')+1:]})
				return err
			},
		},
		{
			Type: "AWS::Lambda::Alias", service: service, create: "CreateAlias", update: "UpdateAlias",
			props: "FunctionName! Name! FunctionVersion Description RoutingConfig", ref: "AliasArn", attrs: "AliasArn", under: "FunctionName Name", reads: readAlias,
			makes: func(ctx context.Context, w *worker) error {
				weighed := *w
				weighed.props = withWeights(w.props)
				out, err := w.kind.make(ctx, &weighed)
				if err == nil {
					w.kind.take(w, out)
				}
				return err
			},
			turns: func(ctx context.Context, w *worker) error {
				weighed := *w
				weighed.props, weighed.old = withWeights(w.props), withWeights(w.old)
				return w.kind.put(ctx, &weighed)
			},
			ends: func(ctx context.Context, w *worker) error {
				_, err := w.call(ctx, "DeleteAlias", only(w.props, "FunctionName", "Name"))
				return err
			},
		},
		{
			Type: "AWS::Lambda::LayerVersion", service: service, create: "PublishLayerVersion", always: true, named: "LayerName",
			props: "CompatibleArchitectures CompatibleRuntimes Content Description LayerName LicenseInfo", ref: "LayerVersionArn", attrs: "LayerVersionArn", reads: readLayer,
			ends: func(ctx context.Context, w *worker) error {
				parts := strings.Split(w.id, ":")
				if len(parts) < 2 {
					return nil
				}
				_, err := w.call(ctx, "DeleteLayerVersion", map[string]any{"LayerName": parts[len(parts)-2], "VersionNumber": parts[len(parts)-1]})
				return err
			},
		},
	}
}

// withWeights are the properties of an alias as the API takes them: it has the
// weights of versions by version, where templates list them.
func withWeights(props map[string]any) map[string]any {
	list, ok := asMembers(props["RoutingConfig"])["AdditionalVersionWeights"].([]any)
	if !ok {
		return props
	}
	weights := map[string]any{}
	for _, e := range list {
		version, _ := textOf(asMembers(e)["FunctionVersion"])
		weights[version] = asMembers(e)["FunctionWeight"]
	}
	out := maps.Clone(props)
	out["RoutingConfig"] = map[string]any{"AdditionalVersionWeights": weights}
	return out
}

// codeOf is the code of a function as Lambda takes it.
//
// AWS: the text of ZipFile becomes a file called index.
func codeOf(w *worker) (map[string]any, error) {
	code := maps.Clone(asMembers(w.props["Code"]))
	text, inline := code["ZipFile"].(string)
	if !inline {
		return code, nil
	}
	suffix := ""
	switch runtime := w.text("Runtime"); {
	case strings.HasPrefix(runtime, "nodejs"):
		suffix = ".js"
	case strings.HasPrefix(runtime, "python"):
		suffix = ".py"
	default:
		return nil, awsrpc.Validation("ZipFile can only be used when Runtime is set to either of nodejs, python.")
	}
	files := map[string]string{"index" + suffix: text}
	switch {
	case suffix == ".js" && strings.Contains(text, "cfn-response"):
		files["cfn-response.js"] = nodeResponse
	case suffix == ".py" && strings.Contains(text, "cfnresponse"):
		files["cfnresponse.py"] = pythonResponse
	}
	zipped, err := zipOf(files)
	code["ZipFile"] = zipped
	return code, err
}

// What functions whose code is in the template may import to answer as custom
// resources.
//
// AWS: "cfn-response module": cfn-response for Node, cfnresponse for Python.
var (
	//go:embed inline/cfn-response.js
	nodeResponse string
	//go:embed inline/cfnresponse.py
	pythonResponse string
)

// zipOf packs files, always into the same bytes.
func zipOf(files map[string]string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write([]byte(files[name])); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

func makeFunction(ctx context.Context, w *worker) error {
	in, err := w.kind.input(w.props)
	if err != nil {
		return err
	}
	if in["Code"], err = codeOf(w); err != nil {
		return err
	}
	if in["FunctionName"] == nil {
		in["FunctionName"] = w.physicalName(64)
	}
	reserved, limited := in["ReservedConcurrentExecutions"]
	delete(in, "ReservedConcurrentExecutions")
	out, err := w.call(ctx, "CreateFunction", in)
	if err != nil {
		return err
	}
	w.id, _ = textOf(out["FunctionName"])
	w.attributes["Arn"] = out["FunctionArn"]
	if limited {
		_, err = w.call(ctx, "PutFunctionConcurrency", map[string]any{"FunctionName": w.id, "ReservedConcurrentExecutions": reserved})
	}
	return err
}

func turnFunction(ctx context.Context, w *worker) error {
	name := map[string]any{"FunctionName": w.id}
	if !same(w.old["Code"], w.props["Code"]) || !same(w.old["Architectures"], w.props["Architectures"]) || !same(w.old["Runtime"], w.props["Runtime"]) {
		in, err := codeOf(w)
		if err != nil {
			return err
		}
		maps.Copy(in, name)
		if v, ok := w.props["Architectures"]; ok {
			in["Architectures"] = v
		}
		if _, err := w.call(ctx, "UpdateFunctionCode", in); err != nil {
			return err
		}
	}
	if !same(w.old["ReservedConcurrentExecutions"], w.props["ReservedConcurrentExecutions"]) {
		operation, in := "DeleteFunctionConcurrency", maps.Clone(name)
		if v, ok := w.props["ReservedConcurrentExecutions"]; ok {
			operation, in["ReservedConcurrentExecutions"] = "PutFunctionConcurrency", v
		}
		if _, err := w.call(ctx, operation, in); err != nil {
			return err
		}
	}
	in, err := w.kind.input(w.props)
	if err != nil {
		return err
	}
	for _, prop := range []string{"Code", "Architectures", "PackageType", "ReservedConcurrentExecutions", "Tags"} {
		delete(in, prop)
	}
	for prop, empty := range map[string]any{"Description": "", "Environment": map[string]any{"Variables": map[string]any{}}, "Layers": []any{}, "Timeout": 3, "MemorySize": 128} {
		if in[prop] == nil && w.old[prop] != nil {
			in[prop] = empty
		}
	}
	maps.Copy(in, name)
	if _, err := w.call(ctx, "UpdateFunctionConfiguration", in); err != nil {
		return err
	}
	return retagFunction(ctx, w)
}

func retagFunction(ctx context.Context, w *worker) error {
	before, err := tagsOf(w.old["Tags"])
	if err != nil {
		return err
	}
	after, err := tagsOf(w.props["Tags"])
	if err != nil || same(before, after) {
		return err
	}
	name := arn.ARN{Partition: partition(w.t.region), Service: "lambda", Region: w.t.region, Account: w.t.account, Resource: "function:" + w.id}.String()
	var gone []any
	for key := range without(before, after) {
		gone = append(gone, key)
	}
	if gone != nil {
		if _, err := w.call(ctx, "UntagResource", map[string]any{"Resource": name, "TagKeys": gone}); err != nil {
			return err
		}
	}
	if len(after) > 0 {
		_, err = w.call(ctx, "TagResource", map[string]any{"Resource": name, "Tags": after})
	}
	return err
}
