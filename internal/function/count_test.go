package function_test

import (
	"testing"

	"gatehouse/internal/function"
	"gatehouse/internal/metrics"
)

// Invocations are counted by function: those that ran, that failed, and that
// were throttled.
func TestCount(t *testing.T) {
	reg := metrics.NewRegistry[string](10)
	h := newHost(t, function.Options{Metrics: reg})
	def := latest(function.Version{Code: testCode(t)})
	mustSet(t, h, def)
	invoke(t, h, deed{Do: "pid"})
	if r := invoke(t, h, deed{Do: "error"}); r.Error == "" {
		t.Errorf("it did not fail: %s", r.Payload)
	}
	def.Reserved = new(int) // nothing runs
	mustSet(t, h, def)
	if _, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN}); err == nil {
		t.Error("it was not throttled")
	}
	f := reg.Series(testARN).Figures()
	if f.Count != 3 || f.Integration.Count != 2 || f.ServerErrors != 1 || f.ClientErrors != 1 || f.Integration.Sum <= 0 {
		t.Errorf("counted %+v", f)
	}
	if peaks := h.Peaks(); peaks[testARN] != 1 {
		t.Errorf("peaks %v", peaks)
	}
	h.Remove(testARN)
	if n := len(reg.All()); n != 0 {
		t.Errorf("%d series stay", n)
	}
}
