package cloudformation

import (
	"context"
	"maps"

	"gatehouse/internal/awsrpc"
)

// only are the members of m that have these names.
func only(m map[string]any, names ...string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if v, ok := m[name]; ok {
			out[name] = v
		}
	}
	return out
}

// refuseRestAPI refuses what of a REST API has no effect here. The one parameter of
// an import that is taken says what EndpointConfiguration does, too: SAM writes
// both.
func refuseRestAPI(w *worker) error {
	if p, ok := w.props["Parameters"].(map[string]any); ok && len(p) == 1 && p["endpointConfigurationTypes"] != nil && w.props["EndpointConfiguration"] != nil {
		return refuse(w, "CloneFrom")
	}
	return refuse(w, "CloneFrom", "Parameters")
}

func makeRestAPI(ctx context.Context, w *worker) error {
	if err := refuseRestAPI(w); err != nil {
		return err
	}
	if err := fetchBody(ctx, w); err != nil {
		return err
	}
	in, err := w.kind.input(w.props)
	if err != nil {
		return err
	}
	for _, name := range []string{"Body", "Mode", "FailOnWarnings", "Parameters"} {
		delete(in, name)
	}
	if in["Name"] == nil {
		// AWS: the name is that of the definition.
		if in["Name"] = titleOf(w.props["Body"]); in["Name"] == "" {
			return awsrpc.Validation("Name must be specified")
		}
	}
	out, err := w.call(ctx, "CreateRestApi", in)
	if err != nil {
		return err
	}
	w.kind.take(w, out)
	if w.props["Body"] == nil {
		return nil
	}
	if err := putBody(ctx, w); err != nil {
		return err
	}
	return w.kind.patchUpdate(ctx, afterBody(w, w.props))
}

// afterBody is the worker for what is left to do once a definition was put: it
// resets what it is silent about, but what the properties say holds.
func afterBody(w *worker, old map[string]any) *worker {
	again := *w
	again.old = maps.Clone(old)
	for _, p := range w.kind.patches {
		if p.form == asText && w.props[p.prop] != nil {
			delete(again.old, p.prop)
		}
	}
	return &again
}

func titleOf(body any) string {
	if text, ok := body.(string); ok {
		body, _ = parseDocument(text) // what cannot be read has no title, and the import says why
	}
	info, _ := asMembers(body)["info"].(map[string]any)
	title, _ := textOf(info["title"])
	return title
}

// refuse names a property that has no effect here.
func refuse(w *worker, names ...string) error {
	for _, name := range names {
		if _, ok := w.props[name]; ok {
			return awsrpc.Validation("Gatehouse does not support the property " + name + " of " + w.kind.Type)
		}
	}
	return nil
}

// putBody imports the definition of a REST API.
func putBody(ctx context.Context, w *worker) error {
	body, ok := w.props["Body"]
	if !ok {
		return nil
	}
	text, isText := body.(string)
	if !isText {
		text = marshalText(body)
	}
	in := map[string]any{"restApiId": w.id, "body": []byte(text), "mode": "overwrite"}
	if mode := w.text("Mode"); mode != "" {
		in["mode"] = mode
	}
	if v, ok := w.props["FailOnWarnings"]; ok {
		in["failOnWarnings"] = v
	}
	_, err := w.call(ctx, "PutRestApi", in)
	if err == nil {
		return nil
	}
	return err
}

func turnRestAPI(ctx context.Context, w *worker) error {
	if err := refuseRestAPI(w); err != nil {
		return err
	}
	if otherBody(w) {
		if err := fetchBody(ctx, w); err != nil {
			return err
		}
		if err := putBody(ctx, w); err != nil {
			return err
		}
		return w.kind.patchUpdate(ctx, afterBody(w, w.old))
	}
	return w.kind.patchUpdate(ctx, w)
}

// method names a method in inputs.
func method(w *worker) map[string]any {
	in := only(w.props, "RestApiId", "ResourceId")
	in["httpMethod"] = w.props["HttpMethod"]
	return in
}

