package compile_test

import (
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
)

// An API without minimumCompressionSize has no step for it, and what is
// streamed is not compressed.
//
// AWS: rest-execution.md §6 and §13.
func TestCompressionSteps(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		id                string
		min               *int32
		mode              string
		request, response int // steps more than without
	}{
		{"off", nil, "BUFFERED", 0, 0},
		{"on", new(int32(0)), "BUFFERED", 1, 1},
		{"stream", new(int32(0)), "STREAM", 1, 0},
	}
	var plain int
	for _, tt := range tests {
		def := echoed("http://127.0.0.1:1", "", "", func(m *api.Method) {
			m.MethodIntegration.Type, m.MethodIntegration.ResponseTransferMode = new("HTTP_PROXY"), &tt.mode
		})
		def.RestAPI.MinimumCompressionSize = tt.min
		w.deploy(tt.id, "s", def)
		rt, _ := w.gw.Table().API(tt.id).Stages["s"].Router.Match("POST", "/", nil)
		if tt.id == "off" {
			plain = len(rt.Plan.Request)
		}
		if got := len(rt.Plan.Request) - plain; got != tt.request {
			t.Errorf("%s: %d request steps more, want %d", tt.id, got, tt.request)
		}
		if got := len(rt.Plan.Response); got != tt.response {
			t.Errorf("%s: %d response steps, want %d", tt.id, got, tt.response)
		}
	}
}
