package apigatewayv2

import "testing"

// An update of one access log setting keeps the other, and an empty one both.
func TestAccessLogMerge(t *testing.T) {
	c := newClient(t, nil)
	stage := doc{"ApiId": c.quick(), "StageName": "logged"}
	group := func(name string) string {
		return "arn:aws:logs:" + testRegion + ":" + testAccount + ":log-group:" + name
	}
	c.must("CreateStage", with(stage, "AccessLogSettings", doc{"destinationArn": group("a"), "format": "$context.requestId"}))
	steps := []struct {
		update                doc
		wantGroup, wantFormat string
	}{
		{doc{"format": "$context.requestId $context.status"}, "a", "$context.requestId $context.status"},
		{doc{"destinationArn": group("b")}, "b", "$context.requestId $context.status"},
		{doc{}, "b", "$context.requestId $context.status"},
		{nil, "b", "$context.requestId $context.status"},
		{doc{"destinationArn": group("c"), "format": "$context.extendedRequestId"}, "c", "$context.extendedRequestId"},
	}
	for _, tt := range steps {
		in := with(stage, "Description", "x")
		if tt.update != nil {
			in = with(in, "AccessLogSettings", tt.update)
		}
		c.must("UpdateStage", in)
		got, _ := c.must("GetStage", stage)["accessLogSettings"].(map[string]any)
		if got["destinationArn"] != group(tt.wantGroup) || got["format"] != tt.wantFormat {
			t.Errorf("after %v: %v", tt.update, got)
		}
	}
	c.fail("UpdateStage", with(stage, "AccessLogSettings", doc{"format": ""}), "BadRequestException: Access log format must contain $context.requestId or $context.extendedRequestId")
}
