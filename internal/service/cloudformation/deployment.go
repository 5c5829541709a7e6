package cloudformation

import (
	"context"
	"maps"

	"gatehouse/internal/awsrpc"
)

func makeDeployment(ctx context.Context, w *worker) error {
	if w.props["StageDescription"] != nil && w.text("StageName") == "" {
		// AWS: the words of the resource's handler.
		return awsrpc.Validation("StageDescription cannot be specified when stage referenced by StageName already exists, or without a StageName")
	}
	plain := *w
	plain.props = maps.Clone(w.props)
	delete(plain.props, "StageDescription")
	out, err := w.kind.make(ctx, &plain)
	if err != nil {
		return err
	}
	w.kind.take(w, out)
	return describeStage(ctx, w, nil)
}

func turnDeployment(ctx context.Context, w *worker) error {
	if err := w.kind.patchUpdate(ctx, w); err != nil {
		return err
	}
	return describeStage(ctx, w, asMembers(w.old["StageDescription"]))
}

// describeStage makes the stage that a deployment brought with it what
// StageDescription says.
func describeStage(ctx context.Context, w *worker, before map[string]any) error {
	after := asMembers(w.props["StageDescription"])
	if len(after)+len(before) == 0 {
		return nil
	}
	stage := *w
	stage.kind = w.s.kinds["AWS::ApiGateway::Stage"]
	stage.id = w.text("StageName")
	stage.attributes = map[string]any{}
	where := only(w.props, "RestApiId", "StageName")
	stage.props, stage.old = stageOf(after, where), stageOf(before, where)
	if err := stage.kind.check(stage.props); err != nil {
		return err
	}
	return stage.kind.patchUpdate(ctx, &stage)
}

// stageOf are the properties of a stage that a StageDescription means: what it
// says of methods is for all of them.
func stageOf(description, where map[string]any) map[string]any {
	props, all := maps.Clone(where), map[string]any{"ResourcePath": "/*", "HttpMethod": "*"}
	var settings []any
	for name, v := range description {
		switch name {
		case "CachingEnabled", "CacheDataEncrypted", "CacheTtlInSeconds", "DataTraceEnabled", "LoggingLevel", "MetricsEnabled", "ThrottlingBurstLimit", "ThrottlingRateLimit":
			all[name] = v
		case "MethodSettings":
			settings = asItems(v)
		default:
			props[name] = v
		}
	}
	if len(all) > 2 {
		settings = append([]any{all}, settings...)
	}
	if settings != nil {
		props["MethodSettings"] = settings
	}
	return props
}

// endDeployment deletes a deployment with the stage that it made.
//
// AWS: the stage of StageName goes when nothing else points to it.
func endDeployment(ctx context.Context, w *worker) error {
	if stage := w.text("StageName"); stage != "" {
		at := map[string]any{"restApiId": w.props["RestApiId"], "stageName": stage}
		out, err := w.call(ctx, "GetStage", at)
		if err == nil && out["deploymentId"] == w.id {
			if _, err := w.call(ctx, "DeleteStage", at); err != nil && !isGone(err) {
				return err
			}
		}
	}
	_, err := w.call(ctx, "DeleteDeployment", map[string]any{"restApiId": w.props["RestApiId"], "deploymentId": w.id})
	return err
}
