package cloudformation

import (
	"cmp"
	"context"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
)

// trailKinds are the trails of CloudTrail.
//
// AWS: template reference of AWS::CloudTrail::Trail.
func trailKinds() []*kind {
	return []*kind{{
		Type: "AWS::CloudTrail::Trail", service: "cloudtrail",
		props: "AdvancedEventSelectors CloudWatchLogsLogGroupArn CloudWatchLogsRoleArn EnableLogFileValidation EventSelectors IncludeGlobalServiceEvents " +
			"InsightSelectors IsLogging IsMultiRegionTrail IsOrganizationTrail KMSKeyId S3BucketName S3KeyPrefix SnsTopicName Tags TrailName!",
		rename: map[string]string{"KMSKeyId": "KmsKeyId", "Tags": "TagsList"},
		makes:  makeTrail, turns: turnTrail, reads: readTrail,
		ends: func(ctx context.Context, w *worker) error {
			_, err := w.call(ctx, "DeleteTrail", map[string]any{"Name": w.id})
			return err
		},
	}}
}

// trailInput is the input of CreateTrail and UpdateTrail, but for the name.
func trailInput(w *worker) (map[string]any, error) {
	if _, ok := w.props["IsLogging"]; !ok {
		return nil, awsrpc.Validation("#: required key [IsLogging] not found")
	}
	in, err := w.kind.input(w.props)
	for _, name := range []string{"TrailName", "IsLogging", "EventSelectors", "AdvancedEventSelectors", "InsightSelectors"} {
		delete(in, name) // other operations set them
	}
	return in, err
}

func makeTrail(ctx context.Context, w *worker) error {
	in, err := trailInput(w)
	if err != nil {
		return err
	}
	name := cmp.Or(w.text("TrailName"), w.physicalName(128))
	in["Name"] = name
	out, err := w.call(ctx, "CreateTrail", in)
	if err != nil {
		return err
	}
	w.id = name
	w.attributes["Arn"] = out["TrailARN"]
	return startTrail(ctx, w)
}

func turnTrail(ctx context.Context, w *worker) error {
	in, err := trailInput(w)
	if err != nil {
		return err
	}
	delete(in, "TagsList")
	// What the template no longer says is as if it never had.
	for name, absent := range map[string]any{"S3KeyPrefix": "", "IncludeGlobalServiceEvents": true, "IsMultiRegionTrail": false, "EnableLogFileValidation": false,
		"CloudWatchLogsLogGroupArn": "", "CloudWatchLogsRoleArn": ""} {
		if _, ok := in[name]; !ok {
			in[name] = absent
		}
	}
	in["Name"] = w.id
	if _, err := w.call(ctx, "UpdateTrail", in); err != nil {
		return err
	}
	if err := tagTrail(ctx, w); err != nil {
		return err
	}
	return startTrail(ctx, w)
}

// startTrail has a trail deliver what the template says, or not.
func startTrail(ctx context.Context, w *worker) error {
	selectors := map[string]any{"TrailName": w.id}
	for _, name := range []string{"EventSelectors", "AdvancedEventSelectors"} {
		if list := asItems(w.props[name]); len(list) > 0 {
			selectors[name] = list
		}
	}
	had := len(asItems(w.old["EventSelectors"]))+len(asItems(w.old["AdvancedEventSelectors"])) > 0
	if len(selectors) == 1 && had {
		selectors["EventSelectors"] = []any{map[string]any{"ReadWriteType": "All"}}
	}
	if len(selectors) > 1 {
		if _, err := w.call(ctx, "PutEventSelectors", selectors); err != nil {
			return err
		}
	}
	if list := asItems(w.props["InsightSelectors"]); len(list) > 0 {
		if _, err := w.call(ctx, "PutInsightSelectors", map[string]any{"TrailName": w.id, "InsightSelectors": list}); err != nil {
			return err
		}
	}
	operation := "StopLogging"
	if on, _ := w.props["IsLogging"].(bool); on || w.props["IsLogging"] == "true" {
		operation = "StartLogging"
	}
	_, err := w.call(ctx, operation, map[string]any{"Name": w.id})
	return err
}

// tagTrail changes the tags of a trail.
func tagTrail(ctx context.Context, w *worker) error {
	self, err := arn.Parse(str(w.stack.StackId))
	if err != nil {
		return err
	}
	self.Service, self.Resource = "cloudtrail", "trail/"+w.id
	return retagByPairs(ctx, w, "AddTags", "RemoveTags", "TagsList", map[string]any{"ResourceId": self.String()})
}

// readTrail reads what a trail is.
func readTrail(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetTrail", map[string]any{"Name": w.id})
	if err != nil {
		return nil, err
	}
	found := asMembers(out["Trail"])
	is := w.inTemplateForm(found)
	is["TrailName"], is["EnableLogFileValidation"] = found["Name"], found["LogFileValidationEnabled"]
	status, err := w.call(ctx, "GetTrailStatus", map[string]any{"Name": w.id})
	if err != nil {
		return nil, err
	}
	is["IsLogging"] = status["IsLogging"]
	selectors, err := w.call(ctx, "GetEventSelectors", map[string]any{"TrailName": w.id})
	if err != nil {
		return nil, err
	}
	is["EventSelectors"], is["AdvancedEventSelectors"] = selectors["EventSelectors"], selectors["AdvancedEventSelectors"]
	if _, stated := w.props["Tags"]; stated {
		out, err := w.call(ctx, "ListTags", map[string]any{"ResourceIdList": []any{found["TrailARN"]}})
		if err != nil {
			return nil, err
		}
		for _, of := range asItems(out["ResourceTagList"]) {
			is["Tags"] = listedTags(asMembers(of)["TagsList"])
		}
	}
	return is, nil
}
