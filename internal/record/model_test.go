package record_test

import (
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

func TestSchemaAt(t *testing.T) {
	def := &record.Definition{Models: map[string]api.Model{"Pet": {Schema: new(`{"type":"object"}`)}}}
	tests := []struct {
		address, want string // want is empty: an error
	}{
		{"https://apigateway.amazonaws.com/restapis/abc/models/Pet", `{"type":"object"}`},
		{"https://apigateway.amazonaws.com/restapis/other/models/Pet", `{"type":"object"}`},
		{"https://apigateway.amazonaws.com/restapis/abc/models/Dog", ""},
		{"https://example.com/restapis/abc/models/Pet", ""},
		{"#/definitions/Pet", ""},
	}
	for _, tt := range tests {
		got, err := def.SchemaAt(tt.address)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("SchemaAt(%s) = %q, %v, want %q", tt.address, got, err, tt.want)
		}
	}
}