// AWS: one resource stands for what the API has four kinds of calls for: the
// method, its responses, its integration, and the responses of that.
func makeMethod(ctx context.Context, w *worker) error {
	if err := w.bundle(ctx, func(ctx context.Context) error { return putMethod(ctx, w) }); err != nil {
		return err
	}
	if w.id == "" {
		w.id = w.physicalName(255)
	}
	return nil
}

func putMethod(ctx context.Context, w *worker) error {
	in := maps.Clone(w.props)
	delete(in, "Integration")
	delete(in, "MethodResponses")
	if in["AuthorizationType"] == nil {
		in["AuthorizationType"] = "NONE"
	}
	if _, err := w.call(ctx, "PutMethod", in); err != nil {
		return err
	}
	responses, _ := w.props["MethodResponses"].([]any)
	for _, r := range responses {
		in := maps.Clone(asMembers(r))
		maps.Copy(in, method(w))
		if _, err := w.call(ctx, "PutMethodResponse", in); err != nil {
			return err
		}
	}
	return putIntegration(ctx, w)
}

func putIntegration(ctx context.Context, w *worker) error {
	integration, ok := w.props["Integration"].(map[string]any)
	if !ok {
		return nil
	}
	in := maps.Clone(integration)
	responses, _ := in["IntegrationResponses"].([]any)
	delete(in, "IntegrationResponses")
	backend, has := in["IntegrationHttpMethod"]
	delete(in, "IntegrationHttpMethod")
	maps.Copy(in, only(w.props, "RestApiId", "ResourceId"))
	in["requestHttpMethod"] = w.props["HttpMethod"]
	if has {
		in["httpMethod"] = backend
	}
	if _, err := w.call(ctx, "PutIntegration", in); err != nil {
		return err
	}
	for _, r := range responses {
		in := maps.Clone(asMembers(r))
		maps.Copy(in, method(w))
		if _, err := w.call(ctx, "PutIntegrationResponse", in); err != nil {
			return err
		}
	}
	return nil
}

// turnMethod puts a method anew: what is deployed does not see it.
func turnMethod(ctx context.Context, w *worker) error {
	return w.bundle(ctx, func(ctx context.Context) error {
		if err := endMethod(ctx, w); err != nil && !isGone(err) {
			return err
		}
		return putMethod(ctx, w)
	})
}

func endMethod(ctx context.Context, w *worker) error {
	_, err := w.call(ctx, "DeleteMethod", method(w))
	return err
}

func stagePatches() []patch {
	return append(patchTexts("DeploymentId Description CacheClusterEnabled CacheClusterSize ClientCertificateId DocumentationVersion TracingEnabled"),
		patch{"Variables", "/variables", asMap}, patch{"AccessLogSetting", "/accessLogSettings", asObject},
		patch{"CanarySetting", "/canarySettings", asObject}, patch{"MethodSettings", "", asMethods})
}

// makeStage creates a stage, then patches in what CreateStage does not take.
func makeStage(ctx context.Context, w *worker) error {
	later := []string{"AccessLogSetting", "CanarySetting", "MethodSettings", "ClientCertificateId"}
	props := maps.Clone(w.props)
	for _, name := range later {
		delete(props, name)
	}
	in, err := w.kind.input(props)
	if err != nil {
		return err
	}
	if _, err := w.call(ctx, "CreateStage", in); err != nil {
		return err
	}
	w.id = w.text("StageName")
	made := *w
	made.old = props
	return w.kind.patchUpdate(ctx, &made)
}

// endUsagePlan takes the stages from a plan first.
//
// AWS: a plan that has stages cannot be deleted.
func endUsagePlan(ctx context.Context, w *worker) error {
	var ops patchOps
	patch{"ApiStages", "/apiStages", asStages}.ops(&ops, w.props["ApiStages"], nil)
	if len(ops) > 0 {
		in := map[string]any{"usagePlanId": w.id, "patchOperations": []any(ops)}
		// A stage that is gone cannot be taken away; the deletion tells.
		_, _ = w.call(ctx, "UpdateUsagePlan", in)
	}
	_, err := w.call(ctx, "DeleteUsagePlan", map[string]any{"usagePlanId": w.id})
	return err
}

