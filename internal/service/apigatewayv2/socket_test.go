package apigatewayv2

import "testing"

// An expression that the data plane could not follow is never stored.
func TestSelectsRoute(t *testing.T) {
	tests := map[string]bool{
		"$request.body.action": true, "${request.body.a}/${request.body.b.c}": true, "${request.body.a}-x": true, `\$default`: true, "action": true,
		"": false, "$request.header.x": false, "${request.body.a": false, "$context.routeKey": false, "$request.body.": false, "${request.body.}": false,
		"$request.body.a[": false,
	}
	for expr, want := range tests {
		if got := selectsRoute(expr); got != want {
			t.Errorf("selectsRoute(%q) = %v, want %v", expr, got, want)
		}
	}
}
