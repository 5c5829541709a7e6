package step_test

import (
	"context"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/jsonschema"
	"gatehouse/internal/wire"
)

func models(t testing.TB, byType map[string]string) map[string]*jsonschema.Schema {
	t.Helper()
	m := make(map[string]*jsonschema.Schema)
	for mediaType, text := range byType {
		s, err := jsonschema.Compile(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		m[mediaType] = s
	}
	return m
}

// AWS: rest-execution.md §7; LS common::test_api_gateway_request_validator.
func TestValidateBody(t *testing.T) {
	json := map[string]string{"application/json": `{"type":"object","required":["a"],"properties":{"a":{"type":"number"}}}`}
	both := map[string]string{"application/json": json["application/json"], "$default": `{"type":"array"}`}
	const (
		missing = `[object has missing required properties (["a"])]`
		noJSON  = `[Unknown error parsing request body]`
	)
	tests := []struct {
		name        string
		models      map[string]string
		contentType string
		body        string
		want        string // the validation error
	}{
		{"valid", json, "application/json", `{"a":1}`, ""},
		{"missing", json, "application/json", `{"b":1}`, missing},
		{"parameters of the type", json, "application/json ; charset=utf-8", `{"b":1}`, missing},
		{"case of the type", json, "Application/JSON", `{"b":1}`, missing},
		{"no type is JSON", json, "", `{"b":1}`, missing},
		{"wrong type of value", json, "application/json", `{"a":"1"}`, `[instance type (string) does not match any allowed primitive type (allowed: ["integer","number"])]`},
		{"not JSON", json, "application/json", `a=1`, noJSON},
		{"no body is {}", json, "application/json", ``, noJSON},
		{"no body is valid", map[string]string{"application/json": `{"type":"object"}`}, "", ``, ""},
		{"no model for the type", json, "text/plain", `a=1`, ""},
		{"model for all other types", both, "text/plain", `{"a":1}`, `[instance type (object) does not match any allowed primitive type (allowed: ["array"])]`},
		{"model for all other types, valid", both, "text/plain", `[]`, ""},
		{"own model goes before", both, "application/json", `{"a":1}`, ""},
		{"no models", nil, "application/json", `x`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := step.NewValidateBody(models(t, tt.models))
			var lines []string
			if tt.contentType != "" {
				lines = append(lines, "Content-Type: "+tt.contentType)
			}
			x := new(gateway.Exchange)
			gatewaytest.Fill(x, "POST", "/", "", lines...)
			x.MethodRequest.Body = wire.Body{Length: -1, Source: &text{Reader: strings.NewReader(tt.body)}}
			err := s.Do(context.Background(), x)
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			f, ok := err.(*gateway.Fault)
			if !ok || f.Type != gateway.BadRequestBody || f.Validation != tt.want || f.StatusCode() != 400 {
				t.Fatalf("got %+v, want BAD_REQUEST_BODY with %s", err, tt.want)
			}
			if body := string(f.AppendBody(nil)); body != `{"message": "Invalid request body"}` {
				t.Errorf("body %s", body)
			}
		})
	}
}

// text is a body that comes in pieces.
type text struct{ *strings.Reader }

func (s *text) Trailer() *wire.Header { return nil }
func (s *text) Close() error          { return nil }

// TestValidateBodyBound: a body is read up to MaxBody, and not at all without
// a model.
func TestValidateBodyBound(t *testing.T) {
	s := step.NewValidateBody(models(t, map[string]string{"application/json": `{}`}))
	x := new(gateway.Exchange)
	x.MethodRequest.Body = wire.Body{Length: -1, Source: &text{strings.NewReader(strings.Repeat(" ", gateway.MaxBody+1))}}
	f, ok := s.Do(context.Background(), x).(*gateway.Fault)
	if !ok || f.Type != gateway.RequestTooLarge {
		t.Errorf("got %v, want REQUEST_TOO_LARGE", f)
	}
	x = new(gateway.Exchange)
	src := &text{strings.NewReader("x")}
	gatewaytest.Fill(x, "POST", "/", "", "Content-Type: image/png")
	x.MethodRequest.Body = wire.Body{Length: -1, Source: src}
	if err := s.Do(context.Background(), x); err != nil || src.Len() != 1 {
		t.Errorf("%v, %d bytes left of 1: a body without a model is not read", err, src.Len())
	}
}

// underRace tells whether this binary has the race detector.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestValidateBodyAllocs(t *testing.T) {
	if underRace() {
		t.Skip("validations come from a sync.Pool, which loses some under the race detector")
	}
	s := step.NewValidateBody(models(t, map[string]string{"application/json": `{"type":"object","required":["a"],"properties":{"a":{"type":"string","pattern":"^[a-z]+$"}}}`}))
	x := new(gateway.Exchange)
	gatewaytest.Fill(x, "POST", "/", `{"a":"abc"}`, "Content-Type: application/json; charset=utf-8")
	if n := testing.AllocsPerRun(1000, func() {
		if err := s.Do(context.Background(), x); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Do allocates %v times, budget 0", n)
	}
}