// basePath names a mapping in inputs.
func basePath(w *worker) map[string]any {
	base := w.text("BasePath")
	if base == "" {
		base = "(none)"
	}
	return map[string]any{"domainName": w.props["DomainName"], "basePath": base}
}

func turnBasePath(ctx context.Context, w *worker) error {
	var ops patchOps
	for _, p := range w.kind.patches {
		if !same(w.old[p.prop], w.props[p.prop]) {
			p.ops(&ops, w.old[p.prop], w.props[p.prop])
		}
	}
	in := basePath(w)
	in["patchOperations"] = []any(ops)
	_, err := w.call(ctx, "UpdateBasePathMapping", in)
	return err
}

func endBasePath(ctx context.Context, w *worker) error {
	_, err := w.call(ctx, "DeleteBasePathMapping", basePath(w))
	return err
}

// makeAccount sets the role of the account.
func makeAccount(ctx context.Context, w *worker) error {
	var ops patchOps
	ops.add("replace", "/cloudwatchRoleArn", w.text("CloudWatchRoleArn"))
	if _, err := w.call(ctx, "UpdateAccount", map[string]any{"patchOperations": []any(ops)}); err != nil {
		return err
	}
	if w.id == "" {
		w.id = w.physicalName(255)
	}
	w.attributes["Id"] = w.id
	return nil
}

// endAccount leaves the role as it is. AWS: deleting the resource does not
// change the account's settings.
func endAccount(context.Context, *worker) error { return nil }

// makeAPI makes an HTTP or WebSocket API.
func makeAPI(ctx context.Context, w *worker) error {
	if err := fetchBody(ctx, w); err != nil {
		return err
	}
	if v, ok := w.props["Body"]; ok {
		text, isText := v.(string)
		if !isText {
			text = marshalText(v)
		}
		in := map[string]any{"body": text}
		if v, ok := w.props["FailOnWarnings"]; ok {
			in["failOnWarnings"] = v
		}
		out, err := w.call(ctx, "ImportApi", in)
		if err != nil {
			return err
		}
		w.kind.take(w, out)
		rest := maps.Clone(w.props)
		delete(rest, "Body")
		delete(rest, "FailOnWarnings")
		delete(rest, "ProtocolType")
		if len(rest) == 0 {
			return nil
		}
		second := *w
		second.props, second.old = rest, map[string]any{}
		err = updateAPI(ctx, &second)
		return err
	}
	if err := refuse(w, "FailOnWarnings"); err != nil {
		return err
	}
	out, err := w.kind.make(ctx, w)
	if err != nil {
		return err
	}
	w.kind.take(w, out)
	return nil
}

// updateAPI updates an API without its definition.
func updateAPI(ctx context.Context, w *worker) error {
	plain := *w.kind
	plain.turns = nil
	copied := *w
	copied.kind = &plain
	return plain.doUpdate(ctx, &copied)
}

func turnAPI(ctx context.Context, w *worker) error {
	other := otherBody(w)
	if other {
		if err := fetchBody(ctx, w); err != nil {
			return err
		}
	}
	if other && w.props["Body"] != nil {
		text, isText := w.props["Body"].(string)
		if !isText {
			text = marshalText(w.props["Body"])
		}
		in := map[string]any{"apiId": w.id, "body": text}
		if v, ok := w.props["FailOnWarnings"]; ok {
			in["failOnWarnings"] = v
		}
		if _, err := w.call(ctx, "ReimportApi", in); err != nil {
			return err
		}
	}
	if w.props["CorsConfiguration"] == nil && w.old["CorsConfiguration"] != nil {
		if _, err := w.call(ctx, "DeleteCorsConfiguration", map[string]any{"apiId": w.id}); err != nil {
			return err
		}
	}
	next := *w
	next.props, next.old = maps.Clone(w.props), maps.Clone(w.old)
	if other && same(w.old["Tags"], w.props["Tags"]) {
		delete(next.old, "Tags") // the document's own have taken their place
	}
	for _, name := range []string{"Body", "BodyS3Location", "FailOnWarnings", "CorsConfiguration"} {
		if name != "CorsConfiguration" || w.props[name] == nil {
			delete(next.props, name)
			delete(next.old, name)
		}
	}
	return updateAPI(ctx, &next)
}
