package upstream

import (
	"reflect"
	"strings"
	"testing"
)

// TestCheckZeros: a zero that would stand for another default is refused by name,
// and those that mean what they say are not.
func TestCheckZeros(t *testing.T) {
	for _, tt := range []struct {
		given map[string]any
		want  string // empty: nothing is wrong
	}{
		{map[string]any{"slow-start": "0s", "endpoints": []any{"a:1", map[string]any{"address": "b:1", "priority": 0, "weight": 2}}}, ""},
		{map[string]any{"retries": map[string]any{"budget": "0%", "backoff": 0}, "eject": map[string]any{"panic": "0%"}}, ""},
		{map[string]any{"retries": map[string]any{"attempts": 0}}, "retries.attempts: 0 would stand for the default: leave it out, or write -1 for none"},
		{map[string]any{"endpoints": []any{map[string]any{"address": "b:1", "weight": 0}}}, "endpoints.weight: 0 would stand for the default: leave it out, or write draining: true"},
		{map[string]any{"limits": map[string]any{"adaptive": map[string]any{"tolerance": 0.0}}}, "limits.adaptive.tolerance: "},
		{map[string]any{"pending": 0, "connect-timeout": "0s"}, "pending: 0 would stand for the default: leave it out, or write another number\nconnect-timeout: "},
	} {
		err := CheckZeros(tt.given)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%v: %v, want %q", tt.given, err, tt.want)
		}
	}
	if err := CheckReleaseZeros(map[string]any{"targets": []any{map[string]any{"cluster": "a", "weight": 0}}, "canary": map[string]any{"minimum": 0}}); err == nil || !strings.HasPrefix(err.Error(), "canary.minimum: ") {
		t.Errorf("release: %v", err)
	}
}

// TestZerosAreSettings: the settings that are looked at are there.
func TestZerosAreSettings(t *testing.T) {
	there := func(of reflect.Type, setting string) {
		for name := range strings.SplitSeq(setting, ".") {
			for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice && name != "*" {
				of = of.Elem()
			}
			if name == "*" {
				of = of.Elem()
				continue
			}
			found := false
			for i := range of.NumField() {
				if f := of.Field(i); f.Tag.Get("yaml") == name {
					of, found = f.Type, true
					break
				}
			}
			if !found {
				t.Fatalf("%s: there is no %s", setting, name)
			}
		}
	}
	for _, setting := range clusterZeros {
		there(reflect.TypeFor[Definition](), setting)
	}
	for _, setting := range releaseZeros {
		there(reflect.TypeFor[Release](), setting)
	}
}
