package step_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
)

// The samples of the recordings: bytes that are no text, their Base64, text.
const (
	sampleR = "\xff\xfe\x00raw"
	lossyR  = "\uFFFD\uFFFD\x00raw"
	sampleT = "this is text"
)

var sampleE = base64.StdEncoding.EncodeToString([]byte(sampleR))

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func isPNG(contentType string) bool { return strings.TrimSpace(contentType) == "image/png" }

// outcome is a body, or "500" for API_CONFIGURATION_ERROR.
func outcome(t *testing.T, err error, body func() string) string {
	t.Helper()
	if err == nil {
		return body()
	}
	if f := new(gateway.Fault); !errors.As(err, &f) || f.Type != gateway.APIConfigurationError {
		t.Errorf("error %v, want API_CONFIGURATION_ERROR", err)
	}
	return "500"
}

// AWS: rest-execution.md §5.1, first and third table; LS
// s3::TestApiGatewayS3BinarySupport. A body that the step lets pass is made
// text by the integration, if its type is not binary.
func TestRequestContentHandling(t *testing.T) {
	const passes = "passes"
	template := "[$input.body]"
	tests := []struct {
		handling  step.ContentHandling
		binary    bool
		template  string
		r, e, txt string // what becomes of the samples
	}{
		{step.Passthrough, false, "", passes, passes, passes},
		{step.Passthrough, true, "", passes, passes, passes},
		{step.ConvertToText, false, "", passes, passes, passes},
		{step.ConvertToText, true, "", sampleE, base64Of(sampleE), base64Of(sampleT)},
		{step.ConvertToBinary, false, "", "500", sampleR, "500"},
		{step.ConvertToBinary, true, "", passes, passes, passes},

		{step.Passthrough, false, template, "[" + lossyR + "]", "[" + sampleE + "]", "[" + sampleT + "]"},
		{step.Passthrough, true, template, "500", "500", "500"},
		{step.Passthrough, true, "constant", "500", "500", "500"},
		{step.ConvertToText, true, template, "[" + sampleE + "]", "[" + base64Of(sampleE) + "]", "[" + base64Of(sampleT) + "]"},
		{step.ConvertToText, true, "constant", "constant", "constant", "constant"},
		{step.ConvertToText, false, template, "[" + lossyR + "]", "[" + sampleE + "]", "[" + sampleT + "]"},
		{step.ConvertToBinary, true, template, "500", "500", "500"},
		{step.ConvertToBinary, false, "$input.body", "500", sampleR, "500"},
		{step.ConvertToBinary, false, template, "500", "500", "500"}, // brackets are no Base64
		{step.ConvertToBinary, false, base64Of("made"), "made", "made", "made"},
	}
	for _, tt := range tests {
		in := &step.RequestTransform{Handling: tt.handling}
		if tt.template != "" {
			in.Templates = map[string]string{"$default": tt.template}
		}
		s, err := step.NewRequestTemplate(in, &step.Scope{Route: petRoute(), Binary: isPNG})
		if err != nil {
			t.Fatal(err)
		}
		for body, want := range map[string]string{sampleR: tt.r, sampleE: tt.e, sampleT: tt.txt} {
			x := begun(petRoute(), nil, "POST", "/", body, "Content-Type: "+map[bool]string{true: "image/png", false: "text/plain"}[tt.binary])
			var err error
			if s != nil {
				err = s.Do(context.Background(), x)
			}
			got := outcome(t, err, func() string {
				if !x.Transformed {
					return passes
				}
				return string(x.IntegrationRequest.Body.Bytes)
			})
			if got != want {
				t.Errorf("%q, binary %v, template %q: %q became %q, want %q", tt.handling, tt.binary, tt.template, body, got, want)
			}
		}
	}
	if _, err := step.NewRequestTemplate(&step.RequestTransform{Handling: "CONVERT"}, &step.Scope{}); err == nil {
		t.Error("contentHandling CONVERT: no error")
	}
}

// AWS: rest-execution.md §5.1, second and third table. What is no text has been
// made text before, if its type is not binary.
func TestResponseContentHandling(t *testing.T) {
	eText, tText := base64Of(sampleE), base64Of(sampleT)
	tests := []struct {
		handling       step.ContentHandling
		binary, wanted bool
		template       string
		r, e, txt      string
	}{
		{step.Passthrough, false, false, "", lossyR, sampleE, sampleT},
		{step.Passthrough, false, true, "", "500", sampleR, "500"},
		{step.Passthrough, true, false, "", sampleE, eText, tText},
		{step.Passthrough, true, true, "", sampleR, sampleE, sampleT},
		{step.ConvertToText, false, false, "", lossyR, sampleE, sampleT},
		{step.ConvertToText, false, true, "", lossyR, sampleE, sampleT},
		{step.ConvertToText, true, false, "", sampleE, eText, tText},
		{step.ConvertToText, true, true, "", sampleE, eText, tText},
		{step.ConvertToBinary, false, false, "", "500", sampleR, "500"},
		{step.ConvertToBinary, false, true, "", "500", sampleR, "500"},
		{step.ConvertToBinary, true, false, "", sampleR, sampleE, sampleT},
		{step.ConvertToBinary, true, true, "", sampleR, sampleE, sampleT},

		{step.ConvertToText, true, true, `{"data": "$input.body"}`, `{"data": "` + sampleE + `"}`, `{"data": "` + eText + `"}`, `{"data": "` + tText + `"}`},
		{step.ConvertToBinary, false, false, "$input.body", "500", sampleR, "500"},
		{step.ConvertToBinary, true, false, "$input.body", "500", "500", "500"},
	}
	for _, tt := range tests {
		in := step.Response{Status: 200, Handling: tt.handling}
		if tt.template != "" {
			in.Templates = map[string]string{"application/json": tt.template}
		}
		s, err := step.NewIntegrationResponse([]step.Response{in}, step.BackendHTTP, &step.Scope{Binary: isPNG})
		if err != nil {
			t.Fatal(err)
		}
		for body, want := range map[string]string{sampleR: tt.r, sampleE: tt.e, sampleT: tt.txt} {
			kind := "image/png"
			if !tt.binary {
				kind, body = "text/plain", strings.ToValidUTF8(strings.ReplaceAll(body, "\xff\xfe", "\uFFFD\uFFFD"), "\uFFFD")
			}
			accept := map[bool]string{true: "image/png,text/html", false: "text/html,image/png"}[tt.wanted]
			for _, streamed := range []int{0, len(body)} {
				x := begun(petRoute(), nil, "GET", "/", "", "Accept: "+accept)
				cl := &gatewaytest.Cluster{Body: body, Streamed: streamed, Header: gatewaytest.Header("Content-Type: " + kind)}
				if err := cl.Do(context.Background(), &x.IntegrationRequest, &x.IntegrationResponse, x.Deadline); err != nil {
					t.Fatal(err)
				}
				got := outcome(t, s.Do(context.Background(), x), func() string {
					a, err := gatewaytest.Drain(x)
					if err != nil || a.Length != int64(len(a.Body)) {
						t.Errorf("length %d of %q, %v", a.Length, a.Body, err)
					}
					return a.Body
				})
				if got != want {
					t.Errorf("%q, binary %v, wanted %v, template %q: %q became %q, want %q", tt.handling, tt.binary, tt.wanted, tt.template, body, got, want)
				}
			}
		}
	}
}
