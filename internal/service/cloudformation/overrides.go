package cloudformation

import (
	"context"
	"maps"

	"gatehouse/internal/awsrpc"
)

// overridesKind changes what quick create made of an HTTP API: its integration,
// its route and its stage.
//
// AWS: "you can use AWS::ApiGatewayV2::ApiGatewayManagedOverrides to override the
// default properties of … an HTTP API created with quick create". Ref is the API's
// id. That its deletion leaves things as they are is undocumented.
func overridesKind() *kind {
	return &kind{
		Type: "AWS::ApiGatewayV2::ApiGatewayManagedOverrides", service: "apigatewayv2", props: "ApiId! Integration Route Stage", attrs: "Id",
		makes: func(ctx context.Context, w *worker) error {
			w.id = w.text("ApiId")
			w.attributes["Id"] = w.id
			return override(ctx, w)
		},
		turns: override, ends: nothing,
	}
}

// override changes the managed parts of an API that have overrides. What an
// override no longer says is emptied.
func override(ctx context.Context, w *worker) error {
	for _, part := range []struct{ property, list, update, id string }{
		{"Integration", "GetIntegrations", "UpdateIntegration", "integrationId"}, {"Route", "GetRoutes", "UpdateRoute", "routeId"}, {"Stage", "GetStages", "UpdateStage", "stageName"},
	} {
		next, old := asMembers(w.props[part.property]), asMembers(w.old[part.property])
		if same(w.props[part.property], w.old[part.property]) || len(next)+len(old) == 0 {
			continue
		}
		out, err := w.call(ctx, part.list, map[string]any{"apiId": w.id})
		if err != nil {
			return err
		}
		in := map[string]any{"apiId": w.id}
		for _, e := range asItems(out["items"]) {
			if m := asMembers(e); m["apiGatewayManaged"] == true {
				in[part.id] = m[part.id]
			}
		}
		if in[part.id] == nil {
			return awsrpc.Validation("The API " + w.id + " has no " + part.property + " that is managed by API Gateway: it was not made with quick create")
		}
		for name, v := range without(old, next) {
			in[name] = emptyOf(v)
		}
		maps.Copy(in, next)
		if _, err := w.call(ctx, part.update, in); err != nil {
			return err
		}
	}
	return nil
}
